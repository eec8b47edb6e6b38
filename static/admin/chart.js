/** Chart: available and busy users, stacked, and the calls, over the last minutes. */

import { put, write } from "./markup.js";
import { across, area, line, minutes, runs, scale } from "./paths.js";
import { grouped } from "./formatting.js";
import { moments } from "./moments.js";

const AVAILABLE = 1; // positions in a sample
const BUSY = 2;
const CALLS = 4;
const MARKS = 6; // elements for each axis, created once; more than either axis ever needs
const ABSENCES_KEPT = 20; // more don't fit into the time that is shown
const SPARKLINE_MARGIN = 0.08; // of the height

const online = (sample) => sample[AVAILABLE] + sample[BUSY];
const busy = (sample) => sample[BUSY];
const calls = (sample) => sample[CALLS];
const nothing = () => 0;

export class Chart {
  #settings;
  #parts = {};
  #rows = [];
  #columns = [];
  #absences = [];

  constructor(figure, settings) {
    this.#settings = settings;
    for (const part of figure.querySelectorAll("[data-chart]")) this.#parts[part.dataset.chart] = part;
    for (let index = 0; index < MARKS; index++) {
      this.#rows.push(this.#mark("rows"));
      this.#columns.push(this.#mark("columns"));
    }
  }

  /** The page was not connected between these two moments, so the chart shows a gap. */
  noteAbsence(absence) {
    this.#absences = [...this.#absences, absence].slice(-ABSENCES_KEPT);
  }

  /** The lines end at the current figures. */
  draw({ samples, figures }, now) {
    const { gapMs, historyMs: spanMs } = this.#settings;
    const last = [now, figures.available, figures.busy, figures.offline, figures.calls];
    const all = runs([...samples.filter(([at]) => at < now), last], gapMs, this.#absences);
    const { top, marks } = scale(Math.max(...samples.map(online), online(last)));
    const box = { now, spanMs, top };
    this.#path("available-area", area(all, online, busy, box));
    this.#path("busy-area", area(all, busy, nothing, box));
    this.#path("available", line(all, online, box));
    this.#path("busy", line(all, busy, box));
    this.#path("calls", line(all, calls, box));
    this.#label(this.#rows, marks, (mark) => [1 - mark / top, grouped(mark)]);
    this.#label(this.#columns, minutes(now, spanMs), (at) => [across(at, now, spanMs), moments.hourAndMinute(at)]);
    this.drawFigures(figures);
    this.#describe(figures, samples[0] ?? last);
  }

  /** The figures in the legend. */
  drawFigures(figures) {
    for (const name of ["available", "busy", "calls"]) write(this.#parts[`${name}-now`], grouped(figures[name]));
  }

  #path(name, d) {
    this.#parts[name].setAttribute("d", d);
  }

  #mark(name) {
    const mark = document.createElement("span");
    mark.hidden = true;
    return this.#parts[name].appendChild(mark);
  }

  #label(elements, marks, place) {
    elements.forEach((element, index) => {
      const isUsed = index < marks.length;
      put(element, "hidden", !isUsed);
      if (!isUsed) return;
      const [at, text] = place(marks[index]);
      element.style.setProperty("--place", at.toFixed(4));
      write(element, text);
    });
  }

  /** The text alternative of the chart. */
  #describe(figures, [, available, busyThen, , callsThen]) {
    const then = { available, busy: busyThen, calls: callsThen };
    const texts = Object.keys(then).map((name) => `${name} from ${then[name]} to ${figures[name]}`);
    write(this.#parts.description, texts.join(", "));
  }
}

/** A small line of one figure, scaled from its own minimum to its own maximum. */
export function sparkline(path, samples, index, now, { gapMs, historyMs: spanMs }) {
  const values = samples.map((sample) => sample[index]);
  const [bottom, top] = [Math.min(...values), Math.max(...values)];
  const margin = (top - bottom) * SPARKLINE_MARGIN || 1;
  const box = { now, spanMs, top: top + margin, bottom: bottom - margin };
  path.setAttribute("d", samples.length > 1 ? line(runs(samples, gapMs), (sample) => sample[index], box) : "");
}
