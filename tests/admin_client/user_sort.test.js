/** User sort: which users are listed, in which order, and how often that may change. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { UserSort } from "../../static/admin/user_sort.js";
import { DashboardState } from "../../static/admin/state.js";
import { NOW, SETTINGS, issue, overview, update, user } from "./fakes.js";

const ROWS = [
  user(1, { username: "zoe", since: NOW - 1_000, heard: NOW - 9_000 }),
  user(2, { username: "Ann", state: "busy", since: NOW - 9_000, heard: NOW - 4_000, call_id: "a" }),
  user(3, { username: "carl", state: "offline", since: NOW - 5_000, heard: NOW - 7_000 }),
  user(4, { username: "bob", since: NOW - 7_000, heard: NOW - 2_000 }),
  user(5, { username: "Dörte", state: "busy", since: NOW - 3_000, heard: NOW - 1_000 }),
];

function ordered(choice = {}, issues = [issue("w", { user_id: 4 })], users = ROWS) {
  const state = new DashboardState(SETTINGS);
  state.fold(overview({ users, contradictions: issues }));
  const order = new UserSort(state);
  order.choose(choice);
  order.refresh(0);
  return { state, order };
}

const names = ({ state, order }) => order.ids.map((userId) => state.users.get(userId).username);

for (const [sort, expected] of Object.entries({
  attention: ["bob", "Ann", "Dörte", "zoe", "carl"],
  name: ["Ann", "bob", "carl", "Dörte", "zoe"],
  state: ["bob", "zoe", "Ann", "Dörte", "carl"],
  since: ["Ann", "bob", "carl", "Dörte", "zoe"],
  heard: ["Dörte", "bob", "Ann", "carl", "zoe"],
  "-name": ["zoe", "Dörte", "carl", "bob", "Ann"],
  "-state": ["carl", "Ann", "Dörte", "bob", "zoe"],
  "-since": ["zoe", "Dörte", "carl", "bob", "Ann"],
  "-heard": ["zoe", "carl", "Ann", "bob", "Dörte"],
})) {
  test(`sorted by ${sort}, everyone is in the order of the server's pages`, () => {
    assert.deepEqual(names(ordered({ sort })), expected);
  });
}

test("in a list that is held, those who no longer match are known", () => {
  const { state, order } = ordered({ status: "busy" });
  assert.deepEqual(order.ids.map((userId) => order.stillMatches(userId)), [true, true]);
  state.fold(update({ users: [user(2, { username: "Ann" })] }));
  assert.deepEqual([order.stillMatches(2), order.stillMatches(5)], [false, true]);
  order.choose({ q: "ann" });
  assert.deepEqual([order.stillMatches(5), names({ state, order })], [false, ["Ann", "Dörte"]]);
});

for (const [status, expected] of Object.entries({
  all: ["Ann", "bob", "carl", "Dörte", "zoe"],
  available: ["bob", "zoe"],
  busy: ["Ann", "Dörte"],
  calls: ["Ann"],
  offline: ["carl"],
  attention: ["bob"],
})) {
  test(`the filter ${status} keeps its own`, () => {
    assert.deepEqual(names(ordered({ status, sort: "name" })), expected);
  });
}

test("a search is part of a name without case or accents, or an id", () => {
  const found = (q) => names(ordered({ q, sort: "name" }));
  assert.deepEqual(found("DOR"), ["Dörte"]);
  assert.deepEqual(found(" a "), ["Ann", "carl"]);
  assert.deepEqual([found("4"), found("#4"), found("44"), found(".*")], [["bob"], ["bob"], [], []]);
});

test("what is no filter and no order is the usual one", () => {
  const { order } = ordered({ status: "constructor", sort: "toString" });
  assert.deepEqual([order.status, order.sort], ["all", "attention"]);
});

test("a change moves a user, but not within a second of the last sorting", () => {
  const scene = ordered({ sort: "state" });
  scene.state.fold(update({ users: [user(3, { username: "carl" })] }));
  scene.order.noteChange();
  assert.equal(scene.order.refresh(999), false);
  assert.equal(scene.order.remaining(400), 600);
  assert.equal(scene.order.refresh(1_000), true);
  assert.deepEqual(names(scene), ["bob", "carl", "zoe", "Ann", "Dörte"]);
});

test("without a change nothing is sorted", () => {
  const { order } = ordered();
  assert.deepEqual([order.isDue, order.refresh(5_000)], [false, false]);
});

test("a locked order stays through any number of changes, and is due afterwards", () => {
  const scene = ordered({ status: "available", sort: "name" });
  for (let change = 0; change < 100; change++) {
    scene.state.fold(update({ users: [user((change % 5) + 1, { state: "offline", username: `x${change}` })] }));
    scene.order.noteChange();
    assert.equal(scene.order.refresh(change * 2_000, { isLocked: true }), false);
  }
  assert.deepEqual(scene.order.ids, [4, 1]);
  assert.equal(scene.order.refresh(300_000), true);
  assert.deepEqual(scene.order.ids, []);
});

test("the operator's own choice sorts at once, locked or not", () => {
  const scene = ordered();
  scene.order.choose({ sort: "name" });
  assert.equal(scene.order.refresh(1, { isLocked: true, force: true }), true);
  assert.equal(names(scene)[0], "Ann");
});

test("who has the keyboard stays listed, matching or not", () => {
  const scene = ordered({ status: "busy", sort: "name" });
  scene.state.fold(update({ users: [user(2, { username: "Ann", state: "offline" })] }));
  scene.order.noteChange();
  scene.order.pin(2);
  scene.order.refresh(5_000);
  assert.deepEqual(names(scene), ["Ann", "Dörte"]);
});

test("a new name moves its user and is found", () => {
  const scene = ordered({ sort: "name" });
  scene.state.fold(update({ users: [user(1, { username: "aaron" })] }));
  scene.order.noteChange();
  scene.order.refresh(2_000);
  assert.equal(names(scene)[0], "aaron");
  scene.order.choose({ q: "zoe" });
  scene.order.refresh(2_001, { force: true });
  assert.deepEqual(names(scene), []);
});

test("users who came and went since are listed as they are now", () => {
  const scene = ordered({ sort: "name" });
  scene.state.fold(overview({ users: [user(9, { username: "new" }), ROWS[0]] }));
  scene.order.noteChange();
  scene.order.refresh(2_000);
  assert.deepEqual(names(scene), ["new", "zoe"]);
});

test("two users of one name have one order, whichever came first", () => {
  const twins = [user(8, { username: "sam" }), user(7, { username: "sam" })];
  const listed = (users) => ordered({ sort: "name" }, [], users).order.ids;
  assert.deepEqual(listed(twins), listed(twins.toReversed()));
});

test("10,000 users are searched and sorted", () => {
  const users = Array.from({ length: 10_000 }, (_, index) => user(index + 1, { username: `user ${(index * 7_919) % 10_000}` }));
  const { order } = ordered({}, [], users);
  order.choose({ q: "99" });
  order.refresh(0, { force: true });
  assert.ok(order.ids.length > 100 && order.ids.length < 1_000);
});

test("a tag keeps those who have it, together with the other filters", () => {
  const users = [user(1, { tags: ["sales", "north"] }), user(2, { tags: ["sales"], state: "busy" }), user(3)];
  const ids = (choice) => ordered({ sort: "name", ...choice }, [], users).order.ids;
  assert.deepEqual(ids({ tag: "sales" }), [1, 2]);
  assert.deepEqual(ids({ tag: "sales", status: "busy" }), [2]);
  assert.deepEqual(ids({ tag: "nobody" }), []);
  const { order } = ordered({ tag: "sales" }, [], users);
  assert.equal(order.isFiltered, true);
  order.choose({ tag: "" });
  order.refresh(9_999);
  assert.deepEqual([order.ids.length, order.isFiltered], [3, false]);
});
