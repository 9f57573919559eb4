// Cases: filters by finding and flag, and the order.
const gallery = document.querySelector(".gallery");
const cases = all(".case", gallery);
const chosen = { finding: "", flag: "" };
function showCases() {
  let shown = 0;
  for (const one of cases) {
    const fits = (!chosen.finding || one.dataset.finding === chosen.finding)
      && (!chosen.flag || one.dataset.flags.split(" ").includes(chosen.flag));
    one.hidden = !fits;
    shown += fits;
  }
  document.getElementById("shown").value = `${shown} of ${cases.length} cases`;
  document.querySelector(".none").hidden = shown > 0;
}
for (const group of all(".chips")) {
  group.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    for (const other of all("button", group)) other.setAttribute("aria-pressed", String(other === button));
    chosen[group.dataset.filter] = button.dataset.value;
    showCases();
  });
}
document.getElementById("order").addEventListener("change", (event) => {
  const key = event.target.value.replace("-", "");
  const sign = event.target.value.startsWith("-") ? -1 : 1;
  cases.sort((a, b) => sign * (a.dataset[key] - b.dataset[key]));
  gallery.append(...cases);
});

// The slider: left of the cut is before, right of it after.
gallery.addEventListener("input", (event) => {
  const slider = event.target;
  slider.closest(".case").querySelector(".pair").style.setProperty("--cut", `${slider.value}%`);
  slider.setAttribute("aria-valuetext", `left ${slider.value} % before, right ${100 - slider.value} % after`);
});
