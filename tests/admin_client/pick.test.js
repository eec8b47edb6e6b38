/** Pick: one by one, as a range or all at once, and never more than one action may be for. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Pick } from "../../static/admin/pick.js";

const LISTED = [11, 12, 13, 14, 15, 16];

test("a user is picked, and picked again is no longer picked", () => {
  const pick = new Pick(10);
  pick.toggle(12);
  pick.toggle(14);
  assert.deepEqual([pick.ids, pick.size, pick.has(12), pick.has(13)], [[12, 14], 2, true, false]);
  pick.toggle(12);
  assert.deepEqual(pick.ids, [14]);
});

test("a range goes from the last one to this one, in both directions", () => {
  const pick = new Pick(10);
  pick.toggle(13);
  pick.reach(LISTED, 15);
  assert.deepEqual(pick.ids, [13, 14, 15]);
  pick.reach(LISTED, 12);
  assert.deepEqual(pick.ids.sort(), [12, 13], "it begins where it began, and takes the others out again");
});

test("a range keeps those who were picked before", () => {
  const pick = new Pick(10, [16]);
  pick.toggle(11);
  pick.reach(LISTED, 12);
  pick.reach(LISTED, 11);
  assert.deepEqual(pick.ids.sort(), [11, 16]);
});

test("a range that begins with somebody who is unpicked unpicks", () => {
  const pick = new Pick(10, LISTED);
  pick.toggle(12);
  pick.reach(LISTED, 15);
  assert.deepEqual(pick.ids, [11, 16]);
});

test("a range follows the order of the list as it is now", () => {
  const pick = new Pick(10);
  pick.toggle(11);
  pick.reach([14, 11, 16, 12], 12);
  assert.deepEqual(pick.ids, [11, 16, 12]);
});

test("without somebody to begin with, a range is one user", () => {
  const pick = new Pick(10);
  pick.reach(LISTED, 14);
  assert.deepEqual(pick.ids, [14]);
  pick.reach([11, 12], 12);
  assert.deepEqual(pick.ids, [14, 12], "14 is no longer listed");
});

test("by keyboard, the range grows and shrinks from where the focus was", () => {
  const pick = new Pick(10);
  pick.extend(LISTED, 12, 13);
  pick.extend(LISTED, 13, 14);
  assert.deepEqual(pick.ids, [12, 13, 14]);
  pick.extend(LISTED, 14, 13);
  assert.deepEqual(pick.ids, [12, 13]);
  pick.extend(LISTED, 15, 16);
  assert.deepEqual(pick.ids, [12, 13, 15, 16], "the focus went elsewhere in between");
});

test("by keyboard, a range goes on from a user who was just picked", () => {
  const pick = new Pick(10);
  pick.toggle(15);
  pick.extend(LISTED, 15, 14);
  pick.extend(LISTED, 14, 15);
  pick.extend(LISTED, 15, 16);
  assert.deepEqual(pick.ids, [15, 16]);
});

test("no more are picked than one action may be for, and that is told", () => {
  const pick = new Pick(3);
  pick.add(LISTED);
  assert.deepEqual([pick.ids, pick.isCut], [[11, 12, 13], true]);
  pick.toggle(16);
  assert.deepEqual([pick.ids, pick.isCut], [[11, 12, 13], true]);
  pick.toggle(11);
  assert.deepEqual([pick.ids, pick.isCut], [[12, 13], false]);
  pick.toggle(14);
  pick.reach(LISTED, 16);
  assert.deepEqual([pick.ids, pick.isCut], [[12, 13, 14], true]);
});

test("somebody who is gone is no longer picked, also not by a range that began before", () => {
  const pick = new Pick(10);
  pick.add([11, 16]);
  pick.toggle(12);
  assert.equal(pick.keep((id) => id !== 16), true);
  assert.equal(pick.keep(() => true), false);
  pick.reach(LISTED, 13);
  assert.deepEqual(pick.ids, [11, 12, 13]);
});

test("all are unpicked at once, and then a range begins anew", () => {
  const pick = new Pick(10, LISTED);
  pick.remove([11, 12]);
  assert.deepEqual(pick.ids, [13, 14, 15, 16]);
  pick.clear();
  pick.reach(LISTED, 14);
  assert.deepEqual(pick.ids, [14]);
});
