/** Hold: for 8 s after a touch, and as long as something is open. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Hold } from "../../static/admin/interaction_lock.js";
import { FakeTimers } from "./fakes.js";

function held() {
  const timers = new FakeTimers();
  return { timers, hold: new Hold(timers.now) };
}

test("untouched, nothing is held", () => {
  assert.equal(held().hold.isHeld, false);
});

test("a touch holds for 8 s, and each one anew", () => {
  const { timers, hold } = held();
  hold.touch();
  timers.advance(7_999);
  assert.equal(hold.isHeld, true);
  hold.touch();
  timers.advance(7_999);
  assert.equal(hold.isHeld, true);
  timers.advance(1);
  assert.equal(hold.isHeld, false);
});

test("an open menu and a dialog hold until both are closed, and 8 s more", () => {
  const { timers, hold } = held();
  hold.pin("menu");
  hold.pin("dialog");
  timers.advance(60_000);
  hold.unpin("menu");
  timers.advance(60_000);
  assert.equal(hold.isHeld, true);
  hold.unpin("dialog");
  assert.equal(hold.rest, 8_000);
  timers.advance(8_000);
  assert.equal(hold.isHeld, false);
});

test("closing what was not open is no touch", () => {
  const { hold } = held();
  hold.unpin("menu");
  assert.equal(hold.isHeld, false);
});

test("“Sort now” ends a touch's hold, not a menu's", () => {
  const { hold } = held();
  hold.touch();
  hold.release();
  assert.equal(hold.isHeld, false);
  hold.pin("menu");
  hold.release();
  assert.equal(hold.isHeld, true);
});
