/** Outcomes: what became of an action for each user, the ones that need attention first. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { countsOf, resultsOf } from "../../static/admin/outcomes.js";
import { bulkWords } from "../../static/admin/formatting.js";

const RESULTS = [
  { target: "user:1", name: "Ada", outcome: "done", message: "offline" },
  { target: "user:2", name: "Bob", outcome: "waiting", message: "waiting until the call ends" },
  { target: "user:3", name: "Cem", outcome: "refused", code: "NOTHING_TO_DO", message: "Cem is already offline" },
  { target: "user:4", name: "Dan", outcome: "refused", code: "NOT_FOUND", message: "There is no such user." },
];
const UNCHANGED = [{ target: "5", name: "Eve", reason: "Eve is already offline" }];

test("refusals come first, then what waits, where there was nothing to do, and what is done", () => {
  const results = resultsOf(RESULTS, UNCHANGED);
  assert.deepEqual(results.map(({ userId, outcome }) => [userId, outcome]), [
    [4, "refused"], [2, "waiting"], [3, "unchanged"], [5, "unchanged"], [1, "done"],
  ]);
  assert.equal(results[3].message, "Eve is already offline");
});

test("they are counted, without those that there are none of", () => {
  assert.equal(countsOf(resultsOf(RESULTS, UNCHANGED)), "1 done, 2 with nothing to do, 1 waiting, 1 refused");
  assert.equal(countsOf(resultsOf(RESULTS.slice(0, 1))), "1 done");
});

test("a button says how many users its action is for", () => {
  assert.equal(bulkWords("force_offline", 1), "Force offline 1 user");
  assert.equal(bulkWords("sign_out", 1_200), "Sign out 1,200 users");
  assert.equal(bulkWords("clear_busy", 2), "Clear busy for 2 users");
  assert.equal(bulkWords("add_tag", 2), "Add tag to 2 users");
});
