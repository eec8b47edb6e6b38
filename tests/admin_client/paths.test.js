/** Paths: samples as lines and areas in a unit box, with gaps where samples are missing. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { across, area, line, runs, scale } from "../../static/admin/paths.js";
import { NOW, SETTINGS } from "./fakes.js";

const MINUTE = 60_000;
const samples = (...ages) => ages.map((age) => [NOW - age, 2, 1, 0, 1]);
const value = (sample) => sample[1];
const { gapMs, historyMs: spanMs } = SETTINGS;
const box = { now: NOW, spanMs, top: 4 };

test("now is at the right, and 15 minutes ago at the left", () => {
  assert.deepEqual([0, 15, 7.5].map((age) => across(NOW - age * MINUTE, NOW, spanMs)), [1, 0, 0.5]);
});

test("a line goes through all samples of a run", () => {
  assert.equal(line(runs(samples(10_000, 5_000, 0), gapMs), value, box), "M0.9889 0.5L0.9944 0.5L1 0.5");
});

test("an area is closed along the lower value", () => {
  const lower = (sample) => sample[2];
  assert.equal(area(runs(samples(5_000, 0), gapMs), value, lower, box), "M0.9944 0.5L1 0.5L1 0.75L0.9944 0.75Z");
});

test("where samples are missing the line is broken", () => {
  assert.equal(runs(samples(120_000, 115_000, 60_000, 55_000), gapMs).length, 2);
  assert.match(line(runs(samples(120_000, 115_000, 60_000, 55_000), gapMs), value, box), /^M[^M]+M[^M]+$/);
});

test("a line is not broken between samples that are taken once a minute", () => {
  const once = samples(...Array.from({ length: 15 }, (_, minute) => (14 - minute) * MINUTE));
  assert.equal(runs(once, 4 * MINUTE).length, 1);
  assert.equal(runs(once.toSpliced(3, 4), 4 * MINUTE).length, 2);
});

test("an absence is a gap, whatever is known of it since", () => {
  const all = samples(30_000, 25_000, 20_000, 15_000, 10_000, 5_000);
  const [before, after] = runs(all, gapMs, [[NOW - 26_000, NOW - 9_000]]);
  assert.deepEqual(before.map(([at]) => NOW - at), [30_000]);
  assert.deepEqual(after.map(([at]) => NOW - at), [5_000]);
});

test("an absence between two samples breaks the line too", () => {
  assert.equal(runs(samples(10_000, 5_000), gapMs, [[NOW - 9_000, NOW - 6_000]]).length, 2);
});

test("what is older than the box ends at its edge", () => {
  assert.match(line(runs(samples(15 * MINUTE + 5_000, 15 * MINUTE - 5_000), gapMs), value, box), /^M0 0.5L/);
});

test("nothing to show is an empty path", () => {
  assert.deepEqual([line(runs([], gapMs), value, box), area(runs([], gapMs), value, value, box)], ["", ""]);
});

test("the axis has round marks, few of them, and room above", () => {
  for (const [highest, marks] of [
    [0, [0, 2, 4]],
    [1, [0, 1]],
    [3, [0, 1, 2, 3]],
    [34, [0, 10, 20, 30]],
    [330, [0, 100, 200, 300]],
    [9_999, [0, 5_000]],
  ]) {
    const found = scale(highest);
    assert.deepEqual(found.marks, marks, `${highest}`);
    assert.ok(found.top >= highest);
  }
});
