/** Chart history: older samples are loaded, and the feed's samples go on from them. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { ChartHistory, rangeOf } from "../../static/admin/chart_history.js";
import { NOW, SETTINGS } from "./fakes.js";

const MINUTE = 60_000;
const dataset = { range: "4h", title: "Last 4 hours", spanMs: String(240 * MINUTE), stepMs: "30000", gapMs: "50000", markMs: "3600000", rowMs: "900000" };
const FOUR_HOURS = rangeOf({ dataset });
const QUARTER = { ...FOUR_HOURS, name: "15m", spanMs: 15 * MINUTE, stepMs: 0 };
const sample = (at) => [at, 3, 2, 1, 1];

test("a range is read from its link", () => {
  assert.deepEqual(FOUR_HOURS, { name: "4h", title: "Last 4 hours", spanMs: 14_400_000, stepMs: 30_000, gapMs: 50_000, markMs: 3_600_000, rowMs: 900_000 });
});

test("the last minutes are those of the feed", () => {
  const history = new ChartHistory(SETTINGS.historyMs);
  history.use(QUARTER);
  const latest = [sample(NOW - 5_000), sample(NOW)];
  history.follow(latest, NOW);
  assert.equal(history.samples, latest);
});

test("until older samples are loaded there is nothing to draw", () => {
  const history = new ChartHistory(SETTINGS.historyMs);
  history.use(FOUR_HOURS);
  history.follow([sample(NOW)], NOW);
  assert.equal(history.samples, null);
});

test("of the feed's samples the first of each step is added, and what is too old is dropped", () => {
  const history = new ChartHistory(SETTINGS.historyMs);
  const old = NOW - FOUR_HOURS.spanMs - 1;
  history.use(FOUR_HOURS, [sample(old), sample(NOW - 60_000)]);
  const latest = Array.from({ length: 25 }, (_, index) => sample(NOW - 60_000 + 5_000 * index));
  history.follow(latest, NOW + 60_000);
  const ages = history.samples.map(([at]) => at - NOW);
  assert.deepEqual(ages, [-60_000, -30_000, 0, 30_000, 60_000]);
  history.follow(latest, NOW + 60_000);
  assert.equal(history.samples.length, 5, "none is added twice");
});

test("a page that stays open for days keeps a bounded number of samples", () => {
  const history = new ChartHistory(SETTINGS.historyMs);
  history.use(FOUR_HOURS, []);
  for (let minute = 0; minute < 3_000; minute++) {
    const now = NOW + minute * MINUTE;
    history.follow(Array.from({ length: 12 }, (_, index) => sample(now - MINUTE + 5_000 * (index + 1))), now);
  }
  assert.ok(history.samples.length <= 4 * 120 + 1, `${history.samples.length}`);
});
