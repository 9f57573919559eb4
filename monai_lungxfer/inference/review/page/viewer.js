"use strict";
// The radiograph that is looked at: zoom, moving, opacity of the mask, before and after cleaning, and what is told of it.
const viewer = (() => {
  const get = (id) => document.getElementById(id);
  const stage = get("stage");
  const MOST = 12; // times
  let record = null, svg = null, before = false;
  let view = { x: 0, y: 0, scale: 1 }; // of the grid: what lies in the upper left corner

  function place() {
    if (!svg) return;
    const [width, height] = record.grid, room = 1 / view.scale;
    view.x = Math.min(Math.max(view.x, 0), width * (1 - room));
    view.y = Math.min(Math.max(view.y, 0), height * (1 - room));
    svg.setAttribute("viewBox", `${view.x} ${view.y} ${width * room} ${height * room}`);
    get("zoom-fit").textContent = view.scale === 1 ? "Fit" : `${Math.round(100 * view.scale)} %`;
  }

  // Zoom by a factor; the point (of the screen) stays where it is.
  function zoom(factor, point = null) {
    if (!svg) return;
    const [width, height] = record.grid;
    const scale = Math.min(MOST, Math.max(1, view.scale * factor));
    const fixed = point ? onGrid(point) : { x: view.x + width / view.scale / 2, y: view.y + height / view.scale / 2 };
    const ratio = view.scale / scale;
    view = { x: fixed.x - (fixed.x - view.x) * ratio, y: fixed.y - (fixed.y - view.y) * ratio, scale };
    place();
  }
  const onGrid = (point) => new DOMPoint(point.x, point.y).matrixTransform(svg.getScreenCTM().inverse());
  function fit() { view = { x: 0, y: 0, scale: 1 }; place(); }

  const fingers = new Map();
  stage.addEventListener("pointerdown", (event) => {
    if (!svg) return;
    stage.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  });
  stage.addEventListener("pointermove", (event) => {
    const last = fingers.get(event.pointerId);
    if (!last || !svg) return;
    const now = { x: event.clientX, y: event.clientY };
    const other = [...fingers].find(([id]) => id !== event.pointerId)?.[1];
    if (other) {
      const far = (a) => Math.hypot(a.x - other.x, a.y - other.y);
      zoom(far(now) / Math.max(1, far(last)), { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 });
    } else {
      const [from, to] = [onGrid(last), onGrid(now)];
      view.x -= to.x - from.x;
      view.y -= to.y - from.y;
      place();
    }
    fingers.set(event.pointerId, now);
  });
  for (const name of ["pointerup", "pointercancel"]) stage.addEventListener(name, (event) => fingers.delete(event.pointerId));
  stage.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoom(Math.exp(-event.deltaY / 400), { x: event.clientX, y: event.clientY });
  }, { passive: false });
  stage.addEventListener("keydown", (event) => {
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!steps || view.scale === 1 || !svg) return;
    view.x += steps[0] * record.grid[0] / view.scale / 8;
    view.y += steps[1] * record.grid[1] / view.scale / 8;
    place();
    event.preventDefault();
    event.stopPropagation();
  });

  function draw() {
    svg = record.grid && !record.missing ? drawRecord(record, before) : null;
    stage.replaceChildren(svg || make("span", { className: "why" }, whyNot(record)));
    stage.setAttribute("aria-label", svg ? `${data.pictures ? "Radiograph" : "Outline"} with the ${before ? "mask before cleaning" : "mask"}` : whyNot(record));
    place();
  }

  function setBefore(value) {
    before = value && Boolean(record?.raw);
    get("cleaning").setAttribute("aria-pressed", String(before));
    if (record) draw();
  }

  function tell() {
    const known = (value, text) => (value === null || value === undefined ? null : text);
    const r = record;
    const rows = [
      ["Expected Dice", known(r.dice_expected, `${decimals(r.dice_expected, 2)} (90 %: ${decimals(r.dice_low, 2)} to ${decimals(r.dice_high, 2)})`)],
      ["Lung area", known(r.share, percent(r.share) + (r.lung_cm2 === null ? "" : `, ${Math.round(r.lung_cm2)} cm²`))],
      ["Right, left lung", known(r.right_lung_cm2, `${Math.round(r.right_lung_cm2)}, ${Math.round(r.left_lung_cm2)} cm²`)],
      ["Symmetry", known(r.symmetry, decimals(r.symmetry, 2))],
      ["Changed by cleaning", known(r.cleaned, r.cleaned > 0 && r.cleaned < 0.0005 ? "< 0.1 %" : percent(r.cleaned))],
      ["Size", known(r.width, `${r.width} × ${r.height} pixels`)],
      ["Mask", known(r.mask, r.mask)],
    ].filter(([, text]) => text !== null);
    get("numbers").replaceChildren(...rows.map(([name, text]) => make("div", {}, make("dt", {}, name), make("dd", {}, text))));
    const flags = r.flags.map((flag) => make("li", {}, make("strong", {}, flag.replaceAll("_", " ")), `: ${data.flags[flag] || ""}`));
    const corrected = r.corrected && !r.missing ? "The outline is that of the corrected mask. Flags and numbers are those of the network's." : null;
    const remarks = [corrected, r.reason, r.unpictured, ...r.remarks].filter(Boolean).map((text) => make("li", {}, text));
    get("reasons").replaceChildren(...flags, ...remarks);
    get("cleaning").disabled = !r.raw;
    get("cleaning").title = r.raw ? "" : "Cleaning changed nothing, or the run has kept no outline from before it";
  }

  get("opacity").addEventListener("input", (event) => {
    document.documentElement.style.setProperty("--opacity", event.target.value / 100);
    event.target.setAttribute("aria-valuetext", `${event.target.value} %`);
  });
  get("cleaning").addEventListener("click", () => setBefore(!before));
  get("zoom-in").addEventListener("click", () => zoom(1.5));
  get("zoom-out").addEventListener("click", () => zoom(1 / 1.5));
  get("zoom-fit").addEventListener("click", fit);

  return {
    show(next) {
      record = next;
      view = { x: 0, y: 0, scale: 1 };
      before = false;
      get("cleaning").setAttribute("aria-pressed", "false");
      get("name").textContent = record.file;
      tell();
      draw();
    },
    redraw() {
      if (!record) return;
      tell();
      draw();
    },
    toggleCleaning: () => setBefore(!before),
    zoom,
    fit,
  };
})();
