/** Interaction lock: held for 8 s after an interaction, and while something is open. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { InteractionLock } from "../../static/admin/interaction_lock.js";
import { FakeTimers } from "./fakes.js";

function setUp() {
  const timers = new FakeTimers();
  return { timers, lock: new InteractionLock(timers.now) };
}

test("untouched, nothing is locked", () => {
  assert.equal(setUp().lock.isLocked, false);
});

test("a touch locks for 8 s, and each one anew", () => {
  const { timers, lock } = setUp();
  lock.touch();
  timers.advance(7_999);
  assert.equal(lock.isLocked, true);
  lock.touch();
  timers.advance(7_999);
  assert.equal(lock.isLocked, true);
  timers.advance(1);
  assert.equal(lock.isLocked, false);
});

test("an open menu and a dialog lock until both are closed, and 8 s more", () => {
  const { timers, lock } = setUp();
  lock.pin("menu");
  lock.pin("dialog");
  timers.advance(60_000);
  lock.unpin("menu");
  timers.advance(60_000);
  assert.equal(lock.isLocked, true);
  lock.unpin("dialog");
  assert.equal(lock.remaining, 8_000);
  timers.advance(8_000);
  assert.equal(lock.isLocked, false);
});

test("closing what was not open is no touch", () => {
  const { lock } = setUp();
  lock.unpin("menu");
  assert.equal(lock.isLocked, false);
});

test("“Sort now” ends a touch's lock, not a menu's", () => {
  const { lock } = setUp();
  lock.touch();
  lock.release();
  assert.equal(lock.isLocked, false);
  lock.pin("menu");
  lock.release();
  assert.equal(lock.isLocked, true);
});
