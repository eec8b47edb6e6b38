/** Chart reading: the sample nearest to a moment, and the rows of the table. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { inWords, nearest, tableRows } from "../../static/admin/chart_reading.js";

const GAP = 20_000;
const samples = [1_000, 6_000, 11_000, 60_000, 65_000].map((at) => [at, 3, 2, 1, 1]);

test("the nearest sample is found on either side", () => {
  const places = [[0, 0], [1_000, 0], [3_000, 0], [4_000, 1], [11_000, 2], [62_000, 3], [64_000, 4], [65_000, 4], [70_000, 4]];
  for (const [at, index] of places) assert.equal(nearest(samples, at, GAP), index, `${at}`);
});

test("in a gap there is none", () => {
  for (const at of [12_000, 35_000, 59_000]) assert.equal(nearest(samples, at, GAP), -1, `${at}`);
  assert.equal(nearest(samples, 60_000, GAP), 3);
});

test("far before the first and after the last there is none", () => {
  assert.equal(nearest(samples, -30_000, GAP), -1);
  assert.equal(nearest(samples, 90_000, GAP), -1);
  assert.equal(nearest([], 0, GAP), -1);
});

test("the figures are announced in words", () => {
  assert.equal(inWords([0, 1_200, 3, 40, 1]), "1,200 available, 3 busy, 40 offline, 1 call");
});

test("the table has a row for each period, also for those without a sample", () => {
  const rows = tableRows(samples, 65_000, { spanMs: 60_000, rowMs: 10_000, gapMs: GAP });
  assert.deepEqual(rows.map(([at, sample]) => [at, sample?.[0]]), [
    [60_000, 60_000], [50_000, undefined], [40_000, undefined], [30_000, undefined], [20_000, undefined], [10_000, 11_000],
  ]);
});

test("a row that begins in a gap has no figures", () => {
  const rows = tableRows([[9_000], [61_000 + GAP]], 90_000, { spanMs: 120_000, rowMs: 60_000, gapMs: GAP });
  assert.deepEqual(rows, [[60_000, undefined], [0, [9_000]]]);
});
