"use strict";
// The page: filters, keys, marks, and what is said aloud.
const get = (id) => document.getElementById(id);
const say = (text) => { get("live").textContent = text; };
const narrow = matchMedia("(max-width: 56rem)");
const isNarrow = () => narrow.matches;
const isCovered = () => isNarrow() && !get("detail").hidden;
// What the radiograph covers on a narrow screen takes no focus, and is read to nobody.
function cover() {
  for (const part of document.querySelectorAll(".skip, .top, .privacy, .filters, .gallery")) part.inert = isCovered();
}
narrow.addEventListener("change", cover);

const byName = new Intl.Collator("en", { numeric: true }).compare;
const ORDERS = {
  worst: ["Worst first", null],
  name: ["File name", (a, b) => byName(a.file, b.file)],
  small: ["Smallest lungs first", (a, b) => (a.share ?? 2) - (b.share ?? 2)],
  large: ["Largest lungs first", (a, b) => (b.share ?? -1) - (a.share ?? -1)],
  uneven: ["Most asymmetric first", (a, b) => (a.symmetry ?? 2) - (b.symmetry ?? 2)],
  cleaned: ["Most cleaned first", (a, b) => (b.cleaned ?? -1) - (a.cleaned ?? -1)],
  flags: ["Most flags first", (a, b) => b.flags.length - a.flags.length],
};

function fillSelect(id, options) {
  get(id).replaceChildren(...options.map(([value, text]) => make("option", { value }, text)));
}
function fillFilters() {
  const count = (fits) => data.records.filter(fits).length;
  const flags = Object.keys(data.flags).map((flag) => [flag, count((r) => r.flags.includes(flag))]).filter(([, n]) => n);
  fillSelect("flag", [["", "all"], ["any", `any flag (${count((r) => r.flags.length)})`], ["none", `no flag (${count((r) => !r.flags.length)})`],
    ...flags.map(([flag, n]) => [flag, `${flag.replaceAll("_", " ")} (${n})`])]);
  const statuses = [...new Set(data.records.map((record) => record.status))];
  fillSelect("status", [["", "all"], ...statuses.map((name) => [name, `${name === "done" ? "segmented" : name} (${count((r) => r.status === name)})`])]);
  fillSelect("mark", [["", "all"], ["none", "not marked"], ...Object.entries(MARKS)]);
  fillSelect("order", Object.entries(ORDERS).map(([value, [text]]) => [value, text]));
}

function apply() {
  const text = get("search").value.trim().toLowerCase();
  const [flag, status, mark] = ["flag", "status", "mark"].map((id) => get(id).value);
  const bound = (id) => (get(id).value === "" ? null : Number(get(id).value) / 100);
  const [least, most] = [bound("least"), bound("most")];
  const fits = (record) =>
    (!text || record.file.toLowerCase().includes(text))
    && (!flag || (flag === "any" ? record.flags.length > 0 : flag === "none" ? !record.flags.length : record.flags.includes(flag)))
    && (!status || record.status === status)
    && (!mark || (marks.get(record.file).mark || "none") === mark)
    && (least === null || (record.share !== null && record.share >= least))
    && (most === null || (record.share !== null && record.share <= most));
  const found = data.records.map((record, at) => [record, at]).filter(([record]) => fits(record));
  const order = ORDERS[get("order").value][1];
  if (order) found.sort(([a], [b]) => order(a, b)); // stable: of equals, the worse stays first
  list.show(found.map(([, at]) => at));
  get("none").hidden = found.length > 0;
  if (list.active >= 0) showPlace();
  tellCounts();
}

function tellCounts() {
  get("count").value = `${list.shown.length} of ${data.records.length} radiographs`;
  const kept = marks.isKept() ? "" : " This browser keeps no marks: save them before you close the page.";
  get("facts").textContent = `${marks.count()} of ${data.records.length} marked.${kept}`;
  get("undo").disabled = !marks.canUndo();
}

function openRecord(at, { focus = false } = {}) {
  const record = data.records[at];
  get("detail").hidden = false;
  cover();
  document.body.classList.add("open");
  list.pick(at);
  viewer.show(record);
  showMark();
  showPlace();
  if (focus) get("name").focus({ preventScroll: true });
  return record;
}
function showPlace() {
  const place = list.place();
  get("place").textContent = place < 0 ? "not among those shown" : `${place + 1} of ${list.shown.length}`;
}
function closeDetail() {
  document.body.classList.remove("open");
  if (isNarrow()) get("detail").hidden = true;
  cover();
  get("list").focus({ preventScroll: true });
}
const current = () => (list.active < 0 ? null : data.records[list.active]);

function showMark() {
  const { mark, note } = marks.get(current().file);
  for (const button of document.querySelectorAll("button[data-mark]")) {
    button.setAttribute("aria-pressed", String(button.dataset.mark === mark || (mark === "corrected" && button.dataset.mark === "correct")));
  }
  get("note").value = note;
}

function step(by) {
  const place = list.place();
  const next = place < 0 ? 0 : Math.min(Math.max(place + by, 0), list.shown.length - 1);
  if (list.shown.length === 0) return;
  openRecord(list.shown[next]);
  say(`${next + 1} of ${list.shown.length}: ${describe(current())}`);
}

function mark(name) {
  const record = current();
  if (!record) return;
  if (name === "correct" && data.server && window.lungEditor) {
    window.lungEditor.open(record, (changes) => corrected(record, changes));
    return;
  }
  const was = marks.get(record.file).mark;
  setMark(record, was === name ? "" : name);
  const told = `${record.file}: ${was === name ? "mark taken back" : MARKS[name]}.`;
  if (was !== name) goOn(record);
  say(`${told} ${current() === record ? "" : `Now ${describe(current())}`}`);
}
function setMark(record, name) {
  marks.set(record.file, name);
}
// Go on with the one that comes after a record, also when the filter no longer shows that.
function goOn(record) {
  const place = list.shown.indexOf(list.number.get(record.file));
  const next = list.shown[place + 1];
  if (get("mark").value) apply();
  if (next !== undefined) openRecord(next); else showMark();
}
// What the editor has saved: the page shows the new outline.
function corrected(record, changes = {}) {
  Object.assign(record, changes);
  setMark(record, "corrected");
  list.redraw(list.number.get(record.file));
  viewer.redraw();
  say(`${record.file}: corrected and saved.`);
}

function undo() {
  const file = marks.undo();
  if (file === undefined) { say("There is nothing to undo."); return; }
  if (get("mark").value) apply();
  openRecord(list.number.get(file));
  const { mark: name } = marks.get(file);
  say(`Undone. ${file}: ${name ? MARKS[name] : "not marked"}.`);
}

async function load(file) {
  try {
    const rows = readMarks(await file.text());
    const told = marks.merge(rows);
    say(`Marks loaded: ${told.taken}.`
      + (told.unknown ? ` Of files that are not here: ${told.unknown}.` : "")
      + (told.otherFile ? ` Of other radiographs that have the names of these, and not taken: ${told.otherFile}.` : "")
      + (told.older ? ` Older than those here, which stay: ${told.older}.` : "")
      + (told.otherModel ? ` Given to masks of another model: ${told.otherModel}.` : ""));
  } catch {
    say("This file holds no marks. Choose a review.csv or review.json that this page has saved.");
  }
  get("facts").textContent = get("live").textContent;
}

const KEYS = {
  j: () => step(1),
  k: () => step(-1),
  a: () => mark("accept"),
  r: () => mark("reject"),
  c: () => mark("correct"),
  u: undo,
  b: () => viewer.toggleCleaning(),
  "+": () => viewer.zoom(1.5),
  "=": () => viewer.zoom(1.5),
  "-": () => viewer.zoom(1 / 1.5),
  0: () => viewer.fit(),
  "/": () => get("search").focus(),
  "?": () => get("help").showModal(),
};
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || document.querySelector("dialog[open]")) return;
  const typed = event.target.matches("select, textarea, input:not([type=range], [type=checkbox])");
  if (event.key === "Escape") {
    if (typed) get(isCovered() ? "name" : "list").focus(); else if (isNarrow()) closeDetail();
    return;
  }
  if (event.key === "Enter" && event.target === get("search")) get("list").focus(); // the text stays, Esc takes it away
  if (typed || !get("keys").checked || !Object.hasOwn(KEYS, event.key)) return;
  event.preventDefault();
  KEYS[event.key]();
});
get("list").addEventListener("keydown", (event) => {
  const last = list.shown.length;
  const by = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: list.columns, ArrowUp: -list.columns, Home: -last, End: last, PageDown: 4 * list.columns, PageUp: -4 * list.columns }[event.key];
  if (by) { event.preventDefault(); step(by); }
  if (event.key === "Enter" && list.active >= 0) { event.preventDefault(); openRecord(list.active, { focus: true }); }
});

list.onPick((at) => openRecord(at, { focus: isNarrow() }));
marks.listen((file) => {
  if (file === null) apply(); else list.refresh();
  if (current() && document.activeElement !== get("note")) showMark(); // what is being typed stays
  tellCounts();
});
for (const button of document.querySelectorAll("button[data-mark]")) button.addEventListener("click", () => mark(button.dataset.mark));
get("previous").addEventListener("click", () => step(-1));
get("next").addEventListener("click", () => step(1));
get("undo").addEventListener("click", undo);
get("close").addEventListener("click", closeDetail);
get("note").addEventListener("change", (event) => marks.note(current().file, event.target.value.trim()));
for (const name of ["input", "change"]) get("filters").addEventListener(name, apply); // a list of choices may tell the second alone
get("filters").addEventListener("submit", (event) => event.preventDefault());
get("filters").addEventListener("reset", () => setTimeout(apply));
get("clear-none").addEventListener("click", () => get("filters").reset());
get("save-csv").addEventListener("click", saveCsv);
get("save-json").addEventListener("click", saveJson);
get("load").addEventListener("click", () => get("load-file").click());
get("load-file").addEventListener("change", (event) => { if (event.target.files[0]) load(event.target.files[0]); event.target.value = ""; });
get("help-button").addEventListener("click", () => get("help").showModal());

get("privacy").textContent = data.pictures
  ? "This page contains file names and pictures of the radiographs. Handle it as you handle the radiographs themselves: text that is burnt into a picture stays in it."
  : "This page contains file names and outlines of masks, no pictures. Pass it on only where the file names may go.";
if (data.server && window.lungEditor) { get("later").hidden = true; get("help-correct").textContent = "correct the mask"; }
get("model").textContent = `Model: ${data.model}`;
fillFilters();
apply();
if (!isNarrow() && list.shown.length) openRecord(list.shown[0]);
