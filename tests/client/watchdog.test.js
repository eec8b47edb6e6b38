/** Watchdog: silence, sleep and wake-up, pings, and nothing left behind after close(). */

import assert from "node:assert/strict";
import { test } from "node:test";

import { FakeAppState, FakePage, Scene, settle, update } from "./fakes.js";

const pings = (scene) => scene.socket.commands("ping").length;

test("silence is asked about, then doubted, then given up on", async () => {
  const scene = await new Scene().goLive();
  await scene.clock.advance(24_999);
  assert.equal(pings(scene), 0);
  await scene.clock.advance(1);
  assert.equal(pings(scene), 1);
  await scene.clock.advance(4_999);
  assert.equal(scene.client.state, "live");
  await scene.clock.advance(1);
  assert.equal(scene.client.state, "stale");
  await scene.clock.advance(4_999);
  assert.equal(scene.network.open.length, 1);
  await scene.clock.advance(1);
  assert.deepEqual(scene.takeStates(), ["stale", "waiting"]);
  assert.equal(scene.network.open.length, 0);
  assert.notEqual(scene.socket.leftWith, 1000, "a loss is no goodbye");
});

test("any message is a sign of life", async () => {
  const scene = await new Scene().goLive();
  for (let minute = 0; minute < 10; minute++) {
    await scene.clock.advance(20_000);
    scene.socket.say(update(2, minute));
  }
  assert.deepEqual([pings(scene), scene.client.state], [0, "live"]);
});

test("what is not a message is no sign of life", async () => {
  const scene = await new Scene().goLive();
  for (let second = 0; second < 40; second++) {
    scene.socket.sayText("<html>");
    await scene.clock.advance(1_000);
  }
  assert.deepEqual(scene.takeStates(), ["stale", "waiting", "connecting"]);
});

test("a quiet server that answers stays live for as long as it answers", async () => {
  const scene = await new Scene().goLive();
  for (let round = 0; round < 20; round++) {
    await scene.clock.advance(27_000);
    scene.answerAll();
  }
  assert.deepEqual(scene.takeStates(), []);
});

test("an answer while stale makes it live again, on the same socket", async () => {
  const scene = await new Scene().goLive();
  await scene.clock.advance(31_000);
  assert.equal(scene.client.state, "stale");
  scene.answerAll();
  assert.equal(scene.client.state, "live");
  await scene.clock.advance(24_000);
  assert.deepEqual(scene.takeStates(), ["stale", "live"]);
  assert.equal(scene.network.sockets.length, 1);
});

test("the round trip is measured, each ping by its own answer", async () => {
  const scene = await new Scene().goLive();
  const first = scene.client.ping();
  await scene.clock.advance(30);
  const second = scene.client.ping();
  await scene.clock.advance(10);
  scene.answerAll();
  assert.deepEqual([await first, await second, scene.client.roundTrip], [40, 10, 10]);
});

test("a ping that the server refused does not shift the answers of those after it", async () => {
  const scene = await new Scene().goLive();
  const refused = scene.client.ping();
  await scene.clock.advance(500);
  const answered = scene.client.ping();
  scene.socket.sent.shift();
  await scene.clock.advance(20);
  scene.answerAll();
  await assert.rejects(refused, /refused/);
  assert.equal(await answered, 20);
});

test("a pong that nobody asked for is passed over", async () => {
  const scene = await new Scene().goLive();
  const ping = scene.client.ping();
  for (const timestamp of ["2024-01-15T10:30:00Z", 10_000, null]) scene.socket.say({ type: "pong", timestamp });
  scene.answerAll();
  assert.equal(await ping, 0);
});

test("a ping without a connection is refused, one whose connection is lost too", async () => {
  const scene = new Scene();
  await assert.rejects(scene.client.ping(), /not connected/);
  await scene.goLive();
  const ping = scene.client.ping();
  scene.socket.end(1006);
  await assert.rejects(ping, /connection lost/);
});

test("nothing is sent while not connected", async () => {
  const scene = new Scene();
  const attempt = () => [scene.client.heartbeat(), scene.client.send({ type: "ping" })];
  assert.deepEqual(attempt(), [false, false]);
  scene.client.connect();
  assert.deepEqual(attempt(), [false, false]);
  await settle();
  scene.socket.accept();
  assert.deepEqual(attempt(), [false, false]);
  await scene.greet({ users: [] });
  assert.deepEqual(attempt(), [true, true]);
  scene.socket.readyState = 2;
  assert.deepEqual(attempt(), [false, false]);
  scene.socket.end(1006);
  assert.deepEqual(attempt(), [false, false]);
});

test("a heartbeat is the contract's", async () => {
  const scene = await new Scene().goLive();
  assert.equal(scene.client.heartbeat(), true);
  assert.deepEqual(scene.socket.sent, [{ type: "heartbeat" }]);
});

test("a page that is shown again asks at once, and one that is hidden does not", async (test) => {
  const page = new FakePage(test);
  const scene = await new Scene().goLive();
  page.hide();
  assert.equal(pings(scene), 0);
  page.show();
  assert.equal(pings(scene), 1);
  for (let flicker = 0; flicker < 50; flicker++) page.show();
  assert.equal(pings(scene), 1, "one question at a time");
  await scene.clock.advance(10_000);
  assert.deepEqual(scene.takeStates(), ["stale", "waiting"], "flickering does not put off the end");
  scene.client.close();
});

test("a question that is answered leaves the connection alone", async (test) => {
  const page = new FakePage(test);
  const scene = await new Scene().goLive();
  page.show();
  scene.answerAll();
  await scene.clock.advance(20_000);
  assert.deepEqual(scene.takeStates(), []);
  scene.client.close();
});

test("after a long sleep the picture counts as stale until there is an answer", async (test) => {
  const page = new FakePage(test);
  const scene = await new Scene().goLive();
  scene.clock.isAsleep = true;
  await scene.clock.advance(3_600_000);
  page.show();
  assert.equal(scene.client.state, "stale");
  scene.answerAll();
  assert.equal(scene.client.state, "live");
  scene.client.close();
});

test("going offline is a reason to ask: a server on the same machine still answers", async (test) => {
  const page = new FakePage(test);
  const scene = await new Scene().goLive();
  page.goOffline();
  scene.answerAll();
  await scene.clock.advance(20_000);
  assert.deepEqual(scene.takeStates(), []);
  page.goOffline();
  await scene.clock.advance(10_000);
  assert.deepEqual(scene.takeStates(), ["stale", "waiting"]);
  scene.client.close();
});

test("coming online ends a long wait, and only one dial comes of it", async (test) => {
  const page = new FakePage(test);
  const scene = new Scene();
  scene.client.connect();
  await settle();
  for (let failure = 0; failure < 8; failure++) {
    scene.socket.end(1006);
    if (failure < 7) await scene.waitOut();
  }
  assert.deepEqual(scene.clock.waits, [10_000]);
  page.goOnline();
  page.show();
  page.goOnline();
  assert.deepEqual(scene.clock.waits, [250]);
  await scene.clock.advance(250);
  await scene.greet({ users: [] });
  await scene.clock.advance(15_000);
  assert.deepEqual([scene.client.state, scene.network.sockets.length], ["live", 9]);
  scene.client.close();
});

test("coming online changes nothing for who was signed out, or told to stay away", async (test) => {
  const page = new FakePage(test);
  for (const [code, state] of [
    [4501, "signedOut"],
    [4504, "offline"],
  ]) {
    const scene = await new Scene().goLive();
    scene.socket.end(code);
    page.goOnline();
    page.show();
    await scene.clock.advance(60_000);
    assert.deepEqual([scene.client.state, scene.network.sockets.length], [state, 1]);
    scene.client.close();
  }
});

test("React Native's AppState asks when the app becomes active", async () => {
  const appState = new FakeAppState();
  const scene = await new Scene({ appState }).goLive();
  appState.become("background");
  assert.equal(pings(scene), 0);
  appState.become("active");
  assert.equal(pings(scene), 1);
  scene.client.close();
  assert.equal(appState.listeners, 0);
});

test("a clock that is set back does not put the watchdog to sleep", async () => {
  const scene = await new Scene().goLive();
  scene.clock.now -= 7_200_000;
  scene.socket.say(update(2, 1));
  scene.clock.now -= 7_200_000;
  await scene.clock.advance(7_200_000 + 7_200_000 + 60_000);
  assert.notEqual(scene.client.state, "live");
});

test("close() in any state leaves no listener and no timer", async (test) => {
  const page = new FakePage(test);
  const appState = new FakeAppState();
  const waysThere = {
    connecting: async (scene) => scene.client.connect(),
    syncing: async (scene) => (scene.client.connect(), scene.greet()),
    live: (scene) => scene.goLive(),
    stale: async (scene) => (await scene.goLive(), scene.clock.advance(31_000)),
    waiting: async (scene) => (await scene.goLive(), scene.socket.end(1006)),
    offline: async (scene) => (await scene.goLive(), scene.socket.end(4503)),
    signedOut: async (scene) => (await scene.goLive(), scene.socket.end(4501)),
  };
  for (const [state, goThere] of Object.entries(waysThere)) {
    const scene = new Scene({ appState });
    await goThere(scene);
    assert.equal(scene.client.state, state);
    assert.deepEqual([page.listeners, appState.listeners], [5, 1], state);
    scene.client.close();
    await settle();
    assert.deepEqual([page.listeners, appState.listeners], [0, 0], state);
    assert.deepEqual([scene.clock.waits, scene.network.open.length], [[], 0], state);
  }
});

test("connecting again and again hooks the page once", async (test) => {
  const page = new FakePage(test);
  const scene = await new Scene().goLive();
  for (let round = 0; round < 5; round++) {
    scene.socket.end(4503);
    scene.client.connect();
    await scene.greet({ resumed: true });
  }
  assert.equal(page.listeners, 5);
  scene.client.close();
});

test("who was replaced by a newer socket comes back with the user, not by a timer", async (test) => {
  const page = new FakePage(test);
  const appState = new FakeAppState();
  const scene = new Scene({ appState });
  for (const comeBack of [
    () => page.show(),
    () => page.goOnline(),
    () => appState.become("active"),
    () => scene.client.connect(),
  ]) {
    await scene.goLive();
    scene.socket.end(4503);
    const sockets = scene.network.sockets.length;
    await scene.clock.advance(3_600_000);
    assert.deepEqual([scene.client.state, scene.network.sockets.length], ["offline", sockets]);
    comeBack();
    await scene.greet({ resumed: true });
    assert.deepEqual([scene.client.state, scene.network.sockets.length], ["live", sockets + 1]);
    scene.client.close();
  }
});

test("who was replaced and then closed stays closed", async (test) => {
  const page = new FakePage(test);
  const scene = await new Scene().goLive();
  scene.socket.end(4503);
  scene.client.close();
  page.show();
  page.goOnline();
  await scene.clock.advance(60_000);
  assert.deepEqual([scene.client.state, scene.network.sockets.length], ["offline", 1]);
});

test("a page that is left closes its socket as a loss, and connects when it comes back from the cache", async (test) => {
  const page = new FakePage(test);
  const scene = await new Scene().goLive({ seq: 7 });
  page.leave();
  assert.deepEqual([scene.client.state, scene.socket.leftWith, scene.clock.waits], ["waiting", 4001, []]);
  assert.equal(scene.client.retryAt, null);
  await scene.clock.advance(3_600_000);
  page.comeBack();
  await settle();
  assert.deepEqual(scene.socket.query, { epoch: "e1", since: "7" });
  await scene.greet({ resumed: true, seq: 7 });
  assert.deepEqual(scene.takeStates(), ["waiting", "connecting", "syncing", "live"]);
  scene.client.close();
});

test("a page that comes back both shown and from the cache dials once", async (test) => {
  const page = new FakePage(test);
  const comesBack = [() => page.show(), () => page.comeBack()];
  for (const events of [comesBack, comesBack.toReversed()]) {
    const scene = await new Scene().goLive();
    page.leave();
    for (const event of events) event();
    await scene.clock.advance(1_000);
    assert.deepEqual([scene.network.sockets.length, scene.network.mostOpen], [2, 1]);
    scene.client.close();
  }
});

test("a page that is left and comes back changes nothing for a client that is not trying", async (test) => {
  const page = new FakePage(test);
  for (const end of [
    (scene) => scene.client.close(),
    (scene) => scene.socket.end(4501),
    (scene) => scene.socket.end(4504),
  ]) {
    const scene = await new Scene().goLive();
    end(scene);
    const { state } = scene.client;
    page.leave();
    page.comeBack();
    await settle();
    assert.deepEqual([scene.client.state, scene.network.sockets.length], [state, 1]);
    scene.client.close();
  }
});

test("a page that is left while a token is requested uses it when it comes back", async (test) => {
  const page = new FakePage(test);
  let issue;
  const scene = new Scene({ token: undefined, getToken: () => new Promise((resolve) => (issue = resolve)) });
  scene.client.connect();
  await settle();
  page.leave();
  issue("first");
  await settle();
  assert.deepEqual([scene.client.state, scene.network.sockets.length], ["waiting", 0]);
  page.comeBack();
  await settle();
  assert.equal(scene.socket.protocols[1], "bearer.first");
  scene.client.close();
});
