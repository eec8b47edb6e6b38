/** Moments: dates and times in the chosen zone, counted to 12 or to 24. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Moments } from "../../static/admin/moments.js";

const NOON = Date.UTC(2026, 0, 31, 12, 0, 0, 123);
const DAY = 86_400_000;

const utc = new Moments({ timeZone: "UTC", hour12: false });

test("a moment has a date unless it is today, and a year unless it is this one", () => {
  assert.equal(utc.clock(NOON - NOON % DAY, NOON), "00:00:00");
  assert.equal(utc.clock(NOON - DAY, NOON), "30 Jan, 12:00:00");
  assert.equal(utc.short(NOON + DAY + 60_000, NOON), "1 Feb, 12:01");
  assert.equal(utc.clock(NOON - 31 * DAY, NOON), "31 Dec 2025, 12:00:00");
});

test("where it is asked for, a moment has a date also today", () => {
  assert.equal(utc.dated(NOON, NOON), "31 Jan, 12:00:00");
  assert.equal(utc.dated(NOON, NOON - 31 * DAY), "31 Jan 2026, 12:00:00");
  assert.equal(utc.full(NOON), "31 Jan 2026, 12:00");
});

test("a day begins at midnight of the zone", () => {
  const auckland = new Moments({ timeZone: "Pacific/Auckland", hour12: false });
  assert.deepEqual([auckland.zoneName, auckland.clock(NOON, NOON)], ["Pacific/Auckland", "01:00:00"]);
  assert.equal(auckland.clock(NOON - 2 * 3_600_000, NOON), "31 Jan, 23:00:00");
});

test("hours are counted to 12 where people do so", () => {
  const twelve = new Moments({ timeZone: "UTC", hour12: true });
  assert.equal(twelve.clock(NOON + 3_600_000, NOON), "01:00:00 pm");
  assert.equal(twelve.short(NOON - DAY, NOON), "30 Jan, 12:00 pm");
  assert.equal(twelve.hourAndMinute(NOON - 12 * 3_600_000), "12:00 am");
});

test("a field has the time of the zone, and seconds only if there are any", () => {
  assert.equal(utc.field(NOON), "2026-01-31T12:00");
  assert.equal(utc.field(NOON + 30_000), "2026-01-31T12:00:30");
  assert.equal(utc.field(Date.UTC(2026, 0, 31)), "2026-01-31T00:00");
  const kathmandu = new Moments({ timeZone: "Asia/Kathmandu", hour12: true });
  assert.equal(kathmandu.field(NOON + 12 * 3_600_000), "2026-02-01T05:45");
});

test("a zone that nobody knows is refused", () => {
  assert.throws(() => new Moments({ timeZone: "Mars/Olympus" }), RangeError);
});
