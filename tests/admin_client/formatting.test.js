/** Formatting: durations, times, explanations and names look the same as on server-rendered pages. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { ago, because, bulkWords, changeIn, changes, count, duration, durationInWords, durationWithUnits, faults, gapWords, inSentence, initials, isolated, plain, signed } from "../../static/admin/formatting.js";
import { folded } from "../../static/admin/search.js";
import { NOW } from "./fakes.js";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** The server's own tests use the same cases. */
const durations = JSON.parse(readFileSync(new URL("durations.json", import.meta.url)));

test("a duration is minutes and seconds, with hours when there are any", () => {
  for (const { milliseconds, duration: text } of durations) assert.equal(duration(milliseconds), text);
});

test("in a sentence a short duration is in seconds", () => {
  for (const { milliseconds, in_words: text } of durations) assert.equal(durationInWords(milliseconds), text);
});

test("where it could be taken for a time of day, a duration has units", () => {
  for (const { milliseconds, with_units: text } of durations) assert.equal(durationWithUnits(milliseconds), text);
});

test("how long ago something was is in seconds, minutes, hours or days", () => {
  for (const { milliseconds, ago: text } of durations) assert.equal(ago(milliseconds), text);
});

test("a cause counts up, down, or names a time of day", () => {
  const at = NOW - 724 * SECOND;
  assert.equal(because({ text: "on a call with john_doe,", at }, NOW), "on a call with john_doe, 12:04");
  assert.equal(because({ text: "heartbeat", at: NOW - 20 * SECOND, tail: " ago" }, NOW), "heartbeat 20 s ago");
  const left = { text: "connection lost,", at: NOW + 8_400, counts: "down", tail: " of grace left" };
  assert.equal(because(left, NOW), "connection lost, 9 s of grace left");
  assert.match(because({ text: "set busy until", at: NOW, counts: "clock" }, NOW), /^set busy until \d\d:\d\d( [ap]m)?$/);
  assert.equal(because({ text: "set busy" }, NOW), "set busy");
});

test("what should be over has 0 s left, not less", () => {
  assert.equal(because({ text: "held,", at: NOW - HOUR, counts: "down", tail: " left" }, NOW), "held, 0 s left");
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

test("a figure says how it has changed, or that it has not", () => {
  assert.deepEqual([changeIn(0, 5), changeIn(3, 5), changeIn(-3, 5)], ["no change in 5 min", "+3 in 5 min", "−3 in 5 min"]);
});

test("a long call is named with its length and the limit", () => {
  const explanation = { text: "On a call for", at: NOW - 78 * MINUTE, tail: " (limit 1:15)" };
  assert.equal(because(explanation, NOW), "On a call for 1:18 (limit 1:15)");
});

test("a search knows neither case nor accents", () => {
  assert.equal(folded("Björn CHLOÉ"), "bjorn chloe");
});

test("several faults of one call are told together", () => {
  const issue = { because: { text: "ada has been offline since" }, also: [{ text: "on a call for", at: NOW - 3 * HOUR, tail: " (limit 2:00)" }] };
  assert.equal(faults(issue, NOW), "ada has been offline since; on a call for 3:00 (limit 2:00)");
});

test("an action is offered only where it changes something", () => {
  const offline = { state: "offline" };
  const online = { state: "busy", sockets: 1, set_busy: true, call_id: "c" };
  const offered = (user, issue) => Object.keys(changes).filter((action) => changes[action](user, { issue, tagsLimit: 20 }));
  assert.deepEqual(offered(offline), ["sign_out", "add_tag"]);
  assert.deepEqual(offered(online).sort(), ["add_tag", "clear_busy", "disconnect", "end_call", "force_offline", "sign_out"]);
  assert.deepEqual(offered(offline, { repair: "clear_busy" }), ["clear_busy", "sign_out", "add_tag"]);
  assert.deepEqual(offered({ ...offline, tags: ["sales"] }), ["sign_out", "add_tag", "remove_tag"]);
  assert.deepEqual(offered({ ...offline, disabled: true }), ["add_tag"]);
  assert.deepEqual(offered({ ...offline, tags: Array(19).fill("sales") }), ["sign_out", "add_tag", "remove_tag"]);
  assert.deepEqual(offered({ ...offline, tags: Array(20).fill("sales") }), ["sign_out", "remove_tag"]);
  assert.deepEqual([bulkWords("force_offline", 1), bulkWords("clear_busy", 1_200)], ["Force offline 1 user", "Clear busy for 1,200 users"]);
  assert.deepEqual([bulkWords("add_tag", 2), bulkWords("remove_tag", 1)], ["Add tag to 2 users", "Remove tag from 1 user"]);
});

test("a name keeps its own direction between isolates, and cannot leave them", () => {
  assert.equal(isolated("محمد"), "\u2068محمد\u2069");
  for (const name of ["a\u202eb", "a\u2069\u202eb", "\u200fab"]) assert.equal(isolated(name), "\u2068ab\u2069", name);
  assert.deepEqual([inSentence("ada"), inSentence("אסתר")], ["ada", "\u2068אסתר\u2069"]);
  assert.equal(plain(`on a call with ${isolated("ada")},`), "on a call with ada,");
});

test("a gap within one second has one time", () => {
  assert.equal(gapWords("12:31:07", "12:31:09"), "Events between 12:31:07 and 12:31:09 may be missing here. Reload the page to see them.");
  assert.equal(gapWords("12:31:07", "12:31:07"), "Events around 12:31:07 may be missing here. Reload the page to see them.");
});
