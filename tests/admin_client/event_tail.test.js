/** Event tail: events in order, each once, and gaps between them. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { EventTail } from "../../static/admin/event_tail.js";

const event = (id) => ({ event_id: id, at: Number(id), text: `event ${id}` });
const printed = (...those) => those.map((id) => ({ event_id: id, at: Number(id) }));
const ids = (tail) => tail.items.map(({ event_id: id, gap }) => (gap ? "gap" : id));

test("new events come first, and what is known already stays as it is", () => {
  const tail = new EventTail(printed("03", "02"), 10);
  assert.equal(tail.add([event("02"), event("03"), event("04"), event("05")]), 2);
  assert.deepEqual(ids(tail), ["05", "04", "03", "02"]);
  assert.deepEqual(tail.items.map(({ isPrinted = false }) => isPrinted), [false, false, true, true]);
  assert.equal(tail.added, 2);
});

test("events that are printed oldest first, as on the page of a call, are turned", () => {
  const tail = new EventTail(printed("01", "02", "03"), 10);
  tail.add([event("03")]);
  assert.deepEqual(ids(tail), ["03", "02", "01"]);
});

test("an event that was saved late takes its place", () => {
  const tail = new EventTail(printed("05", "02"), 10);
  tail.add([event("03")]);
  assert.deepEqual(ids(tail), ["05", "03", "02"]);
});

test("of more events than the limit, the oldest go", () => {
  const tail = new EventTail(printed("02", "01"), 3);
  tail.add([event("03"), event("04")]);
  assert.deepEqual(ids(tail), ["04", "03", "02"]);
  assert.equal(tail.isCut, true);
});

test("the list is replaced when it changes, and only then", () => {
  const tail = new EventTail(printed("02"), 3);
  const { items } = tail;
  tail.add([event("02")]);
  assert.equal(tail.items, items);
  tail.add([event("03")]);
  assert.notEqual(tail.items, items);
  assert.deepEqual(items.map(({ event_id: id }) => id), ["02"]);
});

test("a gap stands between what was before it and what came later", () => {
  const tail = new EventTail(printed("02"), 10);
  tail.noteGap(1_000, 2_000);
  tail.add([event("07"), event("08")]);
  assert.deepEqual(ids(tail), ["08", "07", "gap", "02"]);
  assert.deepEqual(tail.items[2].gap, [1_000, 2_000]);
});

test("an empty list may have a gap, too", () => {
  const tail = new EventTail([], 10);
  tail.noteGap(1_000, 2_000);
  tail.add([event("07")]);
  assert.deepEqual(ids(tail), ["07", "gap"]);
});

test("what happened before the range began neither enters nor counts", () => {
  const tail = new EventTail(printed("05"), 10, 5);
  assert.equal(tail.add([event("03"), event("04"), event("05")]), 0);
  assert.equal(tail.add([event("04"), event("06")]), 1);
  assert.deepEqual([ids(tail), tail.added, tail.size, tail.isCut], [["06", "05"], 1, 2, false]);
});

test("events and gaps leave when the range has moved past them", () => {
  const tail = new EventTail(printed("02"), 10);
  tail.noteGap(2, 4);
  tail.add([event("05")]);
  const { items } = tail;
  tail.beginAt(2);
  assert.equal(tail.items, items);
  tail.beginAt(4);
  assert.deepEqual([ids(tail), tail.size], [["05", "gap"], 1]);
  tail.beginAt(6);
  assert.equal(tail.add([event("02"), event("05")]), 0);
  assert.deepEqual([ids(tail), tail.size], [[], 0]);
});
