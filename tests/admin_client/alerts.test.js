// Alerts: when a person is told of an issue, when not, and what the button says.

import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";
import { ToldOnce } from "../../static/admin/told_once.js";
import { FakeStorage, NOW, issue } from "./fakes.js";

globalThis.addEventListener = () => {};
globalThis.document = { querySelector: () => null, body: { dataset: { zone: "UTC" } } };
const { Alerts } = await import("../../static/admin/alerts.js");

const told = []; // what was heard and shown
let alerts;

/** A tab in which the person has allowed everything. */
function open(storage = new FakeStorage()) {
  const once = new ToldOnce(storage, { locks: undefined, arrival: async () => {} });
  const made = new Alerts(storage, once);
  made.sound = { isPossible: true, isAllowed: true, play: ({ isLow = false } = {}) => told.push(isLow ? "low" : "sound") };
  made.notifications = { isAllowed: true, why: "", show: ({ title }) => told.push(title) };
  return made;
}

async function check(issues, now = NOW) {
  alerts.check(issues, now);
  await settled();
}

const settled = () => new Promise((done) => setImmediate(done));
const heard = () => told.splice(0);

beforeEach(() => {
  told.length = 0;
  alerts = open();
  alerts.check([], NOW);
});

test("nobody is told of anything unless they choose to be", async () => {
  await check([issue("a")]);
  assert.deepEqual(heard(), []);
  assert.equal(alerts.status, "Alerts: off");
});

test("a new issue is told of once, in each way that was chosen", async () => {
  alerts.choices.set({ sound: true, notification: true });
  assert.equal(alerts.status, "Alerts: on");
  await check([issue("a", { user_id: 7, username: "ada" })]);
  assert.deepEqual(heard(), ["sound", "Needs attention: \u2068ada\u2069"]);
  await check([issue("a"), issue("b")]);
  assert.equal(heard().length, 2);
  await check([]);
  await check([issue("a"), issue("b")]);
  assert.deepEqual(heard(), [], "they were away for less than a minute");
});

test("what was there when the page was opened or the choice was made is not told of", async () => {
  alerts = open();
  alerts.choices.set({ sound: true });
  await check([issue("a")]);
  assert.deepEqual(heard(), []);
  alerts.choices.set({ kinds: { busy_without_cause: { isOn: false } } });
  await check([issue("a"), issue("b")]);
  alerts.choices.set({ kinds: {} });
  await check([issue("a"), issue("b"), issue("c")]);
  assert.deepEqual(heard(), ["sound"]);
});

test("nobody is told of an issue while somebody deals with it, and again when the time is over", async () => {
  alerts.choices.set({ sound: true });
  const acknowledged = { operator: "maya", at: NOW, until: NOW + 600_000 };
  await check([issue("a", { acknowledged })]);
  assert.deepEqual(heard(), []);
  await check([issue("a")]);
  assert.deepEqual(heard(), ["sound"]);
  await check([issue("a", { acknowledged })]);
  await check([issue("a")]);
  assert.deepEqual(heard(), ["sound"]);
});

test("quiet hours are quiet, and what is still wrong is told afterwards", async () => {
  alerts.choices.set({ sound: true, quiet: { isOn: true, from: "22:00", to: "07:00" } });
  const at = (hour) => Date.UTC(2026, 10, 27, hour, 30);
  await check([issue("a"), issue("b")], at(23));
  assert.equal(alerts.status, "Quiet until 07:00");
  await check([issue("b")], at(6));
  assert.deepEqual(heard(), []);
  await check([issue("b")], at(7));
  assert.deepEqual(heard(), ["sound"]);
  assert.equal(alerts.status, "Alerts: on");
});

test("equal times are quiet hours without an end", () => {
  alerts.choices.set({ sound: true, quiet: { isOn: true, from: "00:00", to: "00:00" } });
  assert.equal(alerts.status, "Quiet all day");
});

test("the button says why there are no alerts", () => {
  alerts.choices.set({ sound: true });
  alerts.setStanding("Paused", false);
  assert.equal(alerts.status, "No alerts: paused");
  alerts.setStanding("", false);
  alerts.sound.isAllowed = false;
  assert.equal(alerts.status, "Click to allow sound");
  alerts.choices.set({ sound: false, notification: true });
  assert.equal(alerts.status, "Alerts: on");
  alerts.notifications.isAllowed = false;
  assert.equal(alerts.status, "Alerts: off");
});

test("a page that is no longer up to date says so, once, after half a minute", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  alerts.choices.set({ sound: true, notification: true });
  alerts.setStanding("Connection lost", true);
  mock.timers.tick(29_000);
  await settled();
  assert.deepEqual(heard(), []);
  mock.timers.tick(2_000);
  await settled();
  assert.deepEqual(heard(), ["low", "Rollcall: connection lost"]);
  alerts.setStanding("", false);
  alerts.setStanding("No update", true);
  alerts.setStanding("", false);
  mock.timers.tick(60_000);
  await settled();
  assert.deepEqual(heard(), [], "it was back in time");
  alerts.choices.set({ connection: false });
  alerts.setStanding("Signed out", true);
  mock.timers.tick(60_000);
  await settled();
  assert.deepEqual(heard(), [], "the person does not want to know");
  mock.timers.reset();
});

test("an example is heard and seen, in the ways that are chosen", () => {
  alerts.choices.set({ sound: true, notification: true });
  alerts.try();
  assert.deepEqual(heard(), ["sound", "Rollcall alerts"]);
  alerts.choices.set({ sound: false });
  alerts.try();
  assert.deepEqual(heard(), ["Rollcall alerts"]);
});
