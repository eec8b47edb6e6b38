/** Operators: the dashboard's channel. A cookie authenticates, no subscription is sent, every message is emitted. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Scene, settle, update } from "./fakes.js";

const options = { token: undefined, channel: "operators" };

async function onDuty(rest) {
  const scene = new Scene({ ...options, ...rest });
  scene.messages = [];
  scene.client.on("message", (message) => scene.messages.push(message));
  scene.client.connect();
  await settle();
  scene.socket.accept();
  scene.socket.say({ type: "connection_established", operator: "maya", epoch: "e1", seq: 4, resumed: false });
  await settle();
  return scene;
}

test("the operators' socket carries no token, asks for none and resumes nothing", async () => {
  let asked = 0;
  const scene = await onDuty({ getToken: () => asked++ });
  assert.equal(scene.socket.url, "ws://rollcall.test:8000/ws/operators");
  assert.deepEqual([scene.socket.protocols, asked], [["rollcall.v1"], 0]);
  assert.equal(scene.client.state, "live");
});

test("an operator's client subscribes to nothing", async () => {
  const scene = await onDuty();
  await scene.clock.advance(10_000);
  assert.deepEqual(scene.socket.sent, []);
});

test("every message is told as it came, also of types that are not the client's", async () => {
  const scene = await onDuty();
  scene.socket.say({ type: "overview", seq: 4, users: [] });
  scene.socket.say({ type: "overview_update", seq: 5 });
  assert.deepEqual(
    scene.messages.map(({ type }) => type),
    ["connection_established", "overview", "overview_update"],
  );
  assert.deepEqual(scene.messages[2], { type: "overview_update", seq: 5 });
});

test("what is not the server's is not told", async () => {
  const scene = await onDuty();
  for (const text of ["<html>", "null", "5", "[]", "{}"]) scene.socket.sayText(text);
  assert.equal(scene.messages.length, 1);
});

test("messages are told on the other channels too, when the picture has them", async () => {
  const scene = await new Scene().goLive();
  const seen = [];
  scene.client.on("message", ({ user_id: userId }) => seen.push(scene.client.get(userId).username));
  scene.socket.say(update(2, 1));
  assert.deepEqual(seen, ["user 2"]);
});

test("a sign-in that has ended is signed out, and nothing is tried again", async () => {
  const scene = await onDuty();
  scene.socket.say({ type: "error", code: "AUTH_ERROR", message: "Sign in" });
  scene.socket.end(4401);
  await scene.clock.advance(120_000);
  assert.equal(scene.client.state, "signedOut");
  assert.deepEqual([scene.network.sockets.length, scene.clock.waits], [1, []]);
});

test("connect() after that dials again with whatever cookie there is now", async () => {
  const scene = await onDuty();
  scene.socket.end(4401);
  scene.client.connect();
  await settle();
  assert.deepEqual([scene.client.state, scene.network.sockets.length], ["connecting", 2]);
});

test("a restart is come back from after the server's own delay, and the client says when", async () => {
  const scene = await onDuty();
  scene.socket.say({ type: "server_draining", reconnect_after_ms: 3_210 });
  scene.socket.end(1012);
  assert.equal(scene.client.retryAt, scene.clock.now + 3_210);
  await scene.clock.advance(3_210);
  assert.equal(scene.network.sockets.length, 2);
});

test("a silent server is asked, doubted and left", async () => {
  const scene = await onDuty();
  await scene.clock.advance(25_000);
  assert.equal(scene.socket.commands("ping").length, 1);
  await scene.clock.advance(5_000);
  assert.equal(scene.client.state, "stale");
  await scene.clock.advance(5_000);
  assert.equal(scene.client.state, "waiting");
});
