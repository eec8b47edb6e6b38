/** Day spans: a state as text, and the state at a moment. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { describe, placeAt } from "../../static/admin/day_spans.js";
import { Moments } from "../../static/admin/moments.js";

const NOON = Date.UTC(2026, 0, 31, 12);
const MINUTE = 60_000;
const utc = new Moments({ timeZone: "UTC", hour12: false });

test("a state says when, what and how long", () => {
  const span = { start: NOON - 90 * MINUTE, end: NOON - 30 * MINUTE, isOpen: false, words: "Busy: set busy" };
  assert.equal(describe(span, NOON, utc), "10:30:00 – 11:30:00 · Busy: set busy · 1 h");
  assert.equal(describe({ ...span, end: NOON, isOpen: true }, NOON, utc), "10:30:00 – now · Busy: set busy · 1 h 30 min");
  const later = NOON + 1440 * MINUTE;
  assert.equal(describe(span, later, utc), "31 Jan, 10:30:00 – 31 Jan, 11:30:00 · Busy: set busy · 1 h");
});

test("a moment has the state that it lies in, and the time to come the last one", () => {
  const spans = [{ end: 10 }, { end: 20 }, { end: 25 }];
  assert.deepEqual([-5, 0, 9, 10, 19.5, 24, 25, 100].map((moment) => placeAt(spans, moment)), [0, 0, 0, 1, 1, 2, 2, 2]);
});
