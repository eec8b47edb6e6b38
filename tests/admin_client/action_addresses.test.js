/** Action addresses: what a link to an action asks for, and whether the dialog can ask for it. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { addressOf, askedBy, urlOf } from "../../static/admin/action_addresses.js";

const NEXT = "/admin/users/7";

test("an address names the action, its target and the page that follows", () => {
  const address = addressOf("disconnect", { user_id: 7, session_id: "a b&c" }, NEXT);
  assert.equal(address, "/admin/actions?action=disconnect&user_id=7&session_id=a+b%26c&next=%2Fadmin%2Fusers%2F7");
  assert.equal(addressOf("disable_user", { user_id: 7 }, NEXT).split("?")[0], "/admin/accounts");
});

test("the dialog gets back what an address asks for, without the page that follows", () => {
  const targets = { user_id: 7, session_id: "a b&c" };
  assert.deepEqual(askedBy(addressOf("disconnect", targets, NEXT)), {
    action: "disconnect",
    targets: [["user_id", "7"], ["session_id", "a b&c"]],
  });
  assert.deepEqual(askedBy(addressOf("remove_tag", { user_id: 7, tag: "Zoë" }, NEXT)).targets[1], ["tag", "Zoë"]);
  assert.deepEqual(askedBy(addressOf("enable_user", { user_id: 7 }, NEXT)).action, "enable_user");
});

test("which tag to add is asked on a page", () => {
  assert.equal(askedBy(addressOf("add_tag", { user_id: 7 }, NEXT)), null);
  assert.equal(askedBy(addressOf("add_tag", { user_id: 7, tag: "sales" }, NEXT)).action, "add_tag");
});

test("other addresses ask for no action", () => {
  for (const address of ["/admin/users/7", "/admin/actions", "/admin/accounts?action=force_offline", "", "?action=end_call"]) {
    assert.equal(askedBy(address), null, address);
  }
  assert.equal(urlOf("end_call"), "/admin/actions");
});
