// Day strip: shows the state under the pointer, and lets the arrow keys go from state to state.

import { keepUpToDate } from "./day_refresh.js";
import { describe, placeAt } from "./day_spans.js";
import { write } from "./markup.js";
import { moments } from "./moments.js";

const STEPS = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 10, PageDown: -10, Home: -Infinity, End: Infinity };

class DayStrip {
  #box;
  #svg;
  #readout;
  #spans;
  #chosen;
  #now;

  /** `now` is the server's time; the device's may be wrong. */
  constructor(box, now) {
    this.#box = box;
    this.#now = now;
    this.#svg = box.querySelector("[data-strip]");
    this.#readout = box.closest("[data-strips]").querySelector("[data-readout]");
    this.#spans = [...box.querySelectorAll(".span")].map(spanOf).sort((one, other) => one.start - other.start);
    for (const text of box.querySelectorAll("[data-hour]")) write(text, moments.hourAndMinute(Number(text.dataset.hour)));
    for (const span of this.#spans) span.title.textContent = `${describe(span, this.#now)}\n${iso(span.start)} – ${iso(span.end)}`;
    if (this.#spans.length) this.#enable();
  }

  /** A slider has one place in the order of Tab, and tells its value where it is moved. */
  #enable() {
    const attributes = { role: "slider", tabindex: 0, "aria-label": this.#svg.getAttribute("aria-label"), "aria-valuemin": 1, "aria-valuemax": this.#spans.length };
    for (const [name, value] of Object.entries(attributes)) this.#box.setAttribute(name, value);
    this.#choose(this.#spans.length - 1, { silently: true });
    this.#box.addEventListener("keydown", (event) => this.#step(event));
    this.#box.addEventListener("focus", () => this.#choose(this.#chosen));
    this.#box.addEventListener("blur", () => this.#mark(false));
    for (const type of ["pointerdown", "pointermove"]) this.#svg.addEventListener(type, (event) => this.#point(event));
    this.#svg.addEventListener("pointerleave", () => this.#mark(document.activeElement === this.#box));
  }

  #step(event) {
    const step = event.altKey || event.ctrlKey || event.metaKey ? undefined : STEPS[event.key];
    if (step === undefined) return;
    event.preventDefault();
    this.#choose(Math.min(Math.max(this.#chosen + step, 0), this.#spans.length - 1));
  }

  #point(event) {
    const span = event.target.closest(".span");
    const { left, width } = this.#svg.getBoundingClientRect();
    const { start, end } = this.#svg.dataset;
    const moment = Number(start) + ((event.clientX - left) / width) * (end - start);
    const under = this.#spans.findIndex(({ element }) => element === span);
    this.#choose(under < 0 ? placeAt(this.#spans, moment) : under);
  }

  #choose(place, { silently = false } = {}) {
    this.#mark(false);
    this.#chosen = place;
    const span = this.#spans[place];
    this.#box.setAttribute("aria-valuenow", place + 1);
    this.#box.setAttribute("aria-valuetext", describe(span, this.#now));
    if (silently) return;
    this.#mark(true);
    write(this.#readout, describe(span, this.#now));
  }

  #mark(isChosen) {
    this.#spans[this.#chosen]?.element.classList.toggle("chosen", isChosen);
  }
}

function spanOf(element) {
  const { start, end, open, words } = element.dataset;
  return { element, title: element.querySelector("title"), start: Number(start), end: Number(end), isOpen: open !== undefined, words };
}

function iso(moment) {
  return new Date(moment).toISOString();
}

function enableStrips(root, now) {
  for (const readout of root.querySelectorAll("[data-readout]")) readout.hidden = false;
  for (const box of root.querySelectorAll("[data-strip-box]")) new DayStrip(box, now);
}

enableStrips(document, Number(document.body.dataset.now));
keepUpToDate(enableStrips);
