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

// Print shows everything.
let opened = [];
addEventListener("beforeprint", () => {
  opened = all("details:not([open])");
  for (const one of opened) one.open = true;
});
addEventListener("afterprint", () => {
  for (const one of opened) one.open = false;
});
