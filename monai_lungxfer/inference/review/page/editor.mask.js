"use strict";
// The mask that is drawn on: brush, polygon and pieces, exact to the pixel.
const EditorMask = (() => {
  const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

  /** A part of the picture: columns from x0 to before x1, rows from y0 to before y1. */
  class Box {
    constructor(x0, y0, x1, y1) {
      Object.assign(this, { x0, y0, x1, y1 });
    }
    static around(x0, y0, x1, y1, mask) {
      const low = (value, end) => clamp(Math.floor(value), 0, end);
      const high = (value, end) => clamp(Math.ceil(value), 0, end);
      return new Box(low(x0, mask.width), low(y0, mask.height), high(x1, mask.width), high(y1, mask.height));
    }
    get isEmpty() {
      return this.x1 <= this.x0 || this.y1 <= this.y0;
    }
    join(other) {
      if (!other || other.isEmpty) return this;
      if (this.isEmpty) return other;
      const { min, max } = Math;
      return new Box(min(this.x0, other.x0), min(this.y0, other.y0), max(this.x1, other.x1), max(this.y1, other.y1));
    }
  }
  const NOTHING = new Box(0, 0, 0, 0);

  /** The mask, one byte (0 or 1) a pixel. Drawing returns the box in which pixels may have changed. */
  class Mask {
    constructor(width, height, bits) {
      Object.assign(this, { width, height });
      this.pixels = unpack(bits, width * height);
    }
    get everything() {
      return new Box(0, 0, this.width, this.height);
    }
    /** Draw with a round brush along a line; a pixel counts when its centre is not farther than half the size. */
    stroke(from, to, size, value) {
      const radius = size / 2;
      const { min, max } = Math;
      const [ax, ay, bx, by] = [from.x, from.y, to.x, to.y];
      const [dx, dy] = [bx - ax, by - ay];
      const length = dx * dx + dy * dy;
      const box = Box.around(min(ax, bx) - radius, min(ay, by) - radius, max(ax, bx) + radius, max(ay, by) + radius, this);
      for (let y = box.y0; y < box.y1; y++) {
        for (let x = box.x0; x < box.x1; x++) {
          const px = x + 0.5 - ax; // in plain variables: this runs for each pixel of each step
          const py = y + 0.5 - ay;
          const share = length ? clamp((px * dx + py * dy) / length, 0, 1) : 0;
          const ox = px - share * dx;
          const oy = py - share * dy;
          if (ox * ox + oy * oy <= radius * radius) this.pixels[y * this.width + x] = value;
        }
      }
      return box;
    }
    /** Draw a polygon (even-odd); a pixel counts when its centre is inside. */
    polygon(points, value) {
      const [xs, ys] = [points.map((point) => point.x), points.map((point) => point.y)];
      const box = Box.around(Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys), this);
      for (let y = box.y0; y < box.y1; y++) {
        const centre = y + 0.5;
        const cuts = [];
        points.forEach((one, index) => {
          const other = points[(index + 1) % points.length];
          if (one.y <= centre !== other.y <= centre) {
            cuts.push(one.x + ((centre - one.y) * (other.x - one.x)) / (other.y - one.y));
          }
        });
        cuts.sort((one, other) => one - other);
        for (let cut = 0; cut + 1 < cuts.length; cut += 2) {
          const [first, behind] = [Math.ceil(cuts[cut] - 0.5), Math.ceil(cuts[cut + 1] - 0.5)];
          const row = y * this.width;
          this.pixels.fill(value, row + clamp(first, 0, this.width), row + clamp(behind, 0, this.width));
        }
      }
      return box;
    }
    /** Turn the piece at a pixel over. Returns its box, and whether it reaches the picture's edge. */
    flood(x, y, corners) {
      const { width, height, pixels } = this;
      const [old, box] = [pixels[y * width + x], { x0: x, y0: y, x1: x + 1, y1: y + 1 }];
      let atEdge = false;
      const stack = [y * width + x];
      while (stack.length) {
        const place = stack.pop();
        if (pixels[place] !== old) continue;
        const row = Math.floor(place / width) * width;
        let [first, last] = [place, place];
        while (first > row && pixels[first - 1] === old) first--;
        while (last < row + width - 1 && pixels[last + 1] === old) last++;
        pixels.fill(1 - old, first, last + 1);
        const line = row / width;
        atEdge ||= first === row || last === row + width - 1 || line === 0 || line === height - 1;
        box.x0 = Math.min(box.x0, first - row);
        box.x1 = Math.max(box.x1, last - row + 1);
        box.y0 = Math.min(box.y0, line);
        box.y1 = Math.max(box.y1, line + 1);
        for (const step of [-width, width]) {
          if ((step < 0 && line === 0) || (step > 0 && line === height - 1)) continue;
          const begin = Math.max(first - (corners ? 1 : 0), row) + step;
          const end = Math.min(last + (corners ? 1 : 0), row + width - 1) + step;
          for (let next = begin; next <= end; next++) {
            if (pixels[next] === old && (next === begin || pixels[next - 1] !== old)) stack.push(next);
          }
        }
      }
      return { box: new Box(box.x0, box.y0, box.x1, box.y1), atEdge };
    }
  }

  function unpack(bits, count) {
    const pixels = new Uint8Array(count);
    for (let place = 0; place < count; place++) pixels[place] = (bits[place >> 3] >> (7 - (place & 7))) & 1;
    return pixels;
  }

  function pack(pixels) {
    const bits = new Uint8Array(Math.ceil(pixels.length / 8));
    for (let place = 0; place < pixels.length; place++) if (pixels[place]) bits[place >> 3] |= 128 >> (place & 7);
    return bits;
  }

  return { Box, Mask, NOTHING, clamp, pack, unpack };
})();
