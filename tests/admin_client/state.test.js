/** Dashboard state: messages applied to one state, and the parts that changed. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { DashboardState } from "../../static/admin/state.js";
import { NOW, SETTINGS, call, issue, overview, update, user } from "./fakes.js";

function stateOf(rest, settings = SETTINGS) {
  const state = new DashboardState(settings);
  state.fold(overview(rest));
  state.takeChanges();
  return state;
}

test("an overview is everything, and what was before it is gone", () => {
  const state = stateOf({ users: [user(7)], calls: [call("a", 7, 8)] });
  assert.equal(state.fold(overview()), 3); // two came, one went
  assert.deepEqual([[...state.users.keys()], state.calls.size], [[1, 2], 0]);
  assert.equal(state.takeChanges().everything, true);
});

test("of an overview, only the users who differ from before are changes", () => {
  const state = stateOf({ users: [user(1), user(2), user(3)] });
  const users = [user(1, { heard: NOW }), user(2, { because: { text: "heartbeat", at: NOW } }), user(3, { since: NOW })];
  assert.equal(state.fold(overview({ users })), 1);
  assert.equal(state.fold(overview({ users })), 0);
});

test("an update changes what it names, and nothing else", () => {
  const state = stateOf();
  const before = state.users.get(1);
  assert.equal(state.fold(update({ users: [user(2, { state: "busy" })] })), 1);
  assert.equal(state.users.get(1), before);
  assert.equal(state.users.get(2).state, "busy");
  const changed = state.takeChanges();
  assert.deepEqual([[...changed.users], changed.calls, changed.events, changed.figures], [[2], false, false, false]);
});

test("what was taken has not changed again", () => {
  const state = stateOf();
  state.fold(update({ users: [user(2)] }));
  state.takeChanges();
  assert.equal(state.takeChanges().users.size, 0);
});

test("an empty update is a sign of life and changes no row", () => {
  const state = stateOf();
  assert.equal(state.fold(update({ seq: 9 })), 0);
  assert.deepEqual([state.seq, state.now], [9, NOW + 250]);
});

test("a sign of life of a user is a new row with the old rest, and counts as no change to wait for", () => {
  const state = stateOf();
  const before = state.users.get(1);
  assert.equal(state.fold(update({ heard: [[1, NOW], [99, NOW]] })), 0);
  assert.deepEqual(state.users.get(1), { ...before, heard: NOW });
  assert.equal(before.heard, NOW - 5_000);
  assert.equal(state.users.has(99), false);
});

test("a user who was deleted is gone, and events come without the name", () => {
  const state = stateOf({ events: [{ event_id: "e1", text: "ada is busy" }] });
  const events = [{ event_id: "e1", text: "deleted user #2 is busy" }];
  assert.equal(state.fold(update({ removed: [2, 99], all_events: events })), 2);
  assert.deepEqual(state.events, events);
  assert.deepEqual([...state.users.keys()], [1]);
  assert.deepEqual([...state.takeChanges().users], [2, 99]);
});

test("calls begin and end, and are told longest first", () => {
  const state = stateOf({ calls: [call("b", 1, 2)] });
  state.fold(update({ calls: [call("a", 3, 4, { started_at: NOW - 90_000 }), call("c", 5, 6)] }));
  assert.deepEqual(state.callsByAge().map((each) => each.call_id), ["a", "b", "c"]);
  state.fold(update({ ended: ["b", "unknown"] }));
  assert.deepEqual([...state.calls.keys()], ["a", "c"]);
});

test("events come oldest first and are kept latest first, as many as the page shows", () => {
  const event = (number) => ({ event_id: `e${number}`, at: NOW, kind: "busy", text: `${number}` });
  for (const eventsShown of [1, 50, 200]) {
    const state = stateOf({ events: [event(1), event(0)] }, { ...SETTINGS, eventsShown });
    state.fold(update({ events: Array.from({ length: 60 }, (_, number) => event(number + 2)) }));
    assert.deepEqual([state.events.length, state.events[0].event_id], [Math.min(eventsShown, 62), "e61"]);
    assert.equal(state.eventsReceived, 60);
  }
});

test("samples are kept for 15 minutes", () => {
  const minute = 60_000;
  const state = stateOf({ history: [[NOW - 15 * minute, 1, 0, 0, 0], [NOW - minute, 2, 0, 0, 0]] });
  state.fold(update({ samples: [[NOW + 1, 3, 0, 0, 0]] }));
  assert.deepEqual(state.samples.map(([at]) => at), [NOW - minute, NOW + 1]);
});

test("samples are kept as long as the server says", () => {
  const minute = 60_000;
  const state = stateOf({ history: [[NOW - 2 * minute, 1, 0, 0, 0], [NOW - minute, 2, 0, 0, 0]] }, { ...SETTINGS, historyMs: minute });
  state.fold(update({ samples: [[NOW, 3, 0, 0, 0]] }));
  assert.deepEqual(state.samples.map(([at]) => at), [NOW - minute, NOW]);
});

test("an issue marks its user, or both parties of its call", () => {
  const state = stateOf({ calls: [call("a", 3, 4)] });
  state.fold(update({ contradictions: [issue("w1", { user_id: 1 }), issue("w2", { call_id: "a" })] }));
  assert.deepEqual([...state.issueOfUser.keys()], [1, 3, 4]);
  assert.equal(state.issueOfCall.get("a").key, "w2");
  assert.deepEqual([...state.takeChanges().users], [1, 3, 4]);
});

test("of a user with two issues the first is shown", () => {
  const state = stateOf({ contradictions: [issue("w1", { user_id: 1 }), issue("w2", { user_id: 1 })] });
  assert.equal(state.issueOfUser.get(1).key, "w1");
});

test("a user whose issue is resolved has changed", () => {
  const state = stateOf({ contradictions: [issue("w1", { user_id: 1 })] });
  state.fold(update({ contradictions: [] }));
  assert.deepEqual([state.issueOfUser.size, [...state.takeChanges().users]], [0, [1]]);
});

test("an issue of a call that only the store knows marks nobody and stops nothing", () => {
  const state = stateOf({ contradictions: [issue("w1", { call_id: "stray" })] });
  assert.equal(state.issueOfUser.size, 0);
});

test("a frozen copy stays as it was while the other goes on", () => {
  const state = stateOf({ calls: [call("a", 1, 2)] });
  const frozen = state.frozenCopy();
  state.fold(update({ users: [user(1, { state: "busy" }), user(3)], ended: ["a"], samples: [[NOW, 1, 1, 1, 1]] }));
  assert.deepEqual([frozen.users.get(1).state, frozen.users.size], ["available", 2]);
  assert.deepEqual([frozen.calls.size, frozen.samples.length], [1, 0]);
});

test("messages of other types are nobody's business here", () => {
  const state = stateOf();
  assert.equal(state.fold({ type: "pong" }), 0);
  assert.equal(state.takeChanges().users.size, 0);
});
