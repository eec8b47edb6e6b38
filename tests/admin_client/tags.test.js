/** Tags: how many users have each tag. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { countTags } from "../../static/admin/tags.js";
import { user } from "./fakes.js";

test("tags are counted and in order; users without tags count for none", () => {
  const users = [user(1, { tags: ["sales", "north"] }), user(2, { tags: ["sales"] }), user(3)];
  assert.deepEqual([...countTags(users)], [["north", 1], ["sales", 2]]);
  assert.equal(countTags([]).size, 0);
});
