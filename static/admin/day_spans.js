/** Day spans: the states of one user's day, as text and by moment. No DOM. */

import { durationWithUnits } from "./formatting.js";
import { moments } from "./moments.js";

/** When, what and how long: `14:05:00 – 14:12:30 · On a call with bob · 7 min 30 s`. */
export function describe({ start, end, isOpen, words }, now, written = moments) {
  const until = isOpen ? "now" : written.clock(end, now);
  return `${written.clock(start, now)} – ${until} · ${words} · ${durationWithUnits(end - start)}`;
}

/** The place of the span at a moment in a list that is in order, or of the last one. */
export function placeAt(spans, moment) {
  const place = spans.findIndex(({ end }) => moment < end);
  return place < 0 ? spans.length - 1 : place;
}
