/** Connection: each state, the transitions into it and out of it, and its text. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Connection } from "../../static/admin/connection.js";
import { moments } from "../../static/admin/moments.js";
import { FakeClient, FakeTimers, NOW, overview, update } from "./fakes.js";

class Scene {
  timers = new FakeTimers();
  client = new FakeClient();
  told = [];

  constructor(staleMs = 3_000, rest = {}) {
    this.connection = new Connection(this.client, { version: "v1", figuresAt: NOW, staleMs, timers: this.timers, ...rest });
    this.connection.listen((change) => this.told.push(change));
    this.connection.open();
  }

  greet(version = "v1") {
    this.client.become("live");
    this.client.say({ type: "connection_established", version });
    this.client.say(overview({ now: this.timers.time }));
    return this;
  }

  update() {
    this.client.say(update({ now: this.timers.time }));
  }

  lose(ms = 4_000, code = 1006) {
    this.client.retryAt = this.timers.time + ms;
    this.client.become("waiting", code);
  }

  get name() {
    return this.connection.name;
  }

  get text() {
    return this.connection.text;
  }
}

const live = () => new Scene().greet();
const figures = (moment) => `Figures are from ${moments.clock(moment, NOW)}; timers are stopped.`;

test("it is connecting until the first overview, and then live", () => {
  const scene = new Scene();
  assert.equal(scene.name, "connecting");
  scene.client.become("live");
  scene.client.say({ type: "connection_established", version: "v1" });
  assert.equal(scene.name, "connecting");
  scene.client.say(overview());
  assert.equal(scene.name, "live");
  assert.deepEqual([scene.connection.isLive, scene.text], [true, ""]);
});

test("the first connection is no way back", () => {
  assert.deepEqual(live().told, [{ before: "connecting", after: "live", absence: null }]);
});

test("3 s after the last message the page is stale, not before", () => {
  const scene = live();
  scene.timers.advance(2_000);
  scene.update();
  scene.timers.advance(2_999);
  assert.equal(scene.name, "live");
  scene.timers.advance(1);
  assert.equal(scene.name, "stale");
  assert.equal(scene.connection.isLive, false);
});

test("a server with rare signs of life is given the time that its page says", () => {
  const scene = new Scene(15_000).greet();
  for (let update = 0; update < 3; update++) {
    scene.timers.advance(5_000);
    assert.equal(scene.name, "live");
    scene.update();
  }
  scene.timers.advance(14_999);
  assert.equal(scene.name, "live");
  scene.timers.advance(1);
  assert.equal(scene.name, "stale");
});

test("a stale page says since when, and of when the figures are", () => {
  const scene = live();
  scene.timers.advance(6_000);
  assert.equal(scene.text, `No update for 6 s. ${figures(NOW)}`);
});

test("a page that never had an overview is stale by its own age", () => {
  const scene = new Scene();
  scene.timers.advance(4_000);
  assert.deepEqual([scene.name, scene.text], ["stale", `No update for 4 s. ${figures(NOW)}`]);
});

test("the next message makes it live again, and tells the absence once", () => {
  const scene = live();
  scene.timers.advance(6_000);
  scene.update();
  scene.update();
  assert.deepEqual(scene.told.at(-1), { before: "stale", after: "live", absence: [NOW, NOW + 6_000] });
  assert.equal(scene.told.filter(({ absence }) => absence).length, 1);
});

test("a pong is no update", () => {
  const scene = live();
  scene.timers.advance(2_000);
  scene.client.say({ type: "pong" });
  scene.timers.advance(1_000);
  assert.equal(scene.name, "stale");
});

test("a lost socket is down, and says when it is tried again", () => {
  const scene = live();
  scene.lose(4_000);
  assert.deepEqual([scene.name, scene.text], ["down", `Connection lost. Trying again in 4 s. ${figures(NOW)}`]);
  scene.timers.advance(3_000);
  assert.match(scene.text, /in 1 s/);
  scene.client.become("connecting");
  assert.match(scene.text, /Trying again now\./);
});

test("it is down until the next overview is there, however long that takes", () => {
  const scene = live();
  scene.lose();
  scene.timers.advance(4_000);
  scene.client.become("connecting");
  scene.client.become("live");
  scene.client.say({ type: "connection_established", version: "v1" });
  scene.timers.advance(60_000);
  assert.equal(scene.name, "down");
  scene.client.say(overview({ now: scene.timers.time }));
  assert.equal(scene.name, "live");
  assert.deepEqual(scene.told.at(-1).absence, [NOW, NOW + 64_000]);
});

test("the close code alone says that the server is restarting, and an ordinary loss after that is down again", () => {
  const scene = live();
  scene.lose(2_000, 1012);
  assert.equal(scene.name, "restarting");
  scene.client.become("live");
  scene.client.say({ type: "connection_established", version: "v1", resumed: true });
  assert.equal(scene.name, "live");
  scene.lose();
  assert.equal(scene.name, "down");
});

test("a server that said goodbye is restarting, and after that an ordinary loss is down again", () => {
  const scene = live();
  scene.client.say({ type: "server_draining", reconnect_after_ms: 2_000 });
  assert.equal(scene.name, "live");
  scene.lose(2_000);
  assert.equal(scene.text, `The server is restarting. Trying again in 2 s. ${figures(NOW)}`);
  scene.greet();
  scene.lose();
  assert.equal(scene.name, "down");
});

test("a server that isn't back after a minute was more than restarted", () => {
  const scene = live();
  scene.lose(2_000, 1012);
  scene.timers.advance(59_000);
  scene.lose(1_000);
  assert.equal(scene.name, "restarting");
  scene.timers.advance(1_000);
  scene.client.become("connecting");
  assert.equal(scene.name, "down");
});

test("a page for which there is no room says so, and an ordinary loss after that is one", () => {
  const scene = new Scene();
  scene.lose(4_000, 1013);
  const words = "Too many pages are open: close some. Trying again in 4 s.";
  assert.deepEqual([scene.connection.label, scene.text], ["Not connected", `${words} ${figures(NOW)}`]);
  scene.client.become("connecting");
  assert.match(scene.text, /^Too many pages are open/);
  scene.greet();
  scene.lose();
  assert.deepEqual([scene.connection.label, scene.text.slice(0, 16)], ["Connection lost", "Connection lost."]);
});

test("a page that was never connected has lost nothing, and doesn't come back", () => {
  const scene = new Scene();
  scene.lose(4_000);
  assert.equal(scene.connection.label, "Not connected");
  assert.equal(scene.text, `The server can't be reached. Trying again in 4 s. ${figures(NOW)}`);
  scene.greet();
  assert.deepEqual(scene.told.at(-1), { before: "down", after: "live", absence: null });
});

test("a page says that it is back", () => {
  assert.equal(live().connection.backAgain, "Reconnected. The figures are live again.");
});

test("a paused page shows the figures of then, and stays paused when it is reconnected", () => {
  const { connection, ...scene } = live();
  scene.timers.advance(2_000);
  scene.client.say(update({ now: NOW + 2_000 }));
  connection.pausedAt = NOW + 1_000;
  scene.client.retryAt = scene.timers.time + 4_000;
  scene.client.become("waiting", 1006);
  assert.equal(connection.text, `Connection lost. Trying again in 4 s. ${figures(NOW + 1_000)}`);
  assert.equal(connection.backAgain, "Reconnected. This page is still paused.");
});

test("an attempt that is due is made now", () => {
  const scene = live();
  scene.lose(0);
  assert.match(scene.text, /^Connection lost\. Trying again now\. /);
});

test("a long silence is told in minutes", () => {
  const scene = live();
  scene.timers.advance(65_000);
  assert.match(scene.text, /^No update for 01:05\. /);
});

test("signed out is said as such, and stays", () => {
  const scene = live();
  scene.client.become("signedOut");
  scene.timers.advance(60_000);
  assert.deepEqual([scene.name, scene.text], ["signedOut", `You are signed out. ${figures(NOW)}`]);
});

test("a screen, where nobody has signed in, is not signed out but disconnected", () => {
  const scene = new Scene(3_000, { isScreen: true }).greet();
  scene.client.become("signedOut");
  assert.deepEqual(
    [scene.name, scene.connection.label, scene.text],
    ["signedOut", "Disconnected", `This screen isn't connected any more. ${figures(NOW)}`],
  );
});

test("a page that is sent away says so", () => {
  const scene = live();
  scene.client.become("offline");
  assert.equal(scene.name, "away");
});

test("Retry now dials at once, and is no reason to call the page sent away", () => {
  const scene = live();
  scene.lose(20_000);
  scene.connection.retry();
  assert.deepEqual([scene.client.dialled, scene.name], [2, "down"]);
  assert.deepEqual(scene.told.map(({ after }) => after), ["live", "down"]);
});

test("another version is noticed, and the page goes on", () => {
  const scene = live();
  scene.lose();
  scene.greet("v2");
  assert.deepEqual([scene.connection.isOutdated, scene.name], [true, "live"]);
});

test("each state is told once, whatever is said in it", () => {
  const scene = live();
  for (let second = 0; second < 10; second++) {
    scene.update();
    scene.timers.advance(1_000);
  }
  assert.equal(scene.told.length, 1);
});

test("a device that slept is stale when it wakes", () => {
  const scene = live();
  scene.timers.time += 3_600_000;
  scene.timers.advance(0);
  assert.equal(scene.name, "stale");
});

test("watching leaves at most one timer", () => {
  const scene = live();
  for (let message = 0; message < 20; message++) scene.update();
  assert.equal(scene.timers.pending, 1);
});
