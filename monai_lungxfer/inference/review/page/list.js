"use strict";
// The list: of thousands of cards, only those near the visible part are in the page.
const list = (() => {
  const box = document.getElementById("list");
  const scroller = box.parentElement;
  const folder = (record) => record.file.slice(0, Math.max(0, record.file.lastIndexOf("/")));
  const short = (record) => record.file.slice(record.file.lastIndexOf("/") + 1);
  const alike = new Set(data.records.map(short)).size < data.records.length; // then folders tell them apart
  const GAP = 12, LEAST = 156, BELOW = alike ? 74 : 56, OVERSCAN = 2; // pixels, rows
  const cards = new Map(); // by the record's number
  let shown = [], active = -1, columns = 1, width = LEAST, row = 1, onPick = () => {};
  let placeOf = new Map();

  const number = new Map(data.records.map((record, at) => [record.file, at]));

  function measure() {
    const room = box.clientWidth;
    columns = Math.max(1, Math.floor((room + GAP) / (LEAST + GAP)));
    width = (room - GAP * (columns - 1)) / columns;
    row = Math.round(width + BELOW + GAP);
    box.style.height = `${Math.ceil(shown.length / columns) * row}px`;
  }

  function wanted() {
    const top = scroller.scrollTop - box.offsetTop;
    const first = Math.max(0, Math.floor(top / row) - OVERSCAN) * columns;
    const last = Math.min(shown.length, (Math.ceil((top + scroller.clientHeight) / row) + OVERSCAN) * columns);
    const places = [];
    for (let place = first; place < last; place += 1) places.push(place);
    const own = placeOf.get(active);
    if (own !== undefined && (own < first || own >= last)) places.push(own); // what aria-activedescendant names
    return places;
  }

  // A text whose beginning and end stay where it is too long.
  const shortened = (text) => [make("span", {}, text.slice(0, -10)), make("span", {}, text.slice(-10))];

  function card(at) {
    const record = data.records[at];
    const thumb = make("div", { className: "thumb", "aria-hidden": "true" });
    if (record.grid && !record.missing) thumb.append(drawRecord(record));
    else thumb.append(make("span", { className: "why" }, whyNot(record)));
    const told = record.dice_expected === null ? record.status === "done" ? "" : record.status : `Dice ${record.dice_expected.toFixed(2)}`;
    if (record.flags.length) thumb.append(make("span", { className: "flagged" }, `${record.flags.length} ⚑`));
    // Its name is what the hidden part says; what is seen is read to nobody a second time.
    const line = (className, ...parts) => make("div", { className, title: record.file, "aria-hidden": "true" }, ...parts);
    return make("div", { className: "card", role: "option", id: `r${at}` }, make("span", { className: "hidden said" }), thumb,
      line("name", ...shortened(short(record))),
      alike ? line("name folder", ...shortened(folder(record))) : null,
      line("line", make("span", { title: "expected Dice" }, told), make("span", { className: "mark" })));
  }

  function dress(element, at, place) {
    const record = data.records[at], { mark } = marks.get(record.file);
    element.querySelector(".said").textContent = describe(record);
    element.setAttribute("aria-selected", String(at === active));
    element.setAttribute("aria-setsize", String(shown.length));
    element.setAttribute("aria-posinset", String(place + 1));
    element.dataset.mark = mark;
    element.querySelector(".mark").textContent = mark ? MARKS[mark] : record.corrected ? MARKS.corrected : "";
    element.style.width = `${width}px`;
    element.style.height = `${row - GAP}px`;
    element.style.transform = `translate(${(place % columns) * (width + GAP)}px, ${Math.floor(place / columns) * row}px)`;
  }

  function render(afresh = false) {
    const places = wanted();
    const keep = new Set(places.map((place) => shown[place]));
    for (const [at, element] of cards) if (!keep.has(at)) { element.remove(); cards.delete(at); }
    for (const place of places) {
      const at = shown[place];
      let element = cards.get(at);
      const isNew = element === undefined;
      if (isNew) { element = card(at); cards.set(at, element); }
      if (isNew || afresh) dress(element, at, place);
      if (isNew) box.append(element);
    }
  }

  let waiting = false;
  scroller.addEventListener("scroll", () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; render(); });
  }, { passive: true });
  new ResizeObserver(() => { measure(); render(true); }).observe(box);
  box.addEventListener("click", (event) => {
    const element = event.target.closest(".card");
    if (element) onPick(Number(element.id.slice(1)));
  });

  return {
    number,
    get shown() { return shown; },
    get active() { return active; },
    get columns() { return columns; },
    place: () => placeOf.get(active) ?? -1,
    onPick(listener) { onPick = listener; },
    show(records) {
      shown = records;
      placeOf = new Map(shown.map((at, place) => [at, place]));
      for (const element of cards.values()) element.remove();
      cards.clear();
      measure();
      scroller.scrollTop = 0;
      render(true);
      if (placeOf.has(active)) this.reveal();
    },
    pick(at) {
      active = at;
      if (placeOf.has(at)) box.setAttribute("aria-activedescendant", `r${at}`); else box.removeAttribute("aria-activedescendant");
      this.reveal();
    },
    reveal() {
      const top = Math.floor(this.place() / columns) * row + box.offsetTop;
      if (this.place() >= 0) {
        if (top < scroller.scrollTop) scroller.scrollTop = top - GAP;
        else if (top + row > scroller.scrollTop + scroller.clientHeight) scroller.scrollTop = top + row - scroller.clientHeight;
      }
      render(true);
    },
    // Draw a record's card anew, whose mask or mark has changed.
    redraw(at) {
      cards.get(at)?.remove();
      cards.delete(at);
      render(true);
    },
    refresh: () => render(true),
  };
})();
