/** Chart: the last 15 minutes of available and busy, one on the other, and the calls. */

import { put, write } from "./markup.js";
import { across, area, line, minutes, runs, scale } from "./paths.js";
import { clock } from "./formatting.js";

const AVAILABLE = 1;
const BUSY = 2;
const CALLS = 4;
const MARKS = 6; // elements for the axes, made once

const online = (sample) => sample[AVAILABLE] + sample[BUSY];
const busy = (sample) => sample[BUSY];
const calls = (sample) => sample[CALLS];
const nothing = () => 0;

export class Chart {
  #parts = {};
  #rows = [];
  #columns = [];
  #absences = [];

  constructor(figure) {
    for (const part of figure.querySelectorAll("[data-chart]")) this.#parts[part.dataset.chart] = part;
    for (let index = 0; index < MARKS; index++) {
      this.#rows.push(this.#mark("rows"));
      this.#columns.push(this.#mark("columns"));
    }
  }

  /** Nobody saw what was between these two moments. */
  note(absence) {
    this.#absences = [...this.#absences.slice(-19), absence];
  }

  /** `figures` are those of now: the line ends at them. */
  draw({ samples, figures }, now) {
    const last = [now, figures.available, figures.busy, figures.offline, figures.calls];
    const all = runs([...samples.filter(([at]) => at < now), last], this.#absences);
    const { top, marks } = scale(Math.max(...samples.map(online), online(last)));
    const box = { now, top };
    this.#path("available-area", area(all, online, busy, box));
    this.#path("busy-area", area(all, busy, nothing, box));
    this.#path("available", line(all, online, box));
    this.#path("busy", line(all, busy, box));
    this.#path("calls", line(all, calls, box));
    this.#label(this.#rows, marks, (mark) => [1 - mark / top, mark.toLocaleString("en")]);
    this.#label(this.#columns, minutes(now), (at) => [across(at, now), clock(at).slice(0, 5)]);
    this.tell(figures);
    this.#describe(figures, samples[0] ?? last);
  }

  /** The figures beside the names of the lines. */
  tell(figures) {
    for (const name of ["available", "busy", "calls"]) write(this.#parts[`${name}-now`], figures[name].toLocaleString("en"));
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

  /** In words too, for whoever doesn't see the lines. */
  #describe(figures, [, available, busyThen, , callsThen]) {
    const then = { available, busy: busyThen, calls: callsThen };
    const changes = Object.keys(then).map((name) => `${name} from ${then[name]} to ${figures[name]}`);
    write(this.#parts["in-words"], changes.join(", "));
  }
}

/** A small line of one figure, between its own lowest and highest. */
export function sparkline(path, samples, index, now) {
  const values = samples.map((sample) => sample[index]);
  const [bottom, top] = [Math.min(...values), Math.max(...values)];
  const margin = (top - bottom) * 0.08 || 1;
  const box = { now, top: top + margin, bottom: bottom - margin };
  path.setAttribute("d", samples.length > 1 ? line(runs(samples), (sample) => sample[index], box) : "");
}
