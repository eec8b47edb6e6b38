// Alert choices: which issues a person wants to be told of, and when nobody wants to be disturbed.

import assert from "node:assert/strict";
import { test } from "node:test";
import { AlertChoices, amountProblem, isQuietAt, isWanted, NO_ALERTS, readChoices, timeOfDay } from "../../static/admin/alert_choices.js";
import { FakeStorage } from "./fakes.js";

const NOW = Date.UTC(2026, 10, 27, 12);
const ago = (seconds) => NOW - seconds * 1_000;

const longCall = (seconds) => ({
  key: "long_call:c",
  kind: "long_call",
  because: { text: "On a call for", at: ago(seconds) },
  since: ago(seconds - 7_200),
});
const flapping = (changes) => ({ key: "flapping:7", kind: "flapping", because: { text: "" }, since: NOW, changes });
const choices = (kinds) => readChoices(JSON.stringify({ kinds }));

test("quiet hours may pass midnight, and equal times are a whole day", () => {
  const night = { isOn: true, from: "22:00", to: "07:00" };
  for (const time of ["22:00", "23:59", "00:00", "06:59"]) assert.equal(isQuietAt(night, time), true, time);
  for (const time of ["07:00", "12:00", "21:59"]) assert.equal(isQuietAt(night, time), false, time);
  const lunch = { isOn: true, from: "12:00", to: "13:30" };
  for (const [time, isQuiet] of [["11:59", false], ["12:00", true], ["13:29", true], ["13:30", false]]) {
    assert.equal(isQuietAt(lunch, time), isQuiet, time);
  }
  assert.equal(isQuietAt({ isOn: true, from: "08:00", to: "08:00" }, "03:00"), true);
  assert.equal(isQuietAt({ ...night, isOn: false }, "23:00"), false);
});

test("the time of day is that of the chosen zone, with hours from 00 to 23", () => {
  assert.equal(timeOfDay(Date.UTC(2026, 10, 27, 23, 30), "UTC"), "23:30");
  assert.equal(timeOfDay(Date.UTC(2026, 10, 27, 23, 30), "Europe/Berlin"), "00:30");
});

test("without choices, every issue is wanted that nobody deals with", () => {
  assert.equal(isWanted(NO_ALERTS, longCall(7_201), NOW), true);
  const acknowledged = { operator: "maya", at: NOW, until: NOW + 1 };
  assert.equal(isWanted(NO_ALERTS, { ...longCall(7_201), acknowledged }, NOW), false);
});

test("a kind can be switched off, or needs more than the server's limit", () => {
  assert.equal(isWanted(choices({ long_call: { isOn: false } }), longCall(9_999), NOW), false);
  const tenThousand = choices({ long_call: { least: 10_000 } });
  assert.equal(isWanted(tenThousand, longCall(9_999), NOW), false);
  assert.equal(isWanted(tenThousand, longCall(10_000), NOW), true);
  assert.equal(isWanted(tenThousand, longCall(9_999), NOW + 1_000), true, "time alone may be enough");
  assert.equal(isWanted(choices({ flapping: { least: 9 } }), flapping(8), NOW), false);
  assert.equal(isWanted(choices({ flapping: { least: 9 } }), flapping(9), NOW), true);
  const busy = { key: "busy_without_cause:7", kind: "busy_without_cause", because: { text: "" }, since: ago(20) };
  assert.equal(isWanted(choices({ busy_without_cause: { least: 30 } }), busy, NOW), false);
  assert.equal(isWanted(choices({ busy_without_cause: { least: 20 } }), busy, NOW), true);
});

test("of a call with two faults, one that is wanted is enough", () => {
  const offline = { ...longCall(8_000), kind: "call_with_offline", because: { text: "offline", at: ago(5) } };
  const both = { ...offline, also: [longCall(8_000).because], also_kinds: ["long_call"] };
  assert.equal(isWanted(choices({ call_with_offline: { isOn: false } }), both, NOW), true);
  assert.equal(isWanted(choices({ call_with_offline: { least: 6 }, long_call: { least: 9_000 } }), both, NOW), false);
  assert.equal(isWanted(choices({ call_with_offline: { isOn: false }, long_call: { isOn: false } }), both, NOW), false);
});

test("whatever the browser has kept, there are valid choices", () => {
  for (const text of [null, "", "{", "7", "null", '"x"', "[]", '{"kinds":3,"quiet":"x","sound":"yes"}']) {
    assert.deepEqual(readChoices(text), NO_ALERTS, String(text));
  }
  const kept = { sound: true, quiet: { isOn: true, from: "25:00", to: "06:30" }, kinds: { long_call: { least: -3 } } };
  assert.deepEqual(readChoices(JSON.stringify(kept)), {
    ...NO_ALERTS,
    sound: true,
    quiet: { isOn: true, from: "22:00", to: "06:30" },
    kinds: { long_call: { isOn: true, least: null } },
  });
});

test("an amount that is refused says which ones are not", () => {
  const limits = { min: "7200", max: "99999" };
  assert.equal(amountProblem({ valid: true }, limits), "");
  assert.equal(amountProblem({ badInput: true, valueMissing: true }, limits), "Enter a number.");
  assert.equal(amountProblem({ valueMissing: true }, limits), "Enter a number.");
  assert.equal(amountProblem({ rangeUnderflow: true }, limits), "Enter at least 7,200. Below that, it isn't an issue yet.");
  assert.equal(amountProblem({ rangeUnderflow: true }, { min: "0", max: "99999" }), "Enter at least 0.");
  assert.equal(amountProblem({ rangeOverflow: true }, limits), "Enter at most 99,999.");
});

test("choices are kept, and other tabs follow", () => {
  const storage = new FakeStorage();
  let changes = 0;
  const [here, there] = [new AlertChoices(storage), new AlertChoices(storage, () => changes++)];
  here.set({ sound: true });
  assert.equal(new AlertChoices(storage).current.sound, true);
  assert.equal(there.current.sound, false);
  there.hear({ key: "another", newValue: "{}" });
  assert.equal(changes, 0);
  there.hear({ key: "rollcall_alerts", newValue: storage.getItem("rollcall_alerts") });
  assert.equal(there.current.sound, true);
  assert.equal(changes, 1);
});
