/** Event tail: the newest events of a page, in order and each once, with the gaps of which nothing is known. No DOM. */

const newestFirst = (one, other) => (one.event_id < other.event_id ? 1 : -1);
const momentOf = ({ at, gap }) => (gap ? gap[1] : at);

export class EventTail {
  /** Newest first. A gap has `gap`: [from, to]. What the server printed has only its id and its time. */
  items;
  /** How many events the server did not print. */
  added = 0;
  /** Whether older events were dropped because there were too many. */
  isCut = false;
  #limit;
  #startAt;

  /**
   * `printed` are the events that the server printed, in any order; of more than `limit`, the oldest are dropped. What
   * happened before `startAt` is outside the range of the page.
   */
  constructor(printed, limit, startAt = -Infinity) {
    this.items = printed.map(({ event_id, at }) => ({ event_id, at, isPrinted: true })).sort(newestFirst);
    this.#limit = limit;
    this.#startAt = startAt;
  }

  /** How many events are here. */
  get size() {
    return this.items.filter(({ gap }) => !gap).length;
  }

  /** Add events that may be known already. Returns how many are new. */
  add(events) {
    const known = new Set(this.items.map((item) => item.event_id));
    const added = events.filter((event) => !known.has(event.event_id) && event.at >= this.#startAt);
    if (added.length) this.#hold([...added, ...this.items].sort(newestFirst));
    this.added += added.length;
    return added.length;
  }

  /** The range of the page begins at this moment from now on. What happened before leaves. */
  beginAt(moment) {
    this.#startAt = moment;
    const isOver = (item) => momentOf(item) < moment;
    if (this.items.some(isOver)) this.items = this.items.filter((item) => !isOver(item));
  }

  /** Nothing is known of what happened in this span, which is later than all events so far. */
  noteGap(from, to) {
    const newest = this.items[0]?.event_id ?? " "; // before all ids
    // Sorts after that event, and before all later ones.
    this.items = [{ event_id: `${newest}~`, gap: [from, to] }, ...this.items];
  }

  #hold(items) {
    this.isCut ||= items.length > this.#limit;
    this.items = items.slice(0, this.#limit);
  }
}
