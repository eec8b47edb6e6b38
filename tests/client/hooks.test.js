/** Hooks: they return the client's state, and a component renders only when its data has changed. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";

import { App } from "./app.js";
import { BUSY, OFFLINE, Scene, settle, snapshot, status, update } from "./fakes.js";

globalThis.IS_REACT_ACT_ENVIRONMENT = true;

let hooks, act, create, createElement, Activity, StrictMode, useEffect, useState, renderToString;

before(async () => {
  const app = new App({ after });
  hooks = await app.import("./rollcall-react.js");
  ({ act, Activity, createElement, StrictMode, useEffect, useState } = await app.import("react"));
  ({ renderToString } = await app.import("react-dom/server"));
  ({ create } = await app.import("react-test-renderer"));
});

/** A component around one hook, which records the hook's result at each rendering. */
class Shown {
  values = [];

  constructor(hook, ...words) {
    this.words = words;
    this.component = () => {
      this.values.push(hook(...this.words));
      return null;
    };
  }

  get last() {
    return this.values.at(-1);
  }

  get renderings() {
    return this.values.length;
  }
}

/** Render components below a provider of the scene's client. */
async function show(test, client, ...shown) {
  const tree = () =>
    createElement(
      hooks.RollcallProvider,
      { client },
      ...shown.map(({ component }, index) => createElement(component, { key: index })),
    );
  let root;
  await act(async () => (root = create(tree())));
  test.after(() => act(async () => root.unmount()));
  return { again: () => act(async () => root.update(tree())), leave: () => act(async () => root.unmount()) };
}

test("useStatus shows one user, and renders for nobody else's changes", async (test) => {
  const scene = await new Scene().goLive({ users: [status(1), status(2), status(3)] });
  const [two, three, nobody] = [2, 3, 99].map((id) => new Shown(hooks.useStatus, id));
  await show(test, scene.client, two, three, nobody);
  assert.deepEqual([two.last, nobody.last], [status(2), undefined]);
  await act(async () => scene.socket.say(update(2, 1, BUSY)));
  assert.deepEqual(two.last, status(2, BUSY));
  assert.deepEqual([two.renderings, three.renderings, nobody.renderings], [2, 1, 1]);
  await act(async () => scene.socket.say(snapshot(1, [status(1), status(2, BUSY), status(3)])));
  assert.equal(two.renderings, 2, "a snapshot that says the same renders nothing");
  await act(async () => scene.socket.say(snapshot(2, [status(99)])));
  assert.deepEqual([two.last, nobody.last], [undefined, status(99)]);
});

test("useStatus follows its user id", async (test) => {
  const scene = await new Scene().goLive({ users: [status(1), status(2)] });
  const shown = new Shown(hooks.useStatus, 1);
  const screen = await show(test, scene.client, shown);
  shown.words = [2];
  await screen.again();
  await act(async () => scene.socket.say(update(2, 1, BUSY)));
  assert.deepEqual(shown.last, status(2, BUSY));
  const { renderings } = shown;
  await act(async () => scene.socket.say(update(1, 2, BUSY)));
  assert.equal(shown.renderings, renderings);
});

test("usePresence shows some users as one value that stays until one of them changes", async (test) => {
  const scene = await new Scene().goLive({ users: [status(1), status(2), status(3)] });
  const shown = new Shown((ids) => hooks.usePresence([...ids]), [2, 3, 99, 3]);
  const screen = await show(test, scene.client, shown);
  assert.deepEqual(
    [...shown.last],
    [
      [2, status(2)],
      [3, status(3)],
    ],
  );
  await screen.again();
  assert.equal(shown.values[1], shown.values[0], "an array made anew is no new question");
  await act(async () => scene.socket.say(update(1, 1, BUSY)));
  assert.equal(shown.renderings, 2);
  await act(async () => scene.socket.say(update(3, 2, OFFLINE)));
  assert.equal(shown.last.get(3).is_online, false);
  assert.equal(shown.renderings, 3);
  shown.words = [[]];
  await screen.again();
  assert.equal(shown.last.size, 0);
});

test("useFeed shows everyone and the figures, with one rendering for a snapshot of thousands", async (test) => {
  const scene = new Scene();
  scene.client.connect();
  await scene.greet();
  const shown = new Shown(hooks.useFeed);
  await show(test, scene.client, shown);
  const before = shown.renderings;
  const everyone = Array.from({ length: 5_000 }, (_, index) => status(index + 1));
  await act(async () => scene.socket.say(snapshot(1, everyone)));
  assert.deepEqual([shown.last.users.length, shown.renderings], [5_000, before + 1]);
  const stats = { total_users: 5_000, online: 1, available: 1, busy: 0, ongoing_calls: 0 };
  await act(async () => scene.socket.say({ type: "feed_stats", stats, seq: 2 }));
  assert.deepEqual(shown.last.stats, stats);
  await act(async () => scene.socket.say(update(7, 3)));
  assert.equal(shown.renderings, before + 2);
});

test("useConnection shows the state, and the error until it is live again", async (test) => {
  const scene = new Scene();
  const shown = new Shown(hooks.useConnection);
  await show(test, scene.client, shown);
  assert.deepEqual(shown.last, { state: "offline", isLive: false, error: null });
  await act(async () => scene.client.connect());
  await act(() => scene.greet({ users: [] }));
  assert.deepEqual(shown.last, { state: "live", isLive: true, error: null });
  const { renderings } = shown;
  await act(async () => scene.socket.say(update(2, 1)));
  assert.equal(shown.renderings, renderings);
  await act(async () => scene.socket.end(4503));
  assert.deepEqual([shown.last.state, shown.last.error.code], ["offline", 4503]);
  await act(async () => scene.client.connect());
  await act(() => scene.greet({ resumed: true }));
  assert.deepEqual(shown.last, { state: "live", isLive: true, error: null });
});

test("hooks that left listen no more, and see what they missed when they are back", async (test) => {
  const scene = await new Scene().goLive({ users: [status(1)] });
  let listening = 0;
  const { on } = scene.client;
  scene.client.on = (...words) => {
    const stop = on.apply(scene.client, words);
    listening++;
    return () => (listening--, stop());
  };
  const all = () => [hooks.useFeed, hooks.useConnection, () => hooks.useStatus(1), () => hooks.usePresence([1, 2])];
  const screen = await show(test, scene.client, ...all().map((hook) => new Shown(hook)));
  assert.equal(listening, 4, "one listener of a kind, however many hooks");
  await screen.leave();
  assert.equal(listening, 0);
  scene.socket.say(update(2, 1));
  const feed = new Shown(hooks.useFeed);
  await show(test, scene.client, feed);
  assert.equal(feed.last.users.length, 2);
});

test("hooks without a provider say what is missing", async () => {
  const { component } = new Shown(hooks.useFeed);
  await assert.rejects(async () => act(async () => create(createElement(component))), /RollcallProvider/);
});

/** Render a component around one of the two hooks that existing apps use, on a fake network. */
async function showSocket(test, hook, token = "first", wrap = (element) => element) {
  const scene = new Scene();
  const { WebSocket } = scene.network;
  hooks.configureServer({ url: "ws://localhost:8000", WebSocket, timers: scene.clock.forClient });
  const shown = new Shown(hook, token);
  let root;
  const tree = () => wrap(createElement(shown.component));
  await act(async () => (root = create(tree())));
  const leave = () => act(async () => root.unmount());
  test.after(leave);
  return { scene, shown, again: () => act(async () => root.update(tree())), leave };
}

test("useFeedWebSocket connects, collects updates, and pings as its namesake did", async (test) => {
  const { scene, shown, leave } = await showSocket(test, hooks.useFeedWebSocket);
  assert.deepEqual([shown.last.isConnected, shown.last.connectionError, shown.last.statusUpdates], [false, null, []]);
  assert.match(scene.socket.url, /^ws:\/\/localhost:8000\/ws\/feed/);
  await act(() => scene.greet({ users: [status(1), status(2)] }));
  assert.equal(shown.last.isConnected, true);
  await act(async () => scene.socket.say(update(2, 1, BUSY, "call_started")));
  assert.deepEqual(
    shown.last.statusUpdates.map(({ type, user_id: id, status: { is_busy: busy } }) => [type, id, busy]),
    [
      ["user_status_update", 1, false],
      ["user_status_update", 2, true],
    ],
  );
  scene.socket.sent.length = 0;
  shown.last.ping();
  shown.last.sendMessage({ type: "heartbeat" });
  assert.deepEqual(
    scene.socket.sent.map(({ type }) => type),
    ["ping", "heartbeat"],
  );
  await leave();
  assert.deepEqual([scene.socket.leftWith, scene.clock.waits], [1000, []]);
});

test("useFeedWebSocket comes back by itself, and says what is wrong meanwhile", async (test) => {
  const { scene, shown } = await showSocket(test, hooks.useFeedWebSocket);
  await act(() => scene.greet({ users: [] }));
  await act(async () => scene.socket.say({ type: "error", code: "SERVER_ERROR", message: "Something went wrong" }));
  assert.equal(shown.last.connectionError, "Something went wrong");
  await act(async () => scene.socket.end(1006));
  assert.deepEqual([shown.last.isConnected, shown.last.connectionError], [false, "WebSocket connection error"]);
  await act(() => scene.waitOut());
  await act(() => scene.greet({ resumed: true }));
  assert.deepEqual([shown.last.isConnected, shown.last.connectionError], [true, null]);
});

test("useFeedWebSocket disconnects and connects when told, by functions that stay the same", async (test) => {
  const { scene, shown } = await showSocket(test, hooks.useFeedWebSocket);
  await act(() => scene.greet({ users: [] }));
  await act(async () => shown.last.disconnect());
  assert.deepEqual([shown.last.isConnected, scene.socket.leftWith], [false, 1000]);
  shown.last.sendMessage({ type: "ping" });
  await act(async () => shown.last.connect());
  await act(() => scene.greet({ resumed: true }));
  assert.equal(shown.last.isConnected, true);
  for (const name of ["connect", "disconnect", "sendMessage", "ping"]) {
    assert.equal(shown.last[name], shown.values[0][name]);
  }
  assert.equal(scene.network.mostOpen, 1);
});

test("the arrays keep the latest 500 updates", async (test) => {
  for (const [hook, name] of [
    [hooks.useFeedWebSocket, "statusUpdates"],
    [hooks.usePresenceWebSocket, "presenceUpdates"],
  ]) {
    const { scene, shown } = await showSocket(test, hook);
    await act(() => scene.greet({ users: [] }));
    await act(async () => {
      for (let seq = 1; seq <= 1_200; seq++) scene.socket.say(update(seq, seq));
    });
    const updates = shown.last[name];
    assert.deepEqual([updates.length, updates.at(-1).user_id], [500, 1_200]);
  }
});

test("another token is another connection, and no token is none", async (test) => {
  const { scene, shown, again } = await showSocket(test, hooks.usePresenceWebSocket, null);
  assert.equal(scene.network.sockets.length, 0);
  for (const token of ["first", "second"]) {
    shown.words = [token];
    await again();
    await act(() => scene.greet({ users: [] }));
    assert.deepEqual([shown.last.isConnected, scene.socket.protocols[1]], [true, `bearer.${token}`]);
  }
  assert.match(scene.socket.url, /\/ws\/presence/);
  assert.deepEqual([scene.network.mostOpen, scene.network.open.length], [1, 1]);
});

test("React's strict mode, which runs effects twice, leaves one connection", async (test) => {
  const strict = (element) => createElement(StrictMode, null, element);
  const { scene, leave } = await showSocket(test, hooks.useFeedWebSocket, "first", strict);
  await settle();
  assert.deepEqual([scene.network.open.length, scene.network.mostOpen], [1, 1]);
  await leave();
  assert.deepEqual([scene.network.open.length, scene.clock.waits], [0, []]);
});

test("an error that the connection survives is shown for 10 s, one that ended it until it is live again", async (test) => {
  test.mock.timers.enable({ apis: ["setTimeout"] });
  const scene = await new Scene().goLive();
  const shown = new Shown(hooks.useConnection);
  await show(test, scene.client, shown);
  await act(async () => scene.socket.say({ type: "error", code: "SERVER_ERROR", message: "Something went wrong" }));
  await act(async () => test.mock.timers.tick(9_999));
  assert.equal(shown.last.error.code, "SERVER_ERROR");
  await act(async () => test.mock.timers.tick(1));
  assert.deepEqual(shown.last, { state: "live", isLive: true, error: null });
  await act(async () => scene.socket.end(4504));
  await act(async () => test.mock.timers.tick(3_600_000));
  assert.deepEqual([shown.last.state, shown.last.error.code], ["offline", 4504]);
});

test("a component that shows again does not show an old error", async (test) => {
  const scene = await new Scene().goLive();
  const before = await show(test, scene.client, new Shown(hooks.useConnection));
  await act(async () => scene.socket.say({ type: "error", code: "SERVER_ERROR", message: "Something went wrong" }));
  await before.leave();
  const shown = new Shown(hooks.useConnection);
  await show(test, scene.client, shown);
  assert.equal(shown.last.error, null);
});

/** A component around all hooks, which renders their values as text. */
function AllHooks() {
  const { users, stats } = hooks.useFeed();
  const { state, isLive, error } = hooks.useConnection();
  const one = hooks.useStatus(1);
  const some = hooks.usePresence([1, 2]);
  return JSON.stringify({
    users: users.length,
    stats,
    state,
    isLive,
    error,
    one: one?.username ?? null,
    some: some.size,
  });
}

test("a server renders no users, whatever its client knows, and the same each time", async (test) => {
  const scene = new Scene();
  const render = () => {
    const tree = createElement(hooks.RollcallProvider, { client: scene.client }, createElement(AllHooks));
    return JSON.parse(renderToString(tree).replaceAll("&quot;", '"'));
  };
  const nothing = { users: 0, stats: null, state: "offline", isLive: false, error: null, one: null, some: 0 };
  assert.deepEqual(render(), nothing);
  await scene.goLive({ users: [status(1), status(2)] });
  assert.deepEqual(render(), nothing);
  let root;
  const tree = createElement(hooks.RollcallProvider, { client: scene.client }, createElement(AllHooks));
  await act(async () => (root = create(tree)));
  test.after(() => act(async () => root.unmount()));
  assert.equal(JSON.parse(root.toJSON()).users, 2);
});

test("the hooks' module is marked as one for the browser", () => {
  assert.match(readFileSync(new URL("../../static/rollcall-react.js", import.meta.url), "utf8"), /^"use client";/);
});

/** The provider that docs/client.md shows: a component that makes the client, connects it, and closes it. */
function documentedProvider(scene, made) {
  return function Provider({ children }) {
    const [client] = useState(() => (made.push(scene.client), scene.client));
    useEffect(() => {
      client.connect();
      return () => client.close();
    }, [client]);
    return createElement(hooks.RollcallProvider, { client }, children);
  };
}

test("the documented provider leaves one connection in strict mode, and resumes after a hot reload", async (test) => {
  const scene = new Scene();
  const shown = new Shown(hooks.useConnection);
  const Provider = documentedProvider(scene, []);
  // A hot reload runs all effects again and keeps the state: so does a tree that was hidden and is shown again.
  const tree = (mode) =>
    createElement(
      StrictMode,
      null,
      createElement(Activity, { mode }, createElement(Provider, null, createElement(shown.component))),
    );
  let root;
  await act(async () => (root = create(tree("visible"))));
  test.after(() => act(async () => root.unmount()));
  await settle();
  assert.deepEqual([scene.network.open.length, scene.network.mostOpen], [1, 1]);
  await act(() => scene.greet({ seq: 7, users: [status(1)] }));
  await act(async () => root.update(tree("hidden")));
  await act(async () => root.update(tree("visible")));
  await settle();
  assert.deepEqual(scene.socket.query, { epoch: "e1", since: "7" });
  await act(() => scene.greet({ seq: 7, resumed: true }));
  assert.equal(shown.last.isLive, true);
  assert.deepEqual([scene.network.open.length, scene.network.mostOpen], [1, 1]);
});
