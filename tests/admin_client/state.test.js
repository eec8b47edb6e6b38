/** Picture: messages folded into one state, and what of it has changed. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Picture } from "../../static/admin/state.js";
import { NOW, call, overview, update, user, wrong } from "./fakes.js";

function pictureOf(rest) {
  const picture = new Picture();
  picture.fold(overview(rest));
  picture.take();
  return picture;
}

test("an overview is everything, and what was before it is gone", () => {
  const picture = pictureOf({ users: [user(7)], calls: [call("a", 7, 8)] });
  assert.equal(picture.fold(overview()), 2);
  assert.deepEqual([[...picture.users.keys()], picture.calls.size], [[1, 2], 0]);
  assert.equal(picture.take().everything, true);
});

test("an update changes what it names, and nothing else", () => {
  const picture = pictureOf();
  const before = picture.users.get(1);
  assert.equal(picture.fold(update({ users: [user(2, { state: "busy" })] })), 1);
  assert.equal(picture.users.get(1), before);
  assert.equal(picture.users.get(2).state, "busy");
  const changed = picture.take();
  assert.deepEqual([[...changed.users], changed.calls, changed.events, changed.figures], [[2], false, false, false]);
});

test("what was taken has not changed again", () => {
  const picture = pictureOf();
  picture.fold(update({ users: [user(2)] }));
  picture.take();
  assert.equal(picture.take().users.size, 0);
});

test("an empty update is a sign of life and changes no row", () => {
  const picture = pictureOf();
  assert.equal(picture.fold(update({ seq: 9 })), 0);
  assert.deepEqual([picture.seq, picture.now], [9, NOW + 250]);
});

test("a sign of life of a user is a new row with the old rest, and counts as no change to wait for", () => {
  const picture = pictureOf();
  const before = picture.users.get(1);
  assert.equal(picture.fold(update({ heard: [[1, NOW], [99, NOW]] })), 0);
  assert.deepEqual(picture.users.get(1), { ...before, heard: NOW });
  assert.equal(before.heard, NOW - 5_000);
  assert.equal(picture.users.has(99), false);
});

test("calls begin and end, and are told longest first", () => {
  const picture = pictureOf({ calls: [call("b", 1, 2)] });
  picture.fold(update({ calls: [call("a", 3, 4, { started_at: NOW - 90_000 }), call("c", 5, 6)] }));
  assert.deepEqual(picture.callsByAge().map((each) => each.call_id), ["a", "b", "c"]);
  picture.fold(update({ ended: ["b", "unknown"] }));
  assert.deepEqual([...picture.calls.keys()], ["a", "c"]);
});

test("events come oldest first and are kept latest first, fifty of them", () => {
  const event = (number) => ({ event_id: `e${number}`, at: NOW, kind: "busy", text: `${number}` });
  const picture = pictureOf({ events: [event(1), event(0)] });
  picture.fold(update({ events: Array.from({ length: 60 }, (_, number) => event(number + 2)) }));
  assert.deepEqual([picture.events.length, picture.events[0].event_id], [50, "e61"]);
  assert.equal(picture.eventsSeen, 60);
});

test("samples are kept for 15 minutes", () => {
  const minute = 60_000;
  const picture = pictureOf({ history: [[NOW - 15 * minute, 1, 0, 0, 0], [NOW - minute, 2, 0, 0, 0]] });
  picture.fold(update({ samples: [[NOW + 1, 3, 0, 0, 0]] }));
  assert.deepEqual(picture.samples.map(([at]) => at), [NOW - minute, NOW + 1]);
});

test("a contradiction marks its user, or both parties of its call", () => {
  const picture = pictureOf({ calls: [call("a", 3, 4)] });
  picture.fold(update({ contradictions: [wrong("w1", { user_id: 1 }), wrong("w2", { call_id: "a" })] }));
  assert.deepEqual([...picture.wrongUsers.keys()], [1, 3, 4]);
  assert.equal(picture.wrongCalls.get("a").key, "w2");
  assert.deepEqual([...picture.take().users], [1, 3, 4]);
});

test("of a user with two contradictions the first is told", () => {
  const picture = pictureOf({ contradictions: [wrong("w1", { user_id: 1 }), wrong("w2", { user_id: 1 })] });
  assert.equal(picture.wrongUsers.get(1).key, "w1");
});

test("who is no longer wrong has changed", () => {
  const picture = pictureOf({ contradictions: [wrong("w1", { user_id: 1 })] });
  picture.fold(update({ contradictions: [] }));
  assert.deepEqual([picture.wrongUsers.size, [...picture.take().users]], [0, [1]]);
});

test("a contradiction of a call that only the store knows marks nobody and stops nothing", () => {
  const picture = pictureOf({ contradictions: [wrong("w1", { call_id: "stray" })] });
  assert.equal(picture.wrongUsers.size, 0);
});

test("a frozen picture stays as it was while the other goes on", () => {
  const picture = pictureOf({ calls: [call("a", 1, 2)] });
  const frozen = picture.frozen();
  picture.fold(update({ users: [user(1, { state: "busy" }), user(3)], ended: ["a"], samples: [[NOW, 1, 1, 1, 1]] }));
  assert.deepEqual([frozen.users.get(1).state, frozen.users.size], ["available", 2]);
  assert.deepEqual([frozen.calls.size, frozen.samples.length], [1, 0]);
});

test("messages of other types are nobody's business here", () => {
  const picture = pictureOf();
  assert.equal(picture.fold({ type: "pong" }), 0);
  assert.equal(picture.take().users.size, 0);
});
