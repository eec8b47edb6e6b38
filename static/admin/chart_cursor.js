/** Chart cursor: the figures at one moment, which the pointer or the keyboard chooses. */

import { inWords, nearest } from "./chart_reading.js";
import { grouped } from "./formatting.js";
import { put, write } from "./markup.js";
import { moments } from "./moments.js";

const SPEAKING_MS = 250; // so that a key that is held down is announced once
const FIGURES = ["available", "busy", "offline", "calls"]; // in a sample, after its moment
const FURTHER = 10; // samples that Page Up and Page Down skip
const SECONDS_SPAN_MS = 3_600_000; // of longer ranges, seconds are not shown
const LEFT_HALF = 0.5;

export class ChartCursor {
  #parts;
  #samples = [];
  #view = null;
  #at = null; // the chosen moment; it stays while the chart moves on
  #hasKeyboard = false;
  #timer = null;

  /** `parts` are the elements of the chart by their names. */
  constructor(parts) {
    this.#parts = parts;
    const { plot, scrubber } = parts;
    scrubber.hidden = false;
    plot.addEventListener("pointermove", (event) => this.#point(event));
    plot.addEventListener("pointerdown", (event) => this.#point(event));
    plot.addEventListener("pointerleave", (event) => this.#leave(event));
    document.addEventListener("pointerdown", (event) => {
      if (!plot.contains(event.target)) this.#hide();
    });
    scrubber.addEventListener("keydown", (event) => this.#key(event));
    scrubber.addEventListener("focus", () => this.#focus());
    scrubber.addEventListener("blur", () => this.#hide());
  }

  /** The chart shows these samples now. `view` is {now, spanMs, gapMs, top}. */
  follow(samples, view) {
    this.#samples = samples;
    this.#view = view;
    put(this.#parts.scrubber, "ariaValueMax", String(Math.max(0, samples.length - 1)));
    if (this.#at !== null && this.#at < view.now - view.spanMs) this.#hide();
    this.#draw();
  }

  #point({ clientX }) {
    const { left, width } = this.#parts.plot.getBoundingClientRect();
    if (!this.#view || width === 0) return;
    const { now, spanMs } = this.#view;
    this.#at = now - spanMs * (1 - Math.max(0, Math.min(1, (clientX - left) / width)));
    this.#draw();
  }

  /** What a finger has chosen stays until something else is touched. */
  #leave({ pointerType }) {
    if (!this.#hasKeyboard && pointerType !== "touch") this.#hide();
  }

  #focus() {
    if (this.#at !== null || !this.#parts.scrubber.matches(":focus-visible")) return;
    this.#choose(this.#samples.length - 1);
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape" && this.#at !== null) {
      event.preventDefault();
      return this.#hide();
    }
    const last = this.#samples.length - 1;
    const here = this.#at === null ? last : this.#indexNear(this.#at);
    const index = {
      ArrowLeft: here - 1,
      ArrowDown: here - 1,
      ArrowRight: here + 1,
      ArrowUp: here + 1,
      PageDown: here - FURTHER,
      PageUp: here + FURTHER,
      Home: 0,
      End: last,
    }[event.key];
    if (index === undefined) return;
    event.preventDefault();
    this.#choose(Math.max(0, Math.min(last, index)));
  }

  /** The keyboard steps from sample to sample, and over gaps. */
  #choose(index) {
    if (!this.#samples[index]) return;
    this.#hasKeyboard = true;
    [this.#at] = this.#samples[index];
    this.#draw();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#speak(), SPEAKING_MS);
  }

  #indexNear(at) {
    const index = nearest(this.#samples, at, Infinity);
    return index < 0 ? this.#samples.length - 1 : index;
  }

  #speak() {
    if (this.#at === null) return;
    const sample = this.#samples[this.#indexNear(this.#at)];
    if (sample) write(this.#parts.spoken, inWords(sample));
  }

  #hide() {
    this.#at = null;
    this.#hasKeyboard = false;
    clearTimeout(this.#timer);
    write(this.#parts.spoken, "");
    for (const name of ["cursor", "readout"]) put(this.#parts[name], "hidden", true);
  }

  #draw() {
    const { cursor, readout, scrubber } = this.#parts;
    if (this.#at === null || !this.#view) return;
    const { now, spanMs, gapMs, top } = this.#view;
    const index = nearest(this.#samples, this.#at, gapMs);
    const sample = this.#samples[index];
    const at = sample ? sample[0] : this.#at;
    const time = spanMs > SECONDS_SPAN_MS ? moments.short(at, now) : moments.clock(at, now);
    const place = Math.max(0, Math.min(1, 1 - (now - at) / spanMs));
    write(this.#parts["read-time"], time);
    put(this.#parts["read-nothing"], "hidden", Boolean(sample));
    put(this.#parts["read-figures"], "hidden", !sample);
    if (sample) this.#drawFigures(sample, top);
    cursor.style.setProperty("--place", place.toFixed(4));
    readout.style.setProperty("--place", place.toFixed(4));
    readout.classList.toggle("on-right", place < LEFT_HALF);
    cursor.classList.toggle("empty", !sample);
    for (const part of [cursor, readout]) put(part, "hidden", false);
    put(scrubber, "ariaValueNow", String(Math.max(0, index)));
    put(scrubber, "ariaValueText", time);
  }

  #drawFigures(sample, top) {
    const [, available, busy, , calls] = sample;
    FIGURES.forEach((name, index) => write(this.#parts[`read-${name}`], grouped(sample[index + 1])));
    const { style } = this.#parts.cursor;
    for (const [name, value] of [["available", available + busy], ["busy", busy], ["calls", calls]]) {
      style.setProperty(`--${name}-place`, (1 - value / top).toFixed(4));
    }
  }
}
