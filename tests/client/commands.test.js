/** Commands: sent within the rate that the server allows, and sent again when it refused them for their rate. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { FakeNetwork, FakeClock, Scene, settle } from "./fakes.js";

const RATE_ERROR = { type: "error", code: "RATE_LIMIT_ERROR", message: "Rate limit exceeded" };
const types = (scene) => scene.socket.sent.map(({ type }) => type);

async function live(greeting) {
  const scene = await new Scene().goLive(greeting);
  for (let second = 0; second < 20; second++) {
    await scene.clock.advance(1_000);
    scene.answerAll();
  }
  return scene;
}

test("commands beyond the server's burst are sent at the server's rate, in their order", async () => {
  const scene = await live({ command_burst: 5, commands_per_second: 4 });
  const sent = Array.from({ length: 9 }, () => scene.client.heartbeat());
  assert.ok(sent.every(Boolean));
  assert.equal(scene.socket.sent.length, 5);
  await scene.clock.advance(250);
  assert.equal(scene.socket.sent.length, 6);
  scene.client.send({ type: "unsubscribe", subscription: "stats" });
  await scene.clock.advance(1_000);
  assert.deepEqual(types(scene), [...Array(9).fill("heartbeat"), "unsubscribe"]);
});

test("an older server that does not say its rate allows 20 at once and 2 a second", async () => {
  const scene = await live();
  for (let count = 0; count < 30; count++) scene.client.heartbeat();
  assert.equal(scene.socket.sent.length, 20);
  await scene.clock.advance(1_000);
  assert.equal(scene.socket.sent.length, 22);
});

test("at most 100 commands wait, and further ones are not taken", async () => {
  const scene = await live({ command_burst: 1, commands_per_second: 1 });
  const taken = Array.from({ length: 200 }, () => scene.client.heartbeat()).filter(Boolean);
  assert.equal(taken.length, 101);
  const ping = scene.client.ping();
  await assert.rejects(ping, /not connected|too many/);
});

test("a round trip does not count the time for which its ping waited", async () => {
  const scene = await live({ command_burst: 1, commands_per_second: 1 });
  scene.client.heartbeat();
  const ping = scene.client.ping();
  await scene.clock.advance(1_000);
  await scene.clock.advance(30);
  scene.answerAll();
  assert.equal(await ping, 30);
});

test("a refusal for rate is no error of the app's, and the command is sent again", async () => {
  const scene = await live();
  scene.client.heartbeat();
  const ping = scene.client.ping();
  scene.socket.sent.length = 0;
  scene.socket.say(RATE_ERROR);
  await scene.clock.advance(999);
  assert.deepEqual(scene.socket.sent, []);
  await scene.clock.advance(1_501);
  assert.deepEqual(types(scene), ["heartbeat", "ping"]);
  await scene.clock.advance(10);
  scene.answerAll();
  assert.ok((await ping) < 600);
  assert.deepEqual(scene.told.error, []);
  await scene.clock.advance(20_000);
  assert.deepEqual(scene.socket.sent, []);
});

test("commands that were answered, or refused for another reason, are not sent again", async () => {
  const scene = await live();
  scene.client.heartbeat();
  scene.client.send({ type: "unsubscribe", subscription: "stats" });
  scene.socket.say({ type: "heartbeat_ack" });
  scene.socket.say({ type: "unsubscription_confirmed", subscription: "stats" });
  scene.client.send({ type: "shout" });
  scene.socket.say({ type: "error", code: "INVALID_MESSAGE_ERROR", message: "Invalid message format" });
  scene.client.ping().catch(() => {});
  scene.socket.sent.length = 0;
  scene.socket.say(RATE_ERROR);
  await scene.clock.advance(5_000);
  assert.deepEqual(types(scene), ["ping"]);
  assert.equal(scene.told.error.length, 1);
});

test("a new token that was refused for its rate is sent again", async () => {
  const scene = new Scene({ getToken: () => "second" });
  await scene.goLive();
  scene.socket.say({ type: "token_expiring" });
  await settle();
  scene.socket.say(RATE_ERROR);
  await scene.clock.advance(2_000);
  assert.deepEqual(scene.socket.commands("refresh"), Array(2).fill({ type: "refresh", token: "second" }));
});

test("what waits for a lost connection is not sent on the next one", async () => {
  const scene = await live({ command_burst: 1, commands_per_second: 1 });
  scene.client.heartbeat();
  scene.client.heartbeat();
  const ping = scene.client.ping();
  await scene.loseAndDial();
  await assert.rejects(ping, /connection lost/);
  await scene.greet({ resumed: true });
  await scene.clock.advance(5_000);
  assert.deepEqual(scene.socket.commands("heartbeat"), []);
});

/** A server's bucket of one user, over all sockets: a burst of 20, then 2 a second, and one error a second. */
class Bucket {
  left = 20;
  refused = 0;
  #takenAt = 0;

  constructor(clock) {
    this.clock = clock;
  }

  take() {
    this.left = Math.min(20, this.left + ((this.clock.now - this.#takenAt) * 2) / 1_000);
    this.#takenAt = this.clock.now;
    if (this.left < 1) return void this.refused++;
    return this.left--;
  }

  /** Answer each command on the socket as the server does. */
  serve(socket) {
    let lastError = 0;
    socket.onsent = ({ type, subscription, timestamp }) =>
      this.clock.after(20, () => {
        if (!this.take()) {
          if (this.clock.now - lastError < 1_000) return;
          lastError = this.clock.now;
          return socket.say(RATE_ERROR);
        }
        if (type === "ping") socket.say({ type: "pong", timestamp });
        if (type === "subscribe") socket.say({ type: "subscription_confirmed", subscription });
        if (type === "heartbeat") socket.say({ type: "heartbeat_ack" });
      });
  }
}

test("ten tabs that are restored at once all get everything through, and no app hears of it", async () => {
  const clock = new FakeClock();
  const network = new FakeNetwork();
  const bucket = new Bucket(clock);
  let dice = 0;
  clock.random = () => (dice = (dice * 7 + 0.37) % 1);
  network.ondial = (socket) => bucket.serve(socket);
  const options = { WebSocket: network.WebSocket, timers: clock.forClient };
  const tabs = Array.from({ length: 10 }, () => new Scene(options));
  for (const { client } of tabs) client.connect();
  await settle();
  for (const socket of network.sockets) {
    socket.accept();
    socket.say({ type: "connection_established", user_id: 1, epoch: "e1", seq: 0, resumed: false });
  }
  const heard = tabs.map(({ client }) => (client.heartbeat(), client.subscribe({ userIds: [2] }), client.ping()));
  await clock.advance(60_000);
  assert.ok(bucket.refused > 0, "the bucket was too small for all at once");
  assert.equal((await Promise.all(heard)).length, 10);
  for (const { told } of tabs) assert.deepEqual(told.error, []);
  for (const socket of network.sockets) {
    const kinds = socket.sent.map(({ subscription, type }) => subscription ?? type);
    assert.ok(["calls", "ping", "heartbeat", "feed"].every((kind) => kinds.includes(kind)));
  }
  assert.ok(bucket.refused < 100, `${bucket.refused} refused`);
});
