/** Testing: the fake client for apps' tests has the client's names, tells what the test sets, and works with the hooks. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { FakeRollcall, fakeStatus } from "../../static/rollcall-testing.js";
import { Rollcall } from "../../static/rollcall.js";
import { App } from "./app.js";
import { call, settle } from "./fakes.js";

globalThis.IS_REACT_ACT_ENVIRONMENT = true;

let hooks, act, create, createElement;

before(async () => {
  const app = new App({ after });
  hooks = await app.import("./rollcall-react.js");
  ({ act, createElement } = await app.import("react"));
  ({ create } = await app.import("react-test-renderer"));
});

test("the fake has every public name of the client", () => {
  const names = (client, type) => [...Object.getOwnPropertyNames(type.prototype), ...Object.keys(client)];
  const fake = new Set(names(new FakeRollcall(), FakeRollcall));
  const missing = names(new Rollcall({ url: "ws://rollcall.test" }), Rollcall).filter((name) => !fake.has(name));
  assert.deepEqual(missing, []);
});

test("a status is available unless the test says otherwise", () => {
  assert.equal(fakeStatus(2).is_available, true);
  assert.equal(fakeStatus(2, { is_busy: true }).is_available, false);
  assert.equal(fakeStatus(2, { is_online: false, username: "bob" }).is_available, false);
});

test("what the test sets is told as the client tells it", () => {
  const client = new FakeRollcall({ users: [fakeStatus(2)] });
  const told = [];
  for (const event of ["state", "change", "stats", "call", "error"]) {
    client.on(event, (value) => told.push([event, value]));
  }
  const [free, busy] = [fakeStatus(2), fakeStatus(2, { is_busy: true })];
  client.setUser(busy, "call_started");
  client.removeUser(2);
  client.setState("waiting", { code: 1006, reason: "" });
  client.setState("waiting");
  client.setStats({ online: 1 });
  client.setCall(call("c1").call);
  client.setCall(call("c1", { status: "completed" }).call);
  client.fail("TOKEN_ERROR", "no network");
  assert.deepEqual(told, [
    ["change", { userId: 2, before: free, after: busy, reason: "call_started" }],
    ["change", { userId: 2, before: busy, after: undefined, reason: "removed" }],
    ["state", { before: "live", after: "waiting", code: 1006, reason: "" }],
    ["stats", { online: 1 }],
    ["call", { before: undefined, after: call("c1").call }],
    ["call", { before: call("c1").call, after: call("c1", { status: "completed" }).call }],
    ["error", { code: "TOKEN_ERROR", message: "no network" }],
  ]);
  assert.equal(client.calls.size, 0);
});

test("what the app does can be checked", async () => {
  const client = new FakeRollcall();
  client.connect();
  client.subscribe({ userIds: new Set([2]) });
  client.subscribe();
  assert.equal(client.heartbeat(), true);
  assert.equal(await client.ping(), 1);
  client.setState("waiting");
  client.retryNow();
  assert.equal(client.heartbeat(), false);
  await assert.rejects(client.ping(), /not connected/);
  client.close();
  assert.deepEqual(client.called, ["connect", "retryNow", "close"]);
  assert.deepEqual(client.sent, [
    { type: "subscribe", user_ids: [2] },
    { type: "subscribe" },
    { type: "heartbeat" },
    { type: "ping" },
  ]);
});

test("changes can be iterated until close()", async () => {
  const client = new FakeRollcall();
  const seen = [];
  const reading = (async () => {
    for await (const { userId } of client) seen.push(userId);
  })();
  client.setUser(fakeStatus(2));
  client.setUser(fakeStatus(3));
  await settle();
  client.setUser(fakeStatus(4));
  client.close();
  await reading;
  assert.deepEqual(seen, [2, 3, 4]);
});

test("hooks show what the test sets", async (test) => {
  const client = new FakeRollcall({ users: [fakeStatus(2, { username: "bob" })] });
  const Team = () => {
    const { isLive } = hooks.useConnection();
    const bob = hooks.useStatus(2);
    return `${bob?.username} ${bob?.is_busy ? "busy" : "free"} ${isLive}`;
  };
  let root;
  const tree = createElement(hooks.RollcallProvider, { client }, createElement(Team));
  await act(async () => (root = create(tree)));
  test.after(() => act(async () => root.unmount()));
  assert.equal(root.toJSON(), "bob free true");
  await act(async () => client.setUser(fakeStatus(2, { username: "bob", is_busy: true })));
  await act(async () => client.setState("waiting"));
  assert.equal(root.toJSON(), "bob busy false");
});
