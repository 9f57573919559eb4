"use strict";
// Mouse, pen, fingers and keys.
const EditorInput = (() => {
  const { NOTHING, clamp } = EditorMask;
  const { TOOLS } = EditorDialog;

  class Input extends EditorDrawing {
    place(event) {
      const edge = this.stage.getBoundingClientRect();
      const [x, y] = [event.clientX - edge.left, event.clientY - edge.top];
      return { x, y, image: { x: (x - this.view.x) / this.view.scale, y: (y - this.view.y) / this.view.scale } };
    }

    /** What a pointer that goes down begins. */
    actFor(event) {
      if (event.pointerType === "pen") this.penSeen = true;
      if (event.pointerType === "touch" && this.penSeen) return "pan"; // a palm rests beside the pen
      if (event.button === 1 || this.spaceHeld) return "pan";
      if (event.button === 2) return event.pointerType === "pen" ? "eraser" : "window";
      if (event.button === 5) return "eraser"; // the pen's other end
      return event.button === 0 ? this.tool : null;
    }

    pointerdown(event) {
      if (!this.view || event.target.closest(".le-help")) return;
      const act = this.actFor(event);
      if (act === null) return;
      event.preventDefault();
      this.stage.focus({ preventScroll: true });
      this.stage.setPointerCapture(event.pointerId);
      const point = this.place(event);
      this.pointers.set(event.pointerId, { ...point, act });
      this.cursor = point.image;
      this.byKeys = false;
      if (this.pointers.size > 1) return this.dropStroke(); // two fingers move and zoom
      if (act === "brush" || act === "eraser") {
        this.lift();
        this.erasing = act === "eraser";
        this.strokeTo(point.image);
      }
    }

    /** Take back what the first of two fingers has drawn. */
    dropStroke() {
      if (this.last) {
        this.history.restore(this.drawn);
        this.paint(this.drawn);
      }
      this.last = null;
      this.drawn = NOTHING;
      for (const pointer of this.pointers.values()) pointer.act = "pinch";
    }

    pointermove(event) {
      if (!this.view) return;
      const point = this.place(event);
      this.cursor = point.image;
      this.byKeys = false;
      this.moved = true;
      const pointer = this.pointers.get(event.pointerId);
      if (pointer) this.drag(event, pointer, point);
      this.draw();
    }

    drag(event, pointer, point) {
      const [dx, dy] = [point.x - pointer.x, point.y - pointer.y];
      if (pointer.act === "brush" || pointer.act === "eraser") {
        const passed = event.getCoalescedEvents?.() ?? [];
        for (const one of passed.length ? passed : [event]) this.strokeTo(this.place(one).image);
      } else if (pointer.act === "pan") {
        this.move(dx, dy);
      } else if (pointer.act === "window") {
        this.set("contrast", this.settings.contrast + dx / 4);
        this.set("centre", this.settings.centre - dy / 4);
        if (Math.abs(dx) < 2 && Math.abs(dy) < 2) return; // too little for a step: let it add up
      } else if (pointer.act === "pinch") {
        this.pinch(event.pointerId, point);
      }
      Object.assign(pointer, { x: point.x, y: point.y });
    }

    pinch(id, point) {
      const [own, other] = [this.pointers.get(id), [...this.pointers].find(([key]) => key !== id)?.[1]];
      if (!other) return;
      const apart = (one) => Math.hypot(one.x - other.x, one.y - other.y);
      this.move((point.x - own.x) / 2, (point.y - own.y) / 2);
      if (apart(own) > 10) this.zoom(apart(point) / apart(own), { x: (point.x + other.x) / 2, y: (point.y + other.y) / 2 });
    }

    pointerup(event) {
      const pointer = this.pointers.get(event.pointerId);
      this.pointers.delete(event.pointerId);
      if (!pointer) return;
      const { image } = this.place(event);
      if (pointer.act === "brush" || pointer.act === "eraser") this.lift();
      else if (pointer.act === "polygon" || pointer.act === "cut") this.addPoint(image);
      else if (pointer.act === "fill" || pointer.act === "remove") this.click(image);
      if (event.pointerType === "touch") this.cursor = null;
      this.draw();
    }

    pointercancel(event) {
      this.pointers.delete(event.pointerId);
      this.lift();
    }

    pointerleave() {
      if (!this.pointers.size) {
        this.cursor = null;
        this.draw();
      }
    }

    wheel(event) {
      event.preventDefault();
      if (this.view) this.zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015)), this.place(event));
    }

    press(event) {
      event.stopPropagation(); // the page has keys of its own
      if (event.target.closest(".le-ask")) return;
      const isCommand = event.ctrlKey || event.metaKey;
      const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
      if (isCommand) {
        const act = { z: event.shiftKey ? "redo" : "undo", y: "redo", s: "save" }[key];
        if (!act) return;
        event.preventDefault();
        this[act]();
        return;
      }
      const onStage = event.target === this.stage || event.target === this.dialog;
      if (!onStage && (key === " " || key === "Enter" || (key.startsWith("Arrow") && event.target.matches("input")))) return;
      if (this.useKey(key, event)) event.preventDefault();
    }

    useKey(key, event) {
      const tool = TOOLS.find(([, own]) => own === key);
      const { size, opacity } = this.settings;
      const grow = Math.max(1, Math.round(size / 8));
      const acts = {
        "[": () => this.set("size", size - grow),
        "]": () => this.set("size", size + grow),
        "+": () => this.zoom(1.25),
        "=": () => this.zoom(1.25),
        "-": () => this.zoom(0.8),
        0: () => this.fit(),
        z: () => this.undo(),
        y: () => this.redo(),
        r: () => this.reset(),
        s: () => this.save(),
        h: () => this.hide(),
        o: () => this.set("opacity", opacity - 10),
        i: () => this.set("opacity", opacity + 10),
        "?": () => this.help(),
        " ": () => (this.spaceHeld = true),
        Enter: () => this.enter(),
        Escape: () => this.escape(),
      };
      if (tool) this.choose(tool[0]);
      else if (key.startsWith("Arrow")) this.steer(key, event);
      else if (acts[key] && (this.view || ["Escape", "?"].includes(key))) acts[key]();
      else return false;
      return true;
    }

    release(event) {
      event.stopPropagation();
      if (event.key === " ") this.spaceHeld = false;
    }

    hide() {
      this.hidden = !this.hidden;
      this.say(this.hidden ? "The mask is hidden." : "The mask is shown.");
      this.draw();
    }

    /** Move the cursor by the arrow keys, and draw where the pen is down. */
    steer(key, event) {
      if (!this.view) return;
      const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key];
      if (event.shiftKey) return this.move(-60 * dx, -60 * dy);
      const step = event.altKey ? 1 : Math.max(1, Math.round(this.settings.size / 2));
      const from = this.cursor ?? { x: this.mask.width / 2, y: this.mask.height / 2 };
      this.cursor = { x: clamp(from.x + step * dx, 0, this.mask.width), y: clamp(from.y + step * dy, 0, this.mask.height) };
      this.byKeys = this.moved = true;
      if (this.last) this.strokeTo(this.cursor);
      this.say(`Column ${Math.floor(this.cursor.x)}, row ${Math.floor(this.cursor.y)}`);
      this.draw();
    }

    enter() {
      const at = this.cursor ?? { x: this.mask.width / 2, y: this.mask.height / 2 };
      if (this.tool === "polygon" || this.tool === "cut") {
        if (this.byKeys && this.moved) this.addPoint(at);
        else this.closePolygon();
      } else if (this.tool === "fill" || this.tool === "remove") {
        this.click(at);
      } else if (this.last) {
        this.lift();
        this.say("The pen is up.");
      } else if (this.tool === "brush" || this.tool === "eraser") {
        this.erasing = this.tool === "eraser";
        this.strokeTo(at);
        this.say("The pen is down.");
      }
    }

    escape() {
      if (this.points.length) {
        this.points = [];
        this.say("The line was dropped.");
        this.draw();
      } else if (this.last) this.lift();
      else this.close();
    }
  }

  return Input;
})();
