"use strict";
// Correcting a mask: what is drawn is what is saved, pixel by pixel.
// The page calls window.lungEditor.open(record, onSaved). Only the page of a server has the files editor.*.
(() => {
  const { Mask, NOTHING, pack, unpack } = EditorMask;
  const { make } = EditorDialog;

  /** Use the browser's storage, which may be turned off or full: then nothing comes of it. */
  function stored(use) {
    try {
      return use(localStorage);
    } catch {
      return null;
    }
  }

  /** The editor of one record, from opening to closing. */
  class Editor extends EditorInput {
    constructor(record, onSaved) {
      super();
      this.record = record;
      this.onSaved = onSaved ?? (() => {});
      this.address = `records/${record.number}`;
      this.tool = "brush";
      this.settings = { size: 24, opacity: 45, centre: 50, contrast: 50 };
      this.pointers = new Map();
      this.points = [];
      this.cursor = null; // where the pointer is, or the keys have led it to
      this.drawn = NOTHING; // by the stroke that is under way
      this.draft = `lungxfer-draft:${record.key}`;
      this.hiding = () => document.hidden && this.keepDraft();
      document.addEventListener("visibilitychange", this.hiding);
      this.build();
      this.load();
    }

    /** Keep what is not saved in the browser, for the next time; returns whether it could. */
    keepDraft() {
      if (!this.history?.isDirty) return true;
      const bits = pack(this.mask.pixels);
      let text = "";
      for (let place = 0; place < bits.length; place += 8192) text += String.fromCharCode(...bits.subarray(place, place + 8192));
      return stored((storage) => storage.setItem(this.draft, `${this.version} ${btoa(text)}`) ?? true) === true;
    }

    /** Bring back what was not saved the last time, as a change that can be undone. */
    takeDraft() {
      const [version, encoded] = (stored((storage) => storage.getItem(this.draft)) ?? " ").split(" ");
      const text = stored(() => atob(encoded)) ?? "";
      if (text.length !== Math.ceil(this.mask.pixels.length / 8)) return false;
      this.mask.pixels.set(unpack(Uint8Array.from(text, (letter) => letter.charCodeAt(0)), this.mask.pixels.length));
      if (!this.keep(this.mask.everything)) return false;
      this.version = version; // that it was drawn on: who has saved another since is not passed over
      this.say("What you had not saved the last time was brought back. Undo takes it away.");
      return true;
    }

    async request(path, options = {}) {
      let answer;
      try {
        answer = await fetch(path, { cache: "no-store", ...options });
      } catch {
        const kept = this.keepDraft() ? "is kept in this browser" : "is in this window alone: leave it open";
        throw new Error(`The server does not answer. Your drawing ${kept}. Start the review again on the same port, and open this radiograph.`);
      }
      if (!answer.ok && answer.status !== 412) {
        const told = await answer.json().catch(() => ({}));
        throw new Error(told.detail ?? `The server answers with status ${answer.status}.`);
      }
      return answer;
    }

    async load() {
      this.say("Loading…");
      try {
        const [described, mask, picture] = await Promise.all([
          this.request(this.address).then((answer) => answer.json()),
          this.request(`${this.address}/mask`),
          this.request(`${this.address}/picture`).then((answer) => answer.blob()),
        ]);
        const bits = new Uint8Array(await mask.arrayBuffer());
        this.picture = await createImageBitmap(picture);
        this.begin(described, bits, mask.headers.get("ETag"));
      } catch (error) {
        this.say(error.message);
        this.dialog.dataset.state = "failed";
      }
    }

    begin(described, bits, version) {
      this.described = described;
      this.version = version;
      this.mask = new Mask(described.width, described.height, bits);
      this.history = new EditorHistory(this.mask);
      this.sides = new EditorSides(this.mask);
      this.layer = make("canvas", { width: this.mask.width, height: this.mask.height });
      this.paint(this.mask.everything);
      this.set("size", Math.max(described.width, described.height) / 40);
      this.dialog.dataset.state = "ready";
      this.fit();
      if (this.takeDraft()) return;
      const who = described.reviewer ? `as corrected by ${described.reviewer}` : "without a reviewer's name";
      this.say(`${described.corrected ? "This mask was corrected before." : "This is the network's mask."} It will be saved ${who}.`);
      this.enable();
    }

    async save() {
      if (!this.history || this.saving) return;
      if (this.points.length) return this.say("A line is not closed yet: close it (Enter), or drop it (Escape).");
      this.lift();
      this.say("Saving…");
      this.saving = this.send(this.version).catch((error) => this.say(error.message));
      await this.saving;
      this.saving = null;
    }

    async send(version) {
      const { state } = this.history; // of which the drawing may go on meanwhile
      const headers = { "Content-Type": "application/octet-stream", "If-Match": version };
      const body = pack(this.mask.pixels);
      const answer = await this.request(`${this.address}/mask`, { method: "PUT", headers, body });
      if (answer.status === 412) return this.resolve();
      const described = await answer.json();
      this.version = `"${described.version}"`;
      this.history.saved = state;
      stored((storage) => storage.removeItem(this.draft));
      this.say(described.remark ? `Saved. Look again: ${described.remark}.` : "Saved.");
      this.enable();
      this.onSaved({ corrected: true, outline: described.outline, missing: null });
      return true;
    }

    /** Somebody else has saved this mask since it was opened. */
    async resolve() {
      const answer = await this.ask("This mask was saved in another window since you opened it.", [
        ["load", "Load that mask"],
        ["replace", "Replace it by mine"],
        ["wait", "Go on drawing"],
      ]);
      if (answer === "load") await this.take("mask", "That mask was loaded. Undo brings yours back.");
      else if (answer === "replace") return this.send((await this.request(`${this.address}/mask`)).headers.get("ETag"));
      else this.say("Not saved.");
      return false;
    }

    async reset() {
      if (!this.history) return;
      this.lift();
      try {
        await this.take("network", "This is the network's mask. Undo brings yours back.");
      } catch (error) {
        this.say(error.message);
      }
    }

    /** Replace the drawing by a mask of the server, as a change that can be undone. */
    async take(part, text) {
      const answer = await this.request(`${this.address}/${part}`);
      this.mask.pixels.set(unpack(new Uint8Array(await answer.arrayBuffer()), this.mask.pixels.length));
      this.keep(this.mask.everything);
      if (part === "mask") {
        this.version = answer.headers.get("ETag");
        this.history.saved = this.history.state;
      }
      this.say(text);
      this.enable();
    }

    async close() {
      if (this.closing) return;
      this.closing = true;
      await this.saving; // what is under way may be all that is to be saved
      const isClosed = await this.mayClose();
      this.closing = false;
      if (isClosed) this.end();
    }

    /** Ask what becomes of changes that are not saved; returns whether the editor may close. */
    async mayClose() {
      if (this.history?.isDirty) {
        const answer = await this.ask("There are changes that are not saved.", [
          ["save", "Save and close"],
          ["discard", "Discard them"],
          ["stay", "Go on drawing"],
        ]);
        if (answer === "save") {
          await this.save();
          if (this.history.isDirty) return false;
        } else if (answer !== "discard") return false;
      }
      return true;
    }

    end() {
      stored((storage) => storage.removeItem(this.draft));
      document.removeEventListener("visibilitychange", this.hiding);
      window.removeEventListener("beforeunload", this.warn);
      this.watcher.disconnect();
      clearTimeout(this.telling);
      this.dialog.close();
      this.dialog.remove();
      this.picture?.close();
      opened = null;
      this.before?.focus?.();
    }

  }

  let opened = null;
  window.lungEditor = {
    /** Open the editor of a record, an object with `number` and `file`; `onSaved` is called after each saving. */
    open(record, onSaved) {
      if (opened) return;
      const before = document.activeElement;
      opened = new Editor(record, onSaved);
      opened.before = before;
    },
  };
})();
