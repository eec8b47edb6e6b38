/** Chart: available and busy users, stacked, and the calls, over the time that the operator chose. */

import { ChartAxis } from "./chart_axis.js";
import { write } from "./markup.js";
import { across, area, line, runs, scale } from "./paths.js";
import { grouped } from "./formatting.js";
import { moments } from "./moments.js";

const AVAILABLE = 1; // positions in a sample
const BUSY = 2;
const CALLS = 4;
const ABSENCES_KEPT = 20; // more don't fit into the time that is shown
const SPARKLINE_MARGIN = 0.08; // of the height
const SVG = "http://www.w3.org/2000/svg";
const ROW_LABEL_X = "-8"; // pixels from the plot

const online = (sample) => sample[AVAILABLE] + sample[BUSY];
const busy = (sample) => sample[BUSY];
const calls = (sample) => sample[CALLS];
const nothing = () => 0;
const percent = (part) => `${(100 * part).toFixed(2)}%`;

export class Chart {
  #history;
  #parts = {};
  #axis = new ChartAxis(moments);
  #isReadable = false;
  #readers = null;
  #absences = [];

  /** `history` has the samples of the chosen time. */
  constructor(figure, history) {
    this.#history = history;
    for (const part of figure.querySelectorAll("[data-chart]")) this.#parts[part.dataset.chart] = part;
  }

  /** The page was not connected between these two moments, so the chart shows a gap. */
  noteAbsence(absence) {
    this.#absences = [...this.#absences, absence].slice(-ABSENCES_KEPT);
  }

  /** The lines end at the current figures. */
  draw({ samples: latest, figures }, now) {
    this.drawFigures(figures);
    const history = this.#history;
    history.follow(latest, now);
    if (!history.samples) return; // what the server drew stays until they are loaded
    const { range } = history;
    const { spanMs, gapMs } = range;
    const last = [now, figures.available, figures.busy, figures.offline, figures.calls];
    const samples = [...history.samples.filter(([at]) => at < now && at >= now - spanMs), last];
    // What was loaded also has what the page did not see itself.
    const all = runs(samples, gapMs, history.isInFeed(range) ? this.#absences : []);
    const { top, marks } = scale(samples.reduce((highest, sample) => Math.max(highest, online(sample)), 0));
    const box = { now, spanMs, top };
    this.#drawPaths(all, box);
    this.#drawMarks(marks, box, range);
    write(this.#parts.title, range.title);
    write(this.#parts["table-title"], range.title);
    this.#describe(figures, samples[0]);
    if (this.#isReadable) this.#readers ??= this.#loadReaders();
    this.#readers?.then((readers) => {
      readers?.cursor.follow(all.flat(), { now, spanMs, gapMs, top });
      readers?.table.draw(samples, now, range);
    });
  }

  /** Let the chart be read from the next drawing on. A page that is not live yet is so sooner without it. */
  offerReading() {
    this.#isReadable = true;
  }

  /** What reads the chart. Null if it could not be loaded. */
  async #loadReaders() {
    try {
      const [{ ChartCursor }, { ChartTable }] = await Promise.all([import("./chart_cursor.js"), import("./chart_table.js")]);
      return { cursor: new ChartCursor(this.#parts), table: new ChartTable(this.#parts.table, this.#parts["table-latest"]) };
    } catch {
      this.#readers = null; // the connection is lost: the next drawing tries again
      return null;
    }
  }

  /** The figures in the legend. */
  drawFigures(figures) {
    for (const name of ["available", "busy", "calls"]) write(this.#parts[`${name}-now`], grouped(figures[name]));
  }

  #drawPaths(all, box) {
    this.#path("available-area", area(all, online, busy, box));
    this.#path("busy-area", area(all, busy, nothing, box));
    this.#path("available", line(all, online, box));
    this.#path("busy", line(all, busy, box));
    this.#path("calls", line(all, calls, box));
  }

  #path(name, d) {
    this.#parts[name].setAttribute("d", d);
  }

  #drawMarks(marks, { now, spanMs, top }, { markMs }) {
    const rows = marks.map((mark) => [percent(1 - mark / top), grouped(mark)]);
    const columns = this.#axis.labels(now, spanMs, markMs).map(([at, text]) => [percent(across(at, now, spanMs)), text]);
    label(this.#parts.rows, rows, (place) => [{ x1: "0", x2: "100%", y1: place, y2: place }, { x: ROW_LABEL_X, y: place }]);
    label(this.#parts.columns, columns, (place) => [{ x1: place, x2: place, y1: "0", y2: "100%" }, { x: place, y: "100%" }]);
  }

  /** The text alternative of the chart. */
  #describe(figures, [, available, busyThen, , callsThen]) {
    const then = { available, busy: busyThen, calls: callsThen };
    const texts = Object.keys(then).map((name) => `${name} from ${then[name]} to ${figures[name]}`);
    write(this.#parts.description, texts.join(", "));
  }
}

/** A line and a text for each mark. `place` returns the attributes of both. */
function label(group, marks, place) {
  while (group.children.length < 2 * marks.length) {
    group.append(document.createElementNS(SVG, "line"), document.createElementNS(SVG, "text"));
  }
  while (group.children.length > 2 * marks.length) group.lastElementChild.remove();
  marks.forEach(([at, text], index) => {
    const [forLine, forText] = place(at);
    setAll(group.children[2 * index], forLine);
    setAll(group.children[2 * index + 1], forText);
    write(group.children[2 * index + 1], text);
  });
}

function setAll(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (element.getAttribute(name) !== value) element.setAttribute(name, value);
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
