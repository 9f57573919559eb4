"use strict";
// Drawings: a radiograph, or grey where the page has no pictures, with its mask as an SVG path.
const SVG = "http://www.w3.org/2000/svg";

function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key in element && key !== "role") element[key] = value; else element.setAttribute(key, value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

function makeSvg(name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

// The SVG of a record; `before` draws the mask as it was before cleaning.
function drawRecord(record, before = false) {
  const [width, height] = record.grid;
  const svg = makeSvg("svg", { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true", focusable: "false" });
  svg.append(makeSvg("rect", { class: "ground", width, height }));
  if (record.picture) svg.append(makeSvg("image", { href: record.picture, width, height, preserveAspectRatio: "none" }));
  const outline = before && record.raw ? record.raw : record.outline;
  if (outline) svg.append(makeSvg("path", { class: before && record.raw ? "mask before" : "mask", d: outline, "fill-rule": "evenodd" }));
  return svg;
}

// Where there is nothing to draw, why.
const whyNot = (record) => record.missing || record.reason || (record.outline === null ? "no mask" : "");

const percent = (share) => (share === null ? "–" : `${(100 * share).toFixed(1)} %`);
const decimals = (value, digits) => (value === null ? "–" : value.toFixed(digits));

function describe(record) {
  const parts = [record.file];
  if (record.status !== "done") parts.push(record.status);
  if (record.dice_expected !== null) parts.push(`expected Dice ${record.dice_expected.toFixed(2)}`);
  if (record.flags.length) parts.push(`flags: ${record.flags.join(", ").replaceAll("_", " ")}`);
  if (record.corrected) parts.push("has a corrected mask");
  const { mark } = marks.get(record.file);
  parts.push(mark ? MARKS[mark] : "not marked");
  return parts.join(", ");
}
