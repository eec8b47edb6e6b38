/** Event tail: the newest events of a page, in order and each once, with the gaps of which nothing is known. No DOM. */

const newestFirst = (one, other) => (one.event_id < other.event_id ? 1 : -1);

export class EventTail {
  /** Newest first. A gap has `gap`: [from, to]. What the server printed has only its id. */
  items;
  /** How many events the server did not print. */
  added = 0;
  #limit;

  /** `ids` are those that the server printed, newest first; of more than `limit`, the oldest are dropped. */
  constructor(ids, limit) {
    this.items = ids.map((id) => ({ event_id: id, isPrinted: true }));
    this.#limit = limit;
  }

  /** Add events that may be known already. Returns how many are new. */
  add(events) {
    const known = new Set(this.items.map((item) => item.event_id));
    const added = events.filter((event) => !known.has(event.event_id));
    if (added.length) this.items = [...added, ...this.items].sort(newestFirst).slice(0, this.#limit);
    this.added += added.length;
    return added.length;
  }

  /** Nothing is known of what happened in this span, which is later than all events so far. */
  noteGap(from, to) {
    const newest = this.items[0]?.event_id ?? " "; // before all ids
    // Sorts after that event, and before all later ones.
    this.items = [{ event_id: `${newest}~`, gap: [from, to] }, ...this.items];
  }
}
