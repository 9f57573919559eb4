"use strict";
// The editor's dialog: tools, sliders, help, questions.
const EditorDialog = (() => {
  const { clamp } = EditorMask;

  const TOOLS = [
    ["brush", "b", "Brush", "Paint lung"],
    ["eraser", "e", "Eraser", "Take lung away"],
    ["polygon", "p", "Polygon", "Add what is inside of a line"],
    ["cut", "x", "Cut", "Take away what is inside of a line"],
    ["fill", "f", "Fill hole", "Fill the hole that is clicked"],
    ["remove", "d", "Remove piece", "Take away the piece that is clicked"],
    ["pan", "v", "Move", "Move the picture"],
    ["window", "w", "Window", "Drag for contrast and brightness"],
  ];

  const HELP = [
    ["b, e", "brush, eraser"],
    ["p, x", "polygon that adds, that cuts; Enter, a double click or a click on its first point closes it"],
    ["f, d", "fill a hole, remove a piece"],
    ["[, ]", "smaller, larger brush"],
    ["z, y", "undo, redo; also Ctrl+Z, Ctrl+Y"],
    ["wheel, +, −, 0", "zoom in, out, all"],
    ["v, Space, middle button", "move the picture"],
    ["w, right button", "drag for contrast and brightness"],
    ["o, i", "less, more opacity"],
    ["h", "hide the mask, or show it"],
    ["arrows, Enter", "move a cursor (Alt: by a pixel, Shift: the picture); put the pen down and lift it"],
    ["r", "back to the network's mask"],
    ["s, Esc", "save, close"],
  ];

  const TEMPLATE = `
    <svg class="le-filter" aria-hidden="true" width="0" height="0"><filter id="le-window" color-interpolation-filters="sRGB">
      <feComponentTransfer><feFuncR type="linear"/><feFuncG type="linear"/><feFuncB type="linear"/></feComponentTransfer>
    </filter></svg>
    <header class="le-head">
      <h2 class="le-title"></h2>
      <p class="le-notice">Research use only. Not a medical device.</p>
      <div class="le-actions">
        <button type="button" data-act="undo" aria-keyshortcuts="z">Undo</button>
        <button type="button" data-act="redo" aria-keyshortcuts="y">Redo</button>
        <button type="button" data-act="reset" aria-keyshortcuts="r" title="Back to the network's mask">Reset</button>
        <button type="button" data-act="help" aria-keyshortcuts="?" aria-expanded="false">Keys</button>
        <button type="button" data-act="save" aria-keyshortcuts="s" class="le-main">Save</button>
        <button type="button" data-act="close" aria-keyshortcuts="Escape">Close</button>
      </div>
    </header>
    <div class="le-tools" role="group" aria-label="Tools"></div>
    <div class="le-settings">
      <label>Brush <span data-for="size"></span><input type="range" name="size" min="1" max="400" aria-label="Size of the brush"></label>
      <label>Opacity <span data-for="opacity"></span><input type="range" name="opacity" min="0" max="100" aria-label="Opacity of the mask"></label>
      <label>Brightness <span data-for="centre"></span><input type="range" name="centre" min="0" max="100" aria-label="Brightness of the picture"></label>
      <label>Contrast <span data-for="contrast"></span><input type="range" name="contrast" min="0" max="100" aria-label="Contrast of the picture"></label>
      <p class="le-legend"><span class="le-right">Right lung</span><span class="le-left">Left lung</span></p>
    </div>
    <div class="le-stage" tabindex="0" role="application" aria-roledescription="drawing area"
      aria-label="Radiograph with its mask. Arrow keys move the cursor, Enter puts the pen down and lifts it.">
      <canvas class="le-picture"></canvas><canvas class="le-mask"></canvas><canvas class="le-marks"></canvas>
      <dl class="le-help" hidden></dl>
    </div>
    <p class="le-status" role="status" aria-live="polite"></p>
    <dialog class="le-ask" aria-labelledby="le-question"><p id="le-question"></p><div class="le-actions"></div></dialog>`;

  const make = (name, properties = {}) => Object.assign(document.createElement(name), properties);

  /** What is on the screen around the picture; what its buttons do is in the classes that build on it. */
  class Dialog {
    build() {
      this.dialog = make("dialog", { className: "lung-editor", innerHTML: TEMPLATE });
      this.dialog.setAttribute("aria-label", "Correct the mask");
      const find = (selector) => this.dialog.querySelector(selector);
      this.stage = find(".le-stage");
      this.canvases = ["picture", "mask", "marks"].map((name) => find(`.le-${name}`));
      this.status = find(".le-status");
      find(".le-title").textContent = this.record.file ?? "Mask";
      for (const [name, key, title, hint] of TOOLS) {
        const button = make("button", { type: "button", textContent: title, title: `${hint} (${key})` });
        button.dataset.tool = name;
        button.setAttribute("aria-keyshortcuts", key);
        button.addEventListener("click", () => this.choose(name));
        find(".le-tools").append(button);
      }
      for (const [keys, meaning] of HELP) {
        find(".le-help").append(make("dt", { textContent: keys }), make("dd", { textContent: meaning }));
      }
      for (const button of this.dialog.querySelectorAll("[data-act]")) {
        button.addEventListener("click", () => this[button.dataset.act]());
      }
      for (const input of this.dialog.querySelectorAll("input")) {
        input.addEventListener("input", () => this.set(input.name, Number(input.value)));
      }
      this.dialog.addEventListener("cancel", (event) => {
        event.preventDefault();
        if (event.target === this.dialog) this.escape();
      });
      this.dialog.addEventListener("keydown", (event) => this.press(event));
      this.dialog.addEventListener("keyup", (event) => this.release(event));
      for (const name of ["pointerdown", "pointermove", "pointerup", "pointercancel", "pointerleave"]) {
        this.stage.addEventListener(name, (event) => this[name](event));
      }
      this.stage.addEventListener("blur", () => (this.spaceHeld = false));
      this.stage.addEventListener("dblclick", () => this.closePolygon());
      this.stage.addEventListener("contextmenu", (event) => event.preventDefault());
      this.stage.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
      this.warn = (event) => this.history?.isDirty && event.preventDefault();
      window.addEventListener("beforeunload", this.warn);
      document.body.append(this.dialog);
      this.dialog.showModal();
      this.stage.focus();
      this.choose(this.tool);
      for (const [name, value] of Object.entries(this.settings)) this.set(name, value);
      this.watcher = new ResizeObserver(() => this.resize());
      this.watcher.observe(this.stage);
    }

    say(text) {
      this.status.textContent = text;
    }

    ask(text, answers) {
      const dialog = this.dialog.querySelector(".le-ask");
      dialog.querySelector("p").textContent = text;
      const row = dialog.querySelector(".le-actions");
      return new Promise((resolve) => {
        const end = (answer) => {
          dialog.removeEventListener("cancel", stop);
          dialog.close();
          this.stage.focus();
          resolve(answer);
        };
        const stop = () => end(null);
        row.replaceChildren(
          ...answers.map(([answer, title]) => {
            const button = make("button", { type: "button", textContent: title });
            button.dataset.answer = answer;
            button.addEventListener("click", () => end(answer));
            return button;
          }),
        );
        dialog.addEventListener("cancel", stop);
        dialog.showModal();
      });
    }

    choose(tool) {
      this.lift();
      this.points = [];
      this.tool = tool;
      for (const button of this.dialog.querySelectorAll("[data-tool]")) {
        button.setAttribute("aria-pressed", String(button.dataset.tool === tool));
      }
      this.stage.dataset.tool = tool;
      const [, , title, hint] = TOOLS.find(([name]) => name === tool);
      this.say(`${title}: ${hint}.`);
      this.draw();
    }

    set(name, value) {
      const input = this.dialog.querySelector(`input[name=${name}]`);
      this.settings[name] = clamp(Math.round(value), Number(input.min), Number(input.max));
      input.value = this.settings[name];
      const text = `${this.settings[name]} ${name === "size" ? "px" : "%"}`;
      this.dialog.querySelector(`[data-for=${name}]`).textContent = text;
      input.ariaValueText = text;
      this.canvases[1].style.opacity = this.settings.opacity / 100;
      if (name === "centre" || name === "contrast") this.showWindow();
      this.draw();
    }

    /** Stretch the greys around a centre; 50 and 50 leave them as they are. */
    showWindow() {
      const { centre, contrast } = this.settings;
      const slope = 4 ** ((contrast - 50) / 50);
      const intercept = 0.5 + (centre - 50) / 50 - slope / 2;
      for (const part of this.dialog.querySelectorAll("feComponentTransfer > *")) {
        part.setAttribute("slope", slope);
        part.setAttribute("intercept", intercept);
      }
      this.canvases[0].style.filter = slope === 1 && centre === 50 ? "" : "url(#le-window)";
    }

    help() {
      const list = this.dialog.querySelector(".le-help");
      list.hidden = !list.hidden;
      this.dialog.querySelector("[data-act=help]").setAttribute("aria-expanded", String(!list.hidden));
    }
  }

  return { Dialog, TOOLS, make };
})();
