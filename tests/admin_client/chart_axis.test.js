/** Chart axis: labels at round times of the operator's zone, and the date where a day begins. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { ChartAxis } from "../../static/admin/chart_axis.js";
import { Moments } from "../../static/admin/moments.js";
import { NOW, SETTINGS } from "./fakes.js";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const at = (text) => Date.parse(text);
const labels = (now, spanMs, markMs, timeZone = "UTC") => new ChartAxis(new Moments({ timeZone, hour12: false })).labels(now, spanMs, markMs);
const texts = (...given) => labels(...given).map(([, text]) => text);

test("each fifth minute is named", () => {
  const named = labels(NOW, SETTINGS.historyMs, 5 * MINUTE);
  assert.equal(named.length, 3);
  for (const [moment] of named) assert.equal(moment % (5 * MINUTE), 0);
});

test("hours are named as the zone counts them, even if it differs by 45 minutes", () => {
  assert.deepEqual(texts(at("2026-11-27T14:20Z"), 4 * HOUR, HOUR), ["11:00", "12:00", "13:00", "14:00"]);
  assert.deepEqual(texts(at("2026-11-27T14:20Z"), 4 * HOUR, HOUR, "Asia/Kathmandu"), ["17:00", "18:00", "19:00", "20:00"]);
});

test("where a day begins in the zone, its date is named", () => {
  assert.deepEqual(texts(at("2026-11-27T14:20Z"), DAY, 6 * HOUR), ["18:00", "27 Nov", "06:00", "12:00"]);
  assert.deepEqual(texts(at("2026-11-27T14:20Z"), DAY, 6 * HOUR, "Asia/Tokyo"), ["27 Nov", "06:00", "12:00", "18:00"]);
});

test("seven days have seven dates, also when the clocks change at midnight", () => {
  const found = labels(at("2026-09-08T12:00Z"), 7 * DAY, DAY, "America/Santiago"); // 6 Sep begins at 01:00
  assert.deepEqual(found.map(([, text]) => text), ["2 Sept", "3 Sept", "4 Sept", "5 Sept", "6 Sept", "7 Sept", "8 Sept"]);
  assert.equal(new Date(found[4][0]).toISOString(), "2026-09-06T04:00:00.000Z");
});

test("a moment has no label while the right edge would cut it", () => {
  const axis = new ChartAxis(new Moments({ timeZone: "UTC", hour12: false }));
  const last = (now) => axis.labels(at(now), 15 * MINUTE, 5 * MINUTE).at(-1)[1];
  assert.equal(last("2026-11-27T14:05:15Z"), "14:00");
  assert.equal(last("2026-11-27T14:05:20Z"), "14:05");
});

test("the labels move on with time", () => {
  const axis = new ChartAxis(new Moments({ timeZone: "UTC", hour12: false }));
  const first = axis.labels(at("2026-11-27T14:04Z"), 15 * MINUTE, 5 * MINUTE);
  assert.equal(axis.labels(at("2026-11-27T14:04:30Z"), 15 * MINUTE, 5 * MINUTE), first);
  assert.deepEqual(axis.labels(at("2026-11-27T14:06Z"), 15 * MINUTE, 5 * MINUTE).map(([, text]) => text), ["13:55", "14:00", "14:05"]);
});
