// Told once: several tabs tell of an issue once, and none tells of it again while it lasts.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ToldOnce } from "../../static/admin/told_once.js";
import { FakeStorage } from "./fakes.js";

/** Tabs of one browser, with a clock that moves only on request. Locks are as the browser's, or there are none. */
class Browser {
  now = 1_000_000;
  #storage = new FakeStorage();
  #queue = Promise.resolve();

  tab({ hasLocks = true } = {}) {
    const locks = hasLocks ? { request: (_, work) => (this.#queue = this.#queue.then(work)) } : undefined;
    return new ToldOnce(this.#storage, { now: () => this.now, locks, arrival: async () => {} });
  }
}

for (const hasLocks of [true, false]) {
  const how = hasLocks ? "with locks" : "without locks";

  test(`of several tabs, one tells of an issue, ${how}`, async () => {
    const browser = new Browser();
    const tabs = [1, 2, 3].map(() => browser.tab({ hasLocks }));
    const told = await Promise.all(tabs.map((tab) => tab.take("sound", ["a", "b"])));
    assert.deepEqual(told.flat().sort(), ["a", "b"]);
    browser.now += 1_000;
    assert.deepEqual((await Promise.all(tabs.map((tab) => tab.take("sound", ["a", "b", "c"])))).flat(), ["c"]);
  });
}

test("if two tabs claim an issue before either sees the other's claim, the last one tells", async () => {
  const [one, other] = [new FakeStorage(), new FakeStorage()];
  const arrival = async () => one.setItem("rollcall_told", other.getItem("rollcall_told"));
  const tabs = [one, other].map((storage) => new ToldOnce(storage, { now: () => 1_000_000, locks: undefined, arrival }));
  assert.deepEqual(await Promise.all(tabs.map((tab) => tab.take("sound", ["a"]))), [[], ["a"]]);
});

test("one tab does not tell of the same issue twice, even while it waits for its turn", async () => {
  const tab = new Browser().tab();
  const told = await Promise.all([tab.take("sound", ["a"]), tab.take("sound", ["a"])]);
  assert.deepEqual(told.flat(), ["a"]);
});

test("an issue that lasts for hours is told of once, also in a tab that was away", async () => {
  const browser = new Browser();
  const [tab, away] = [browser.tab(), browser.tab()];
  await tab.take("sound", ["a"]);
  for (let second = 0; second < 7_200; second++) {
    browser.now += 1_000;
    assert.deepEqual(await tab.take("sound", ["a"]), []);
  }
  assert.deepEqual(await away.take("sound", ["a"]), []);
});

test("an issue that comes back within a minute is not told of again, a later one is", async () => {
  const browser = new Browser();
  const tab = browser.tab();
  await tab.take("sound", ["a"]);
  browser.now += 30_000;
  await tab.take("sound", []);
  assert.deepEqual(await tab.take("sound", ["a"]), []);
  browser.now += 61_000;
  await tab.take("sound", []);
  assert.deepEqual(await tab.take("sound", ["a"]), ["a"]);
});

test("the ways to tell are apart: a tab without sound leaves sounds to another one", async () => {
  const browser = new Browser();
  const [one, other] = [browser.tab(), browser.tab()];
  assert.deepEqual(await one.take("notification", ["a"]), ["a"]);
  assert.deepEqual(await other.take("notification", ["a"]), []);
  assert.deepEqual(await other.take("sound", ["a"]), ["a"]);
});

test("what a tab skips, it does not tell of, and another one may", async () => {
  const browser = new Browser();
  const [opened, open] = [browser.tab(), browser.tab()];
  opened.skip("sound", ["a"]);
  assert.deepEqual(await opened.take("sound", ["a"]), []);
  assert.deepEqual(await open.take("sound", ["a"]), ["a"]);
});

test("what is forgotten is told of again: the time of an acknowledgement is over", async () => {
  const browser = new Browser();
  const [one, other] = [browser.tab(), browser.tab()];
  await Promise.all([one, other].map((tab) => tab.take("sound", ["a", "b"])));
  for (const tab of [one, other]) tab.forget(["a", "unknown"]);
  const told = await Promise.all([one, other].map((tab) => tab.take("sound", ["a", "b"])));
  assert.deepEqual(told.flat(), ["a"]);
});

test("what another program wrote into the storage does no harm", async () => {
  for (const text of ["{", "7", "null", '{"sound":3}', '{"sound":{"a":"x"}}']) {
    const storage = new FakeStorage();
    storage.setItem("rollcall_told", text);
    const tab = new ToldOnce(storage, { now: () => 0, locks: undefined, arrival: async () => {} });
    assert.deepEqual(await tab.take("sound", ["b"]), ["b"], text);
  }
});
