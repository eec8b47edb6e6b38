/** Clock, ticker, rate: the server's time, one tick per second, and the number of changes per second. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { ServerClock } from "../../static/admin/clock.js";
import { Rate } from "../../static/admin/rate.js";
import { Ticker } from "../../static/admin/ticker.js";
import { FakeTimers, NOW } from "./fakes.js";

function clockAt(serverNow) {
  let own = 0;
  return { clock: new ServerClock(serverNow, () => own), pass: (ms) => (own += ms) };
}

test("between two messages the server's time goes on by the own clock", () => {
  const { clock, pass } = clockAt(NOW);
  pass(1_234);
  assert.equal(clock.now(), NOW + 1_234);
});

test("a clock that is stopped stays, and is right again when it goes on", () => {
  const { clock, pass } = clockAt(NOW);
  clock.stop();
  pass(1_000);
  clock.stop();
  clock.hear(NOW + 1_000);
  assert.equal(clock.now(), NOW);
  assert.equal(clock.timeOfDay(), NOW + 1_000);
  clock.go();
  assert.equal(clock.now(), NOW + 1_000);
});

test("a message that was late does not set the clock back", () => {
  const { clock, pass } = clockAt(NOW);
  pass(1_000);
  clock.hear(NOW + 1_000 - 300);
  assert.ok(Math.abs(clock.now() - (NOW + 1_000)) < 5);
});

test("a message that was faster than the first is believed at once", () => {
  const { clock, pass } = clockAt(NOW);
  pass(1_000);
  clock.hear(NOW + 1_400);
  assert.equal(clock.now(), NOW + 1_400);
});

test("a clock that ran ahead is led back within minutes", () => {
  const { clock, pass } = clockAt(NOW + 200);
  for (let second = 1; second <= 300; second++) {
    pass(1_000);
    clock.hear(NOW + second * 1_000);
  }
  assert.ok(clock.now() - (NOW + 300_000) < 2);
});

test("another server's time counts from its first message", () => {
  const { clock } = clockAt(NOW);
  clock.restart(NOW - 5_000);
  assert.equal(clock.now(), NOW - 5_000);
});

test("there is one tick at each full second, and none after stop", () => {
  const timers = new FakeTimers();
  timers.time = NOW + 400;
  const ticks = [];
  const ticker = new Ticker({ now: timers.now }, () => ticks.push(timers.time), timers);
  ticker.start();
  ticker.start();
  timers.advance(2_700);
  assert.deepEqual(ticks, [NOW + 1_000, NOW + 2_000, NOW + 3_000]);
  ticker.stop();
  timers.advance(5_000);
  assert.deepEqual([ticks.length, timers.pending], [3, 0]);
});

test("a rate is that of the last minute", () => {
  const rate = new Rate();
  for (let second = 0; second < 60; second++) rate.text(20 * second);
  assert.equal(rate.text(1_200), "1,200 a minute");
  for (let second = 0; second < 29; second++) rate.text(1_200);
  assert.equal(rate.text(1_200), "600 a minute");
});

test("a slow rate is a whole number, after ten seconds, and none is 0", () => {
  const rate = new Rate();
  for (let second = 0; second < 10; second++) assert.equal(rate.text(Math.floor(second / 4)), "");
  assert.equal(rate.text(2), "12 a minute");
  rate.restart();
  for (let second = 0; second < 10; second++) rate.text(100);
  assert.equal(rate.text(100), "0 a minute");
});
