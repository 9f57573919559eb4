"use strict";
const all = (selector, root = document) => [...root.querySelectorAll(selector)];

// Tables: a heading's button sorts by its column; what is undefined comes last either way.
function compare(a, b) {
  const [x, y] = [Number(a), Number(b)];
  return Number.isNaN(x) || Number.isNaN(y) ? a.localeCompare(b) : x - y;
}
function sortBy(header) {
  const table = header.closest("table");
  const direction = header.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending";
  for (const other of all("thead th", table)) other.setAttribute("aria-sort", other === header ? direction : "none");
  const value = (row) => row.cells[header.cellIndex].dataset.value;
  const body = table.tBodies[0];
  const rows = [...body.rows].sort((a, b) => {
    const [x, y] = [value(a), value(b)];
    if (x === "" || y === "") return (x === "") - (y === "");
    return direction === "ascending" ? compare(x, y) : compare(y, x);
  });
  body.append(...rows);
}
for (const button of all("thead button")) button.addEventListener("click", () => sortBy(button.closest("th")));

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

// Print shows everything.
let opened = [];
addEventListener("beforeprint", () => {
  opened = all("details:not([open])");
  for (const one of opened) one.open = true;
});
addEventListener("afterprint", () => {
  for (const one of opened) one.open = false;
});
