"use strict";
// What the tools do to the mask.
const EditorDrawing = (() => {
  const { NOTHING } = EditorMask;
  // Orange and sky blue of Okabe and Ito, told apart by every kind of colour vision; as bytes R, G, B, A.
  const COLOURS = new Uint32Array(new Uint8Array([0, 0, 0, 0, 230, 159, 0, 255, 86, 180, 233, 255]).buffer);

  class Drawing extends EditorView {
    enable() {
      const { place, levels, isDirty } = this.history;
      const able = { undo: place > 0, redo: place < levels.length };
      for (const [act, is] of Object.entries(able)) this.dialog.querySelector(`[data-act=${act}]`).disabled = !is;
      this.dialog.dataset.dirty = String(isDirty);
    }

    undo() {
      this.turn("undo", "There is nothing to undo.");
    }

    redo() {
      this.turn("redo", "There is nothing to redo.");
    }

    turn(act, otherwise) {
      if (!this.history) return;
      if (this.points.length) return this.dropPoint();
      this.lift();
      const box = this.history[act]();
      if (!box) return this.say(otherwise);
      this.paint(box);
      this.tellSides();
      this.say(act === "undo" ? "Undone." : "Done again.");
      this.enable();
    }

    /** Keep what was drawn in a box as one level of undo. */
    keep(box) {
      const changed = this.history.commit(box);
      this.paint(box);
      if (changed) this.tellSides();
      this.enable();
      return changed;
    }

    /** Find out which lung is which, between two strokes: it takes longer than a frame. */
    tellSides() {
      clearTimeout(this.telling);
      this.telling = setTimeout(() => (this.last ? this.tellSides() : this.paint(this.sides.update())), 150);
    }

    /** Colour a part of the layer by the mask. */
    paint(box) {
      if (box.isEmpty) return this.draw();
      const [width, height] = [box.x1 - box.x0, box.y1 - box.y0];
      const image = new ImageData(width, height);
      const colours = new Uint32Array(image.data.buffer);
      for (let y = 0, place = 0; y < height; y++) {
        for (let x = 0; x < width; x++, place++) {
          const [column, row] = [box.x0 + x, box.y0 + y];
          if (this.mask.pixels[row * this.mask.width + column]) colours[place] = COLOURS[this.sides.at(column, row)];
        }
      }
      this.layer.getContext("2d").putImageData(image, box.x0, box.y0);
      this.draw();
    }

    /** The place of the brush's middle: a pixel's centre for odd sizes, a corner for even ones. */
    snap(point) {
      const round = this.settings.size % 2 ? (value) => Math.floor(value) + 0.5 : Math.round;
      return { x: round(point.x), y: round(point.y) };
    }

    strokeTo(point) {
      const to = this.snap(point);
      const box = this.mask.stroke(this.last ?? to, to, this.settings.size, this.erasing ? 0 : 1);
      this.last = to;
      this.drawn = this.drawn.join(box);
      this.paint(box);
    }

    lift() {
      if (this.last && this.history) this.keep(this.drawn);
      this.last = null;
      this.erasing = false;
      this.drawn = NOTHING;
    }

    dropPoint() {
      this.points.pop();
      this.say("The last point was dropped.");
      this.draw();
    }

    addPoint(point) {
      const corner = { x: Math.round(point.x), y: Math.round(point.y) };
      const first = this.points[0];
      const near = first && Math.hypot(corner.x - first.x, corner.y - first.y) * this.view.scale < 9;
      if (near && this.points.length > 2) return this.closePolygon();
      const last = this.points.at(-1);
      if (!last || last.x !== corner.x || last.y !== corner.y) this.points.push(corner);
      this.moved = false;
      this.draw();
    }

    closePolygon() {
      const { points } = this;
      this.points = [];
      if (points.length > 2) this.keep(this.mask.polygon(points, this.tool === "cut" ? 0 : 1));
      this.draw();
    }

    click(point) {
      const [x, y] = [Math.floor(point.x), Math.floor(point.y)];
      const { width, height, pixels } = this.mask;
      if (x < 0 || y < 0 || x >= width || y >= height) return;
      const isLung = pixels[y * width + x] === 1;
      if (isLung !== (this.tool === "remove")) return this.say(isLung ? "This is lung, not a hole." : "There is no lung here.");
      const { box, atEdge } = this.mask.flood(x, y, isLung);
      if (!isLung && atEdge) {
        this.history.restore(box);
        return this.say("This is no hole: it is open to the edge of the picture.");
      }
      this.keep(box);
      this.say(isLung ? "The piece was removed." : "The hole was filled.");
    }
  }

  return Drawing;
})();
