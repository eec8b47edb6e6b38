/** Words: spans, moments, causes and names read as on the pages that the server makes. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { because, count, folded, initials, signed, span, spoken, until } from "../../static/admin/formatting.js";
import { NOW } from "./fakes.js";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

test("a span is minutes and seconds, with hours when there are any", () => {
  for (const [milliseconds, text] of [
    [0, "00:00"],
    [999, "00:00"],
    [22 * SECOND, "00:22"],
    [12 * MINUTE + 4 * SECOND, "12:04"],
    [HOUR + 30 * MINUTE + 10 * SECOND, "1:30:10"],
    [50 * HOUR, "50:00:00"],
    [-5 * SECOND, "00:00"],
  ]) {
    assert.equal(span(milliseconds), text);
  }
});

test("in a sentence a short span is in seconds", () => {
  assert.deepEqual([spoken(20 * SECOND), spoken(59_999), spoken(MINUTE)], ["20 s", "59 s", "01:00"]);
});

test("a cause counts up, down, or names a time of day", () => {
  const at = NOW - 724 * SECOND;
  assert.equal(because({ text: "on a call with john_doe,", at }, NOW), "on a call with john_doe, 12:04");
  assert.equal(because({ text: "heartbeat", at: NOW - 20 * SECOND, tail: " ago" }, NOW), "heartbeat 20 s ago");
  const left = { text: "connection lost,", at: NOW + 8_400, counts: "down", tail: " of grace left" };
  assert.equal(because(left, NOW), "connection lost, 9 s of grace left");
  assert.match(because({ text: "set busy until", at: NOW, counts: "clock" }, NOW), /^set busy until \d\d:\d\d$/);
  assert.equal(because({ text: "set busy" }, NOW), "set busy");
});

test("what should be over has 0 s left, not less", () => {
  assert.equal(because({ text: "held,", at: NOW - HOUR, counts: "down", tail: " left" }, NOW), "held, 0 s left");
});

test("a time on another day has the day", () => {
  assert.match(until(NOW + 48 * HOUR, NOW), /^\d+ \w+ \d\d:\d\d$/);
});

test("a face is one or two letters, whatever the name is made of", () => {
  for (const [name, letters] of [
    ["john_doe", "JD"],
    ["Ada Maria Quist", "AQ"],
    ["zoe", "Z"],
    ["chloé.varga", "CV"],
    ["🦊 fox", "F"],
    ["___", "?"],
    ["", "?"],
    ["𝒜da", "𝒜"],
  ]) {
    assert.equal(initials(name), letters, name);
  }
});

test("a difference has its sign, and numbers their noun", () => {
  assert.deepEqual([signed(13), signed(0), signed(-50)], ["+13", "+0", "−50"]);
  assert.deepEqual([count(1, "user"), count(1_200, "user")], ["1 user", "1,200 users"]);
});

test("a search knows neither case nor accents", () => {
  assert.equal(folded("Björn CHLOÉ"), "bjorn chloe");
});
