/** Chart axis: which moments are labelled, and how. As in handlers/admin/chart_drawing.py. No DOM. */

const FINEST_MARK_MS = 15 * 60_000; // all zones differ from UTC by a multiple of this
const DAY_MS = 86_400_000;
const EDGE = 0.02; // of the span: so close to the right edge, the card would cut half a label

export class ChartAxis {
  #moments;
  #key = "";
  #labels = [];

  constructor(moments) {
    this.#moments = moments;
  }

  /** [moment, text] for each label: where a new part of the day begins in the zone; the date where a new day does. */
  labels(now, spanMs, markMs) {
    const grid = Math.min(markMs, FINEST_MARK_MS);
    const first = Math.ceil((now - spanMs) / grid) * grid;
    const end = now - EDGE * spanMs;
    const key = `${first} ${spanMs} ${markMs} ${Math.ceil(end / grid)}`;
    if (key !== this.#key) {
      this.#key = key;
      this.#labels = this.#find(first, end, grid, markMs);
    }
    return this.#labels;
  }

  #find(first, end, grid, markMs) {
    const found = [];
    let before = this.#period(first - grid, markMs);
    for (let at = first; at < end; at += grid) {
      const period = this.#period(at, markMs);
      if (period.day !== before.day) found.push([at, this.#moments.day(at)]);
      else if (period.part !== before.part) found.push([at, this.#moments.hourAndMinute(at)]);
      before = period;
    }
    return found;
  }

  #period(at, markMs) {
    const { day, minutes } = this.#moments.local(at);
    return { day, part: Math.floor((minutes * 60_000) / Math.min(markMs, DAY_MS)) };
  }
}
