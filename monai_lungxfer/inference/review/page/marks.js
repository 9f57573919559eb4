"use strict";
// Marks: what the reviewer says of each radiograph. Kept in the browser, saved as CSV or JSON, and read again.
const data = JSON.parse(document.getElementById("data").textContent);
const MARKS = { accept: "accepted", reject: "rejected", correct: "to correct", corrected: "corrected" };
const COLUMNS = ["file", "mark", "note", "model", "time"];

const marks = (() => {
  const key = `lungxfer-review:${data.run}`;
  const names = new Set(data.records.map((record) => record.file));
  const listeners = [];
  let held = new Map();
  let past = []; // for undo: [file, what it was]
  let kept = true;

  function restore() {
    try {
      for (const row of JSON.parse(localStorage.getItem(key) || "[]")) if (names.has(row.file)) held.set(row.file, row);
    } catch { kept = false; }
  }
  function keep() {
    try { localStorage.setItem(key, JSON.stringify([...held.values()])); kept = true; } catch { kept = false; }
  }
  function change(file, row) {
    if (row && (row.mark || row.note)) held.set(file, row); else held.delete(file);
    keep();
    for (const listener of listeners) listener(file);
  }
  const now = () => new Date().toISOString().replace(/\.\d+Z$/, "Z");
  const empty = (file) => ({ file, mark: "", note: "", model: data.model, time: now() });

  const api = {
    get: (file) => held.get(file) || { mark: "", note: "" },
    set(file, mark) {
      past.push([file, held.get(file)]);
      change(file, { ...empty(file), ...held.get(file), mark, model: data.model, time: now() });
    },
    note(file, note) { change(file, { ...empty(file), ...held.get(file), note, time: now() }); },
    undo() {
      const step = past.pop();
      if (step) change(...step);
      return step && step[0];
    },
    canUndo: () => past.length > 0,
    listen: (listener) => listeners.push(listener),
    isKept: () => kept,
    count: () => [...held.values()].filter((row) => row.mark).length,
    rows: () => data.records.map((record) => held.get(record.file)).filter(Boolean),
    // Take over the rows of a file; returns what became of them.
    merge(rows) {
      const told = { taken: 0, unknown: 0, otherModel: 0 };
      for (const row of rows) {
        if (!names.has(row.file)) { told.unknown += 1; continue; }
        if (row.model !== data.model) told.otherModel += 1;
        held.set(row.file, Object.fromEntries(COLUMNS.map((name) => [name, String(row[name] ?? "")])));
        told.taken += 1;
      }
      past = [];
      keep();
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
