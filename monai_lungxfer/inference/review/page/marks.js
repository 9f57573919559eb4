"use strict";
// Marks: what the reviewer says of each radiograph. Kept in the browser, saved as CSV or JSON, and read again.
const data = JSON.parse(document.getElementById("data").textContent);
const MARKS = { accept: "accepted", reject: "rejected", correct: "to correct", corrected: "corrected" };
const COLUMNS = ["file", "mark", "note", "model", "time", "input_sample"];

const marks = (() => {
  // Each mark is kept by itself, under the radiograph's key: another tab, or another run, takes none away.
  const PREFIX = "lungxfer-mark:";
  const keys = new Map(data.records.map((record) => [record.file, PREFIX + record.key]));
  const samples = new Map(data.records.map((record) => [record.file, record.input_sample ?? ""]));
  const listeners = [];
  const held = new Map();
  const unkept = new Set(); // files whose mark the browser has not taken
  let past = []; // for undo: [file, the mark that it had, with its model and time]

  function parse(text) {
    try {
      const row = JSON.parse(text);
      return row && (row.mark === "" || Object.hasOwn(MARKS, row.mark)) ? row : null;
    } catch { return null; }
  }
  // Take over what the browser holds, which another tab may have changed; tells whether it differs.
  function restore() {
    let differs = false;
    try {
      for (const [file, key] of keys) {
        const text = localStorage.getItem(key);
        if (unkept.has(file) || text === (held.has(file) ? JSON.stringify(held.get(file)) : null)) continue;
        const row = parse(text);
        differs ||= row !== null || held.has(file);
        if (row) held.set(file, row); else held.delete(file);
      }
    } catch { unkept.add(""); } // there is no storage
    return differs;
  }
  function refresh() {
    if (restore()) for (const listener of listeners) listener("");
  }
  function keep(file) {
    unkept.add(file);
    try {
      for (const each of unkept) {
        if (held.has(each)) localStorage.setItem(keys.get(each), JSON.stringify(held.get(each)));
        else if (each) localStorage.removeItem(keys.get(each));
        if (each) unkept.delete(each);
      }
    } catch { /* full, or not there: the page says so */ }
  }
  function change(file, row) {
    if (row && (row.mark || row.note)) held.set(file, row); else held.delete(file);
    keep(file);
    for (const listener of listeners) listener(file);
  }
  for (const name of ["storage", "focus"]) window.addEventListener(name, refresh); // pages of files get no first one
  const now = () => new Date().toISOString().replace(/\.\d+Z$/, "Z");
  const empty = (file) => ({ file, mark: "", note: "", model: data.model, time: now() });

  const api = {
    get: (file) => held.get(file) || { mark: "", note: "" },
    set(file, mark) {
      const { mark: was = "", model = data.model, time = now() } = held.get(file) ?? {};
      past.push([file, { mark: was, model, time }]);
      change(file, { ...empty(file), ...held.get(file), mark, model: data.model, time: now() });
    },
    note(file, note) { change(file, { ...empty(file), ...held.get(file), note, time: now() }); },
    undo() {
      const step = past.pop();
      if (step) change(step[0], { ...empty(step[0]), ...held.get(step[0]), ...step[1] }); // a note stays
      return step && step[0];
    },
    canUndo: () => past.length > 0,
    listen: (listener) => listeners.push(listener),
    isKept: () => unkept.size === 0,
    count: () => [...held.values()].filter((row) => row.mark).length,
    rows() {
      refresh();
      return data.records.map(({ file }) => held.get(file)).filter(Boolean)
        .map((row) => ({ ...row, input_sample: samples.get(row.file) }));
    },
    // Take over the rows of a file, but for those that are older than what is held; returns what became of them.
    merge(rows) {
      const told = { taken: 0, unknown: 0, otherFile: 0, otherModel: 0, older: 0 };
      const time = (row) => String(row?.time ?? "");
      refresh();
      for (const row of rows) {
        if (!keys.has(row.file)) { told.unknown += 1; continue; }
        const sample = samples.get(row.file);
        if (sample && row.input_sample && sample !== row.input_sample) { told.otherFile += 1; continue; }
        if (time(held.get(row.file)) > time(row)) { told.older += 1; continue; }
        if (row.model !== data.model) told.otherModel += 1;
        held.set(row.file, Object.fromEntries(COLUMNS.map((name) => [name, String(row[name] ?? "")])));
        keep(row.file);
        told.taken += 1;
      }
      past = [];
      for (const listener of listeners) listener(null);
      return told;
    },
  };
  restore();
  return api;
})();

// The same rule as for the package's other tables: no spreadsheet takes a text for a formula.
const FORMULA = /(^|(?<=[;\t]))(?='*[=+\-@\t\r＝＋－＠])/g;
const APOSTROPHE = /(^|(?<=[;\t]))'(?='*[=+\-@\t\r＝＋－＠])/g;
function writeCsv(rows) {
  const cell = (text) => {
    const safe = String(text).replace(FORMULA, "'");
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  return [COLUMNS, ...rows.map((row) => COLUMNS.map((name) => row[name]))].map((row) => row.map(cell).join(",") + "\r\n").join("");
}

function readCsv(text) {
  const table = [[""]];
  let quoted = false;
  text = text.replace(/^\ufeff/, "");
  for (let at = 0; at < text.length; at += 1) {
    const row = table.at(-1), sign = text[at];
    if (quoted) {
      if (sign !== '"') row[row.length - 1] += sign;
      else if (text[at + 1] === '"') { row[row.length - 1] += '"'; at += 1; }
      else quoted = false;
    } else if (sign === '"') quoted = true;
    else if (sign === ",") row.push("");
    else if (sign === "\n") table.push([""]);
    else if (sign !== "\r") row[row.length - 1] += sign;
  }
  const [header, ...rows] = table.filter((row) => row.length > 1 || row[0]);
  const plain = (cell) => cell.replace(APOSTROPHE, "$1");
  return rows.map((row) => Object.fromEntries(header.map((name, at) => [name, plain(row[at] ?? "")])));
}

function readMarks(text) {
  const rows = text.trimStart().startsWith("{") ? JSON.parse(text).marks : readCsv(text);
  const isRow = (row) => typeof row?.file === "string" && (row.mark === "" || Object.hasOwn(MARKS, row.mark));
  if (!Array.isArray(rows) || !rows.every(isRow)) throw new Error("no marks");
  return rows;
}

function offerFile(name, type, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
const saveCsv = () => offerFile("review.csv", "text/csv", writeCsv(marks.rows()));
const saveJson = () => offerFile("review.json", "application/json", JSON.stringify({ format: "monai_lungxfer marks 1", marks: marks.rows() }, null, 1) + "\n");
