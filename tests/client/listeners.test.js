/** Listeners and iteration: order, errors in the app's code, and limits. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { App } from "./app.js";
import { BUSY, OFFLINE, Scene, settle, snapshot, status, update } from "./fakes.js";

/** Collect the uncaught errors of the app's code during a test. */
function reported(test) {
  const errors = [];
  const before = process.listeners("uncaughtException");
  process.removeAllListeners("uncaughtException");
  process.on("uncaughtException", (error) => errors.push(error.message));
  test.after(() => {
    process.removeAllListeners("uncaughtException");
    for (const listener of before) process.on("uncaughtException", listener);
  });
  return errors;
}

test("off, and what on returns, end the listening", async () => {
  const scene = await new Scene().goLive();
  const heard = [];
  const listen = ({ userId }) => heard.push(userId);
  const stop = scene.client.on("change", listen);
  scene.socket.say(update(2, 1));
  stop();
  stop();
  scene.socket.say(update(3, 2));
  scene.client.on("change", listen);
  scene.client.on("change", listen);
  scene.socket.say(update(4, 3));
  scene.client.off("change", listen);
  scene.client.off("change", listen);
  scene.client.off("nothing", listen);
  scene.socket.say(update(5, 4));
  assert.deepEqual(heard, [2, 4]);
});

test("a listener that throws is reported, and stops neither the others nor the client", async (test) => {
  const errors = reported(test);
  const scene = new Scene();
  const heard = [];
  for (const event of ["state", "change"]) {
    scene.client.on(event, () => {
      throw new Error(`the app's, in ${event}`);
    });
  }
  scene.client.on("change", ({ userId }) => heard.push(userId));
  scene.client.connect();
  await scene.greet({ users: [status(1), status(2)] });
  await new Promise(setImmediate);
  assert.equal(scene.client.state, "live");
  assert.deepEqual(heard, [1, 2]);
  assert.deepEqual(new Set(errors), new Set(["the app's, in state", "the app's, in change"]));
});

test("a listener that ends another one is obeyed at once", async () => {
  const scene = await new Scene().goLive();
  const heard = [];
  scene.client.on("change", () => stop());
  const stop = scene.client.on("change", () => heard.push("ended"));
  scene.socket.say(update(2, 1));
  assert.deepEqual(heard, []);
});

test("a listener that is added while others are told hears the next event first", async () => {
  const scene = await new Scene().goLive();
  const heard = [];
  scene.client.on("change", () => scene.client.on("change", ({ userId }) => heard.push(userId)));
  scene.socket.say(update(2, 1));
  assert.deepEqual(heard, []);
});

test("every listener hears of states in the order in which they were", async () => {
  const scene = await new Scene().goLive();
  const heard = [];
  scene.client.on("state", ({ after }) => after === "waiting" && scene.client.close());
  scene.client.on("state", ({ after }) => heard.push(after));
  scene.socket.end(1006);
  assert.deepEqual(heard, ["waiting", "offline"]);
});

test("an iteration gives changes as they come, and ends by close()", async () => {
  const scene = await new Scene().goLive();
  const seen = [];
  const reading = (async () => {
    for await (const { userId, after } of scene.client) seen.push([userId, after.is_online]);
  })();
  scene.socket.say(update(2, 1));
  await settle();
  assert.deepEqual(seen, [[2, true]]);
  scene.socket.say(update(3, 2));
  scene.socket.say(update(2, 3, OFFLINE));
  await settle();
  scene.client.close();
  await reading;
  assert.deepEqual(seen, [
    [2, true],
    [3, true],
    [2, false],
  ]);
});

test("an iteration outlives lost connections, and a server that sends it away", async () => {
  const scene = await new Scene().goLive();
  const reading = scene.client[Symbol.asyncIterator]().next();
  scene.socket.end(4503);
  scene.client.connect();
  await scene.greet({ resumed: true });
  scene.socket.say(update(2, 9));
  assert.equal((await reading).value.userId, 2);
});

test("close() ends an iteration also of a client that was sent away", async () => {
  const scene = await new Scene().goLive();
  const reading = scene.client[Symbol.asyncIterator]().next();
  scene.socket.end(4503);
  scene.client.close();
  assert.deepEqual(await reading, { value: undefined, done: true });
});

test("of each user the latest change waits for a slow reader, in the order of the changes", async () => {
  const scene = await new Scene().goLive();
  const changes = scene.client[Symbol.asyncIterator]();
  scene.socket.say(update(2, 1));
  scene.socket.say(update(3, 2));
  for (let seq = 3; seq < 1_000; seq++) scene.socket.say(update(2, seq, seq % 2 ? BUSY : OFFLINE));
  const read = [(await changes.next()).value, (await changes.next()).value];
  assert.deepEqual(
    read.map(({ userId, after }) => [userId, after.is_busy]),
    [
      [3, false],
      [2, true],
    ],
  );
});

test("at most 10,000 changes wait", async () => {
  const scene = await new Scene().goLive({ users: [] });
  const changes = scene.client[Symbol.asyncIterator]();
  scene.socket.say(
    snapshot(
      1,
      Array.from({ length: 10_005 }, (_, index) => status(index + 1)),
    ),
  );
  assert.equal((await changes.next()).value.userId, 6);
  let left = 0;
  scene.client.close();
  for await (const change of changes) left += change.userId > 0;
  assert.equal(left, 9_999);
});

test("what came before close() is still read after it", async () => {
  const scene = await new Scene().goLive();
  const changes = scene.client[Symbol.asyncIterator]();
  scene.socket.say(update(2, 1));
  scene.client.close();
  assert.equal((await changes.next()).value.userId, 2);
  assert.equal((await changes.next()).done, true);
});

test("a loop that is left listens no more, and return() ends a read that waits", async () => {
  const scene = await new Scene().goLive();
  const reading = (async () => {
    for await (const { userId } of scene.client) if (userId === 2) return "left";
  })();
  scene.socket.say(update(2, 1));
  assert.equal(await reading, "left");
  const changes = scene.client[Symbol.asyncIterator]();
  const pending = [changes.next(), changes.next()];
  assert.deepEqual(await changes.return(), { value: undefined, done: true });
  for (const each of pending) assert.equal((await each).done, true);
  assert.equal((await changes.next()).done, true);
});

test("a client that is not connecting has nothing to iterate", async () => {
  const scene = new Scene();
  for await (const change of scene.client) assert.fail(change);
  await scene.goLive();
  scene.client.close();
  for await (const change of scene.client) assert.fail(change);
});

test("Vue's reactive objects hold the client itself", async (test) => {
  const { reactive, ref } = await new App(test).import("@vue/reactivity");
  const { client } = await new Scene().goLive();
  assert.equal(reactive(client), client);
  assert.equal(ref(client).value, client);
  assert.equal(reactive({ store: { client } }).store.client, client);
  assert.equal(reactive({ client }).client.state, "live");
});

test("a proxy around the client is refused with an error that says what to do", () => {
  const proxy = new Proxy(new Scene().client, {});
  for (const call of [() => proxy.connect(), () => proxy.on("change", () => {})]) assert.throws(call, /proxy.*markRaw/);
});
