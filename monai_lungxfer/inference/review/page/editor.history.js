"use strict";
// Undo and redo.
const EditorHistory = (() => {
  const MOST = 16e6; // numbers in all levels together, 4 bytes each

  /** Levels of undo: of each change, the runs of pixels that it turned over, which turns back by the same. */
  class History {
    constructor(mask) {
      this.mask = mask;
      this.before = mask.pixels.slice();
      this.levels = [];
      this.place = 0;
      this.oldest = this.newest = 0; // states have numbers, of which none is used twice
      this.saved = 0;
    }
    get state() {
      return this.place > 0 ? this.levels[this.place - 1].state : this.oldest;
    }
    get isDirty() {
      return this.saved !== this.state;
    }
    /** Take back what was drawn since the last level. */
    restore(box) {
      const { width, pixels } = this.mask;
      for (let y = box.y0; y < box.y1; y++) {
        const [first, behind] = [y * width + box.x0, y * width + box.x1];
        pixels.set(this.before.subarray(first, behind), first);
      }
    }
    /** Make a level of what was drawn in the box; returns whether anything was. */
    commit(box) {
      const { width, pixels } = this.mask;
      const runs = [];
      for (let y = box.y0; y < box.y1; y++) {
        const end = y * width + box.x1;
        for (let place = y * width + box.x0; place < end; place++) {
          if (pixels[place] === this.before[place]) continue;
          const first = place;
          while (place < end && pixels[place] !== this.before[place]) place++;
          runs.push(first, place);
        }
        this.before.set(pixels.subarray(y * width + box.x0, end), y * width + box.x0);
      }
      if (!runs.length) return false;
      this.levels.splice(this.place, Infinity, { runs: new Int32Array(runs), box, state: ++this.newest });
      this.place++;
      let total = this.levels.reduce((sum, level) => sum + level.runs.length, 0);
      while (total > MOST && this.levels.length > 1) {
        const { runs: forgotten, state } = this.levels.shift();
        total -= forgotten.length;
        this.oldest = state;
        this.place--;
      }
      return true;
    }
    undo() {
      return this.place > 0 ? this.flip(this.levels[--this.place]) : null;
    }
    redo() {
      return this.place < this.levels.length ? this.flip(this.levels[this.place++]) : null;
    }
    flip({ runs, box }) {
      for (let run = 0; run < runs.length; run += 2) {
        for (let place = runs[run]; place < runs[run + 1]; place++) {
          this.before[place] = this.mask.pixels[place] ^= 1;
        }
      }
      return box;
    }
  }

  return History;
})();
