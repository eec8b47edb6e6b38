/** Search: the page finds whom the server finds, in the same order. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { Search, searchKey } from "../../static/admin/search.js";
import { UserSort } from "../../static/admin/user_sort.js";
import { DashboardState } from "../../static/admin/state.js";
import { SETTINGS, overview, user } from "./fakes.js";

/** The server's own tests use the same cases. */
const { names, cases, empty, by_name: byName } = JSON.parse(readFileSync(new URL("searches.json", import.meta.url)));
const ids = Object.keys(names).map(Number);

function found(q) {
  const search = new Search(q);
  const ranked = ids.map((userId) => [search.rank(userId, searchKey(names[userId])), userId]);
  return ranked.filter(([rank]) => rank !== null).sort(([one], [other]) => one - other).map(([, userId]) => userId);
}

for (const { q, found: expected } of cases) {
  test(`“${q}” finds ${expected.map((userId) => names[userId]).join(", ") || "nobody"}`, () => assert.deepEqual(found(q), expected));
}

test("a search without words finds everybody", () => {
  for (const q of empty) assert.deepEqual([new Search(q).isEmpty, found(q)], [true, ids]);
});

test("the list is sorted as the server sorts it: without case, accents and what is between words", () => {
  const state = new DashboardState(SETTINGS);
  state.fold(overview({ users: ids.map((userId) => user(userId, { username: names[userId] })) }));
  const order = new UserSort(state);
  order.choose({ sort: "name" });
  order.refresh(0);
  assert.deepEqual(order.ids, byName);
});

test("the list shows users in the order of the search first, then in its own", () => {
  const state = new DashboardState(SETTINGS);
  const rows = [["Hannah", "busy"], ["Ann", "offline"], ["Joann", "available"], ["Ann Lee", "available"]];
  state.fold(overview({ users: rows.map(([username, each], index) => user(index + 1, { username, state: each })) }));
  const order = new UserSort(state);
  order.choose({ q: "ann", sort: "state" });
  order.refresh(0);
  assert.deepEqual(order.ids, [4, 2, 3, 1]);
});
