/** Chart table: the figures of the chart in rows, the newest first. As `table` in handlers/admin/chart_drawing.py. */

import { inWords, tableRows } from "./chart_reading.js";
import { grouped } from "./formatting.js";
import { put, write } from "./markup.js";
import { moments } from "./moments.js";

const FIGURES = 4; // in a sample, after its moment

export class ChartTable {
  #body;
  #latest;
  #key = "";

  /** `latest` says the newest figures in words: the newest row has the first ones of its period. */
  constructor(body, latest) {
    this.#body = body;
    this.#latest = latest;
  }

  /** The rows are kept, and only texts that differ are written, so that a reader doesn't lose the place. */
  draw(samples, now, range) {
    write(this.#latest, inWords(samples.at(-1)));
    const key = `${range.name} ${Math.floor(now / range.rowMs)} ${samples[0]?.[0]}`;
    if (key === this.#key) return;
    this.#key = key;
    const rows = tableRows(samples, now, range);
    while (this.#body.rows.length < rows.length) this.#body.append(this.#newRow());
    for (const [index, element] of [...this.#body.rows].entries()) {
      put(element, "hidden", index >= rows.length);
      if (!element.hidden) this.#fill(element, rows[index], now);
    }
  }

  #newRow() {
    const row = document.createElement("tr");
    const head = row.appendChild(document.createElement("th"));
    head.scope = "row";
    head.append(document.createElement("time"));
    for (let index = 0; index < FIGURES; index++) row.insertCell().className = "num";
    return row;
  }

  #fill(row, [at, sample], now) {
    const [head, ...cells] = row.cells;
    const time = head.firstElementChild;
    write(time, moments.short(at, now));
    put(time, "dateTime", new Date(at).toISOString());
    put(time, "title", time.dateTime);
    cells.forEach((cell, index) => write(cell, sample ? grouped(sample[index + 1]) : "–"));
  }
}
