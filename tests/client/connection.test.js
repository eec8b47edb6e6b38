/** Connection: every state and transition, close codes, backoff, and never two sockets at once. */

import assert from "node:assert/strict";
import { test } from "node:test";

import RollcallByDefault, { Rollcall } from "../../static/rollcall.js";
import { BUSY, Scene, settle, snapshot, status, update } from "./fakes.js";

test("the class is the default export too", () => {
  assert.equal(RollcallByDefault, Rollcall);
});

test("a new client is offline and has dialled nothing", () => {
  const scene = new Scene();
  assert.equal(scene.client.state, "offline");
  assert.deepEqual([scene.network.sockets.length, scene.clock.waits], [0, []]);
});

test("without a url, and without a page that has one, there is no client", () => {
  assert.throws(() => new Rollcall(), /url/);
});

test("the address, the channel and the token's subprotocol are the contract's", async () => {
  for (const [url, opened] of [
    ["http://rollcall.test:8000", "ws://rollcall.test:8000/ws/feed"],
    ["https://rollcall.test/", "wss://rollcall.test/ws/feed"],
    ["ws://rollcall.test:8000//", "ws://rollcall.test:8000/ws/feed"],
    ["wss://rollcall.test/behind", "wss://rollcall.test/behind/ws/feed"],
  ]) {
    const { client, network } = new Scene({ url });
    client.connect();
    await settle();
    assert.equal(network.last.url, `${opened}?epoch=&since=0`);
    assert.deepEqual(network.last.protocols, ["rollcall.v1", "bearer.first"]);
  }
  const { client, network } = new Scene({ channel: "presence" });
  client.connect();
  await settle();
  assert.match(network.last.url, /\/ws\/presence\?/);
});

test("it goes from offline through connecting to live, and by close() to offline", async () => {
  const scene = new Scene();
  scene.client.connect();
  assert.equal(scene.client.state, "connecting");
  await scene.greet({ users: [] });
  assert.equal(scene.client.state, "live");
  scene.client.close();
  assert.deepEqual(scene.told.state, [
    { before: "offline", after: "connecting" },
    { before: "connecting", after: "syncing" },
    { before: "syncing", after: "live" },
    { before: "live", after: "offline" },
  ]);
  assert.equal(scene.socket.leftWith, 1000);
});

test("an accepted socket is not live before it is greeted", async () => {
  const scene = new Scene();
  scene.client.connect();
  await settle();
  scene.socket.accept();
  assert.equal(scene.client.state, "connecting");
  assert.equal(scene.client.heartbeat(), false);
  assert.deepEqual(scene.socket.sent, []);
});

test("a server that accepts and says nothing is left after 10 s", async () => {
  const scene = new Scene();
  scene.client.connect();
  await settle();
  scene.socket.accept();
  await scene.clock.advance(9_999);
  assert.equal(scene.client.state, "connecting");
  await scene.clock.advance(1);
  assert.equal(scene.client.state, "waiting");
  assert.equal(scene.network.open.length, 0);
});

test("connect() twice opens one socket, in whatever state", async () => {
  const scene = new Scene();
  scene.client.connect();
  scene.client.connect();
  await scene.greet();
  scene.client.connect();
  scene.socket.end(1006);
  assert.equal(scene.client.state, "waiting");
  scene.client.connect();
  scene.client.connect();
  await scene.clock.advance(500);
  assert.deepEqual([scene.network.sockets.length, scene.network.mostOpen], [2, 1]);
});

for (const again of ["connect", "retryNow"]) {
  test(`${again}() while waiting tries at once`, async () => {
    const scene = await new Scene().goLive();
    scene.socket.end(1006);
    scene.client[again]();
    assert.equal(scene.client.state, "connecting");
    await scene.greet({ resumed: true });
    assert.deepEqual(scene.takeStates(), ["waiting", "connecting", "syncing", "live"]);
    await scene.clock.advance(20_000);
    assert.equal(scene.network.sockets.length, 2, "the attempt that was planned is not made, too");
  });
}

test("retryNow() starts nothing that was closed, sent away or signed out", async () => {
  const scene = new Scene();
  scene.client.retryNow();
  for (const end of [() => scene.client.close(), () => scene.socket.end(4504), () => scene.socket.end(4501)]) {
    await scene.goLive();
    end();
    scene.client.retryNow();
    assert.ok(["offline", "signedOut"].includes(scene.client.state));
  }
  assert.equal(scene.network.sockets.length, 3);
});

test("a state says with which close code and reason it came", async () => {
  const scene = await new Scene().goLive();
  scene.socket.end(4002, "slow consumer");
  await scene.waitOut();
  await scene.greet({ resumed: true });
  scene.socket.end(4504, "invalid");
  assert.deepEqual(scene.told.state, [
    { before: "live", after: "waiting", code: 4002, reason: "slow consumer" },
    { before: "waiting", after: "connecting" },
    { before: "connecting", after: "syncing" },
    { before: "syncing", after: "live" },
    { before: "live", after: "offline", code: 4504, reason: "invalid" },
  ]);
});

test("a code that was answered with a new token is not told with a later state", async () => {
  const scene = new Scene({ getToken: () => "second" });
  scene.client.connect();
  await settle();
  scene.socket.end(4401, "token expired");
  await scene.greet({ users: [] });
  assert.deepEqual(
    scene.told.state.map(({ code }) => code),
    [undefined, undefined, undefined],
  );
});

test("it is syncing from the greeting until the last page of the snapshot", async () => {
  const scene = new Scene();
  scene.client.connect();
  await scene.greet({ users: [status(1)], stalls: true });
  assert.deepEqual(scene.takeStates(), ["connecting", "syncing"]);
  assert.equal(scene.client.heartbeat(), true, "commands are sent meanwhile");
  scene.socket.say(snapshot(0, [status(2)]));
  assert.deepEqual(scene.takeStates(), ["live"]);
  assert.equal(scene.client.users.size, 2);
});

test("after a resume it is syncing until the server says that this was all", async () => {
  const scene = await new Scene().goLive({ seq: 7 });
  await scene.loseAndDial();
  await scene.greet({ resumed: true, seq: 9, stalls: true });
  scene.socket.say(update(2, 8));
  assert.equal(scene.client.state, "syncing");
  scene.socket.say({ type: "resume_complete", seq: 9 });
  assert.equal(scene.client.state, "live");
  await scene.loseAndDial();
  assert.equal(scene.socket.query.since, "9");
});

test("a server that falls silent while syncing makes it stale, and an answer makes it syncing again", async () => {
  const scene = new Scene();
  scene.client.connect();
  await scene.greet();
  await scene.clock.advance(31_000);
  scene.answerAll();
  assert.deepEqual(scene.takeStates(), ["connecting", "syncing", "stale", "syncing"]);
});

test("who watches some is live once these have arrived", async () => {
  const scene = new Scene();
  scene.client.subscribe({ userIds: [2] });
  scene.client.connect();
  await scene.greet();
  scene.answerAll();
  assert.equal(scene.client.state, "syncing");
  scene.socket.say(snapshot(0, [status(2)]));
  assert.equal(scene.client.state, "live");
});

test("a choice made while syncing is live once it has arrived, not before", async () => {
  const scene = await new Scene().goLive();
  await scene.loseAndDial();
  await scene.greet({ resumed: true, stalls: true });
  scene.client.subscribe({ userIds: [2] });
  scene.socket.say({ type: "resume_complete", seq: 0 });
  assert.equal(scene.client.state, "syncing");
  scene.answerAll();
  scene.socket.say(snapshot(0, [status(2)]));
  assert.equal(scene.client.state, "live");
});

test("three failures before any greeting say what may be wrong, once", async () => {
  const scene = new Scene();
  scene.client.connect();
  await settle();
  for (let failure = 1; failure <= 9; failure++) {
    scene.socket.end(1006);
    assert.equal(scene.told.error.length, failure < 3 ? 0 : 1);
    await scene.waitOut();
  }
  const [{ code, message }] = scene.told.error;
  assert.equal(code, "UNREACHABLE");
  for (const hint of [/rollcall\.test:8000/, /TLS/, /origin/, /docs\/troubleshooting\.md/]) assert.match(message, hint);
});

test("a server that never answers the handshake is unreachable, too", async () => {
  const scene = new Scene();
  scene.client.connect();
  await scene.clock.advance(60_000);
  assert.deepEqual(
    scene.told.error.map(({ code }) => code),
    ["UNREACHABLE"],
  );
});

test("a server that was reached before, or answers, is not called unreachable", async () => {
  const known = await new Scene().goLive();
  for (let failure = 0; failure < 9; failure++) await known.loseAndDial();
  const full = new Scene();
  full.client.connect();
  await settle();
  for (let failure = 0; failure < 9; failure++) await full.loseAndDial(1013);
  const tokenless = new Scene({ token: undefined, getToken: () => Promise.reject(new Error("no network")) });
  tokenless.client.connect();
  await tokenless.clock.advance(60_000);
  const codes = [known, full, tokenless].flatMap(({ told }) => told.error.map(({ code }) => code));
  assert.deepEqual(new Set(codes), new Set(["TOKEN_ERROR"]));
});

for (const code of [1000, 1001, 1005, 1006, 1011, 1012, 1013, 4000, 4002, 4003, 4499]) {
  test(`on ${code} it waits and comes back`, async () => {
    const scene = await new Scene().goLive();
    scene.socket.end(code);
    assert.deepEqual(scene.takeStates(), ["waiting"]);
    await scene.clock.advance(500);
    assert.deepEqual(scene.takeStates(), ["connecting"]);
    await scene.greet({ resumed: true });
    assert.equal(scene.client.state, "live");
    assert.equal(scene.network.mostOpen, 1);
  });
}

for (const code of [1009, 4502, 4503, 4504, 4999]) {
  test(`on ${code} it stays away until connect() is called again, and says so`, async () => {
    const scene = await new Scene().goLive();
    scene.socket.end(code);
    assert.deepEqual(scene.takeStates(), ["offline"]);
    assert.equal(scene.told.error[0].code, code);
    assert.deepEqual(scene.clock.waits, []);
    await scene.clock.advance(3_600_000);
    assert.equal(scene.network.sockets.length, 1);
    scene.client.connect();
    await scene.greet({ resumed: true });
    assert.equal(scene.client.state, "live");
  });
}

test("on 4501 it is signed out", async () => {
  const scene = await new Scene({ getToken: () => "second" }).goLive();
  scene.socket.end(4501);
  await scene.clock.advance(60_000);
  assert.deepEqual(scene.takeStates(), ["signedOut"]);
  assert.deepEqual([scene.network.sockets.length, scene.clock.waits], [1, []]);
});

test("the delays double from 0.5 s to 20 s, with full jitter", async () => {
  for (const share of [0, 0.25, 0.96875]) {
    const scene = new Scene();
    scene.clock.random = () => share;
    scene.client.connect();
    await settle();
    for (const longest of [500, 1_000, 2_000, 4_000, 8_000, 16_000, 20_000, 20_000]) {
      scene.socket.end(1006);
      assert.deepEqual(scene.clock.waits, [share * longest]);
      await scene.clock.advance(share * longest);
    }
    assert.equal(scene.network.sockets.length, 9);
  }
});

test("after thousands of failures the delay is still at most 20 s", async () => {
  const scene = new Scene();
  scene.client.connect();
  await settle();
  for (let failure = 0; failure < 2_000; failure++) {
    scene.socket.end(1006);
    await scene.waitOut();
  }
  scene.socket.end(1006);
  assert.deepEqual(scene.clock.waits, [10_000]);
});

test("a connection that lasted 5 s starts the delays anew, a shorter one does not", async () => {
  const scene = await new Scene().goLive();
  const lose = async () => {
    scene.socket.end(1006);
    const [wait] = scene.clock.waits;
    await scene.clock.advance(wait);
    await scene.greet({ resumed: true });
    return wait;
  };
  assert.deepEqual([await lose(), await lose(), await lose()], [250, 500, 1_000]);
  await scene.clock.advance(4_999);
  assert.equal(await lose(), 2_000);
  await scene.clock.advance(5_000);
  assert.equal(await lose(), 250);
});

test("a server that drains is come back to after its own delay, whatever the close code", async () => {
  for (const code of [1012, 1006]) {
    const scene = await new Scene().goLive();
    scene.socket.say({ type: "server_draining", reconnect_after_ms: 3_210 });
    assert.equal(scene.client.state, "live");
    scene.socket.end(code);
    assert.deepEqual(scene.clock.waits, [3_210]);
    await scene.clock.advance(3_210);
    scene.socket.end(1006);
    assert.deepEqual(scene.clock.waits, [500], "the delay was for once");
  }
});

test("1012 without a delay backs off like the others", async () => {
  const scene = await new Scene().goLive();
  scene.socket.end(1012);
  assert.deepEqual(scene.clock.waits, [250]);
});

test("close() while connecting leaves no socket and no timer", async () => {
  const scene = new Scene();
  scene.client.connect();
  await settle();
  scene.client.close();
  assert.deepEqual([scene.network.open.length, scene.clock.waits], [0, []]);
  assert.equal(scene.client.state, "offline");
});

test("close() in the tick of connect() dials nothing", async () => {
  const scene = new Scene({ token: undefined, getToken: () => "fresh" });
  scene.client.connect();
  scene.client.close();
  await scene.clock.advance(60_000);
  assert.equal(scene.network.sockets.length, 0);
});

test("close() while waiting ends the waiting", async () => {
  const scene = await new Scene().goLive();
  scene.socket.end(1006);
  scene.client.close();
  await scene.clock.advance(60_000);
  assert.deepEqual([scene.network.sockets.length, scene.clock.waits], [1, []]);
});

test("close() in a listener to any state is the last word", async () => {
  for (const last of ["connecting", "syncing", "live", "stale", "waiting"]) {
    const scene = new Scene();
    scene.client.on("state", ({ after }) => after === last && scene.client.close());
    scene.client.connect();
    await settle();
    if (scene.socket && scene.client.state === "connecting") await scene.greet({ users: [] });
    await scene.clock.advance(30_000);
    if (scene.client.state === "live") scene.socket.end(1006);
    await scene.clock.advance(120_000);
    assert.equal(scene.client.state, "offline", last);
    assert.deepEqual([scene.network.open.length, scene.clock.waits], [0, []], last);
    assert.equal(scene.told.state.at(-1).before, last);
  }
});

test("what a dropped socket still says is nobody's business", async () => {
  const scene = await new Scene().goLive();
  const { onmessage, onclose } = scene.socket;
  assert.ok(onmessage && onclose);
  const old = scene.socket;
  scene.client.close();
  scene.client.connect();
  await scene.greet({ resumed: true });
  old.onmessage?.({ data: JSON.stringify(update(1, 9, BUSY)) });
  old.onclose?.({ code: 4501 });
  assert.equal(scene.client.state, "live");
  assert.equal(scene.client.get(1).is_busy, false);
});

test("a client that was closed connects again, and resumes", async () => {
  const scene = await new Scene().goLive({ epoch: "e7", seq: 40 });
  scene.client.close();
  scene.client.connect();
  await settle();
  assert.deepEqual(scene.socket.query, { epoch: "e7", since: "40" });
  assert.equal(scene.network.mostOpen, 1);
});

test("a platform that cannot dial at all is an error, not an endless attempt", async () => {
  const NoSocket = class {
    constructor() {
      throw new SyntaxError("'bearer.first' is no protocol");
    }
  };
  const scene = new Scene({ WebSocket: NoSocket });
  scene.client.connect();
  await settle();
  assert.deepEqual(scene.takeStates(), ["connecting", "offline"]);
  assert.equal(scene.told.error[0].code, "CONNECT_ERROR");
  assert.doesNotMatch(scene.told.error[0].message, /first/, "a token stands in no error");
  assert.deepEqual(scene.clock.waits, []);
});

test("a socket that refuses to be closed is forgotten all the same", async () => {
  const scene = await new Scene().goLive();
  scene.socket.close = () => {
    throw new Error("INVALID_STATE_ERR");
  };
  scene.client.close();
  assert.equal(scene.client.state, "offline");
});

test("a captive portal that answers HTML to the handshake is waited out", async () => {
  const scene = new Scene();
  scene.client.connect();
  await settle();
  for (let attempt = 0; attempt < 20; attempt++) {
    scene.socket.end(1006);
    assert.equal(scene.client.state, "waiting");
    await scene.waitOut();
  }
  await scene.greet({ users: [status(1)] });
  assert.equal(scene.client.state, "live");
  assert.equal(scene.network.mostOpen, 1);
});

test("what is not the server's is passed over", async () => {
  const junk = ["<html>", "", "null", "5", '"text"', "[]", "{}", '{"type":"constructor"}', '{"type":"__proto__"}'];
  const broken = ['{"type":"snapshot"}', '{"type":"call_status_update"}', '{"type":"user_status_update"}'];
  const scene = new Scene();
  scene.client.connect();
  await settle();
  scene.socket.accept();
  for (const text of [...junk, ...broken]) scene.socket.sayText(text);
  scene.socket.say(update(5, 5));
  assert.equal(scene.client.state, "connecting");
  assert.deepEqual(scene.picture, {}, "nothing counts before the greeting");
  await scene.greet({ users: [status(1)] });
  for (const text of [...junk, ...broken]) scene.socket.sayText(text);
  scene.socket.say({ type: "of_next_year", seq: 3 });
  scene.socket.say({ type: "connection_established", user_id: 9, epoch: "forged", resumed: false });
  assert.equal(scene.client.state, "live");
  assert.equal(scene.client.userId, 1);
  assert.deepEqual(scene.picture, { 1: status(1) });
});

test("an error before the greeting is told", async () => {
  const scene = new Scene();
  scene.client.connect();
  await settle();
  scene.socket.accept();
  scene.socket.say({ type: "error", code: "AUTH_ERROR", message: "Invalid token" });
  scene.socket.end(4500);
  assert.deepEqual(scene.told.error, [{ code: "AUTH_ERROR", message: "Invalid token" }]);
  assert.equal(scene.client.state, "signedOut");
});
