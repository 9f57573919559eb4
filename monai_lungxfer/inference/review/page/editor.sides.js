"use strict";
// Right and left lung, for the colours.
const EditorSides = (() => {
  const { Box, NOTHING } = EditorMask;
  const COARSE = 512; // cells on the longer side of the grid
  const LUNG_SHARE = 0.1; // as MIN_LUNG_SHARE of morphology/lungs.py

  /** Which lung a pixel is of, on a coarse grid: 1 the right one, on the picture's left side, 2 the left one. */
  class Sides {
    constructor(mask) {
      this.mask = mask;
      this.step = Math.ceil(Math.max(mask.width, mask.height) / COARSE);
      this.columns = Math.ceil(mask.width / this.step);
      this.rows = Math.ceil(mask.height / this.step);
      this.cells = this.look();
    }
    /** Look again; returns the box in which a pixel of the mask is of the other lung now. */
    update() {
      const now = this.look();
      const box = { x0: Infinity, y0: Infinity, x1: -1, y1: -1 };
      for (let cell = 0; cell < now.length; cell++) {
        if (now[cell] === this.cells[cell] || !this.holdsLung(cell)) continue;
        const [x, y] = [cell % this.columns, Math.floor(cell / this.columns)];
        Object.assign(box, { x0: Math.min(box.x0, x), y0: Math.min(box.y0, y) });
        Object.assign(box, { x1: Math.max(box.x1, x), y1: Math.max(box.y1, y) });
      }
      this.cells = now;
      if (box.x1 < 0) return NOTHING;
      const { step } = this;
      return Box.around(box.x0 * step, box.y0 * step, (box.x1 + 1) * step, (box.y1 + 1) * step, this.mask);
    }
    look() {
      const { columns, rows } = this;
      const labels = this.pieces();
      const found = labels.areas.map((area, label) => ({ area, label, centre: labels.sums[label] / area })).slice(1);
      found.sort((one, other) => other.area - one.area);
      const cells = new Uint8Array(columns * rows);
      if (found.length < 2 || found[1].area < LUNG_SHARE * found[0].area) {
        for (let cell = 0; cell < cells.length; cell++) cells[cell] = 2 * (cell % columns) < columns ? 1 : 2;
        return cells;
      }
      const [right, left] = found.slice(0, 2).sort((one, other) => one.centre - other.centre);
      const queue = new Int32Array(cells.length);
      let end = 0;
      const reach = (cell, side) => {
        if (cells[cell]) return;
        cells[cell] = side;
        queue[end++] = cell;
      };
      for (let cell = 0; cell < cells.length; cell++) {
        const label = labels.map[cell];
        if (label === right.label || label === left.label) reach(cell, label === right.label ? 1 : 2);
      }
      for (let begin = 0; begin < end; begin++) { // all else goes to the nearer lung
        const cell = queue[begin];
        const column = cell % columns;
        if (column > 0) reach(cell - 1, cells[cell]);
        if (column < columns - 1) reach(cell + 1, cells[cell]);
        if (cell >= columns) reach(cell - columns, cells[cell]);
        if (cell + columns < cells.length) reach(cell + columns, cells[cell]);
      }
      return cells;
    }
    holdsLung(cell) {
      const { columns, step, mask } = this;
      const x = (cell % columns) * step;
      const behind = Math.min(x + step, mask.width);
      const top = Math.floor(cell / columns) * step;
      for (let y = top; y < Math.min(top + step, mask.height); y++) {
        for (let place = y * mask.width + x; place < y * mask.width + behind; place++) if (mask.pixels[place]) return true;
      }
      return false;
    }
    /** The pieces of lung on the grid, of which each cell is the pixel in its middle. */
    pieces() {
      const { columns, rows, step, mask } = this;
      const middle = (cell, side) => Math.min(cell * step + (step >> 1), side - 1);
      const lung = new Uint8Array(columns * rows);
      for (let y = 0; y < rows; y++) {
        const row = middle(y, mask.height) * mask.width;
        for (let x = 0; x < columns; x++) lung[y * columns + x] = mask.pixels[row + middle(x, mask.width)];
      }
      const map = new Int32Array(columns * rows);
      const stack = new Int32Array(columns * rows);
      const [areas, sums] = [[0], [0]];
      for (let cell = 0; cell < map.length; cell++) {
        if (map[cell] || !lung[cell]) continue;
        const label = areas.length;
        let area = 0, sum = 0, waiting = 0;
        stack[waiting++] = cell;
        map[cell] = label;
        while (waiting) {
          const one = stack[--waiting];
          const x = one % columns;
          const y = (one - x) / columns;
          area++;
          sum += x;
          for (let ny = y > 0 ? y - 1 : 0; ny <= y + 1 && ny < rows; ny++) {
            for (let nx = x > 0 ? x - 1 : 0; nx <= x + 1 && nx < columns; nx++) {
              const next = ny * columns + nx;
              if (map[next] || !lung[next]) continue;
              map[next] = label;
              stack[waiting++] = next;
            }
          }
        }
        areas.push(area);
        sums.push(sum);
      }
      return { map, areas, sums };
    }
    at(x, y) {
      return this.cells[Math.floor(y / this.step) * this.columns + Math.floor(x / this.step)];
    }
  }

  return Sides;
})();
