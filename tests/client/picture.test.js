/** Local copy: resume and snapshot, narrowing, statistics, calls, and the events for changes. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { BUSY, OFFLINE, Scene, call, settle, snapshot, status, update } from "./fakes.js";

const ids = (scene) => Object.keys(scene.picture).map(Number);
const told = (scene) => scene.told.change.splice(0).map(({ userId, after }) => [userId, after?.is_online]);

test("the first snapshot is the picture, told user by user", async () => {
  const scene = new Scene();
  scene.client.connect();
  await scene.greet({ seq: 5, users: [status(1), status(2, BUSY)] });
  assert.deepEqual(scene.picture, { 1: status(1), 2: status(2, BUSY) });
  assert.deepEqual(scene.client.get(2), status(2, BUSY));
  assert.equal(scene.client.get(3), undefined);
  assert.deepEqual(scene.told.change.at(-1), {
    userId: 2,
    before: undefined,
    after: status(2, BUSY),
    reason: "snapshot",
  });
});

test("an update is told with before, after and reason", async () => {
  const scene = await new Scene().goLive({ users: [status(1), status(2)] });
  scene.socket.say(update(2, 1, BUSY, "call_started"));
  assert.deepEqual(scene.told.change, [
    { userId: 2, before: status(2), after: status(2, BUSY), reason: "call_started" },
  ]);
});

test("what says nothing new is told to nobody, and the value stays the same object", async () => {
  const scene = await new Scene().goLive({ users: [status(1), status(2)] });
  const before = scene.client.get(2);
  scene.socket.say(update(2, 1));
  scene.socket.say(snapshot(1, [status(1), status(2)]));
  assert.deepEqual(scene.told.change, []);
  assert.equal(scene.client.get(2), before);
});

test("a return asks with the epoch and the last seq", async () => {
  const scene = await new Scene().goLive({ epoch: "é&1", seq: 7 });
  scene.socket.say(update(2, 8));
  scene.socket.say(update(3, 9));
  await scene.loseAndDial();
  assert.deepEqual(scene.socket.query, { epoch: "é&1", since: "9" });
});

test("a resume folds what was missed into the picture that is there", async () => {
  const scene = await new Scene().goLive({ users: [status(1), status(2), status(3)], seq: 7 });
  await scene.loseAndDial();
  await scene.greet({ resumed: true, seq: 30 });
  scene.socket.say(update(3, 20, OFFLINE));
  scene.socket.say(update(4, 30));
  assert.deepEqual(scene.picture, { 1: status(1), 2: status(2), 3: status(3, OFFLINE), 4: status(4) });
  assert.deepEqual(told(scene), [
    [3, false],
    [4, true],
  ]);
});

test("the own status at a resume counts, but says nothing about what came before it", async () => {
  const scene = await new Scene().goLive({ seq: 7 });
  await scene.loseAndDial();
  await settle();
  scene.socket.accept();
  scene.socket.say({ type: "connection_established", user_id: 1, epoch: "e1", seq: 30, resumed: true });
  scene.socket.say(update(1, 30, BUSY));
  assert.deepEqual(scene.client.get(1), status(1, BUSY));
  await scene.loseAndDial();
  assert.equal(scene.socket.query.since, "7");
});

test("a service key has no status of its own, so the first update says what came before it", async () => {
  const scene = await new Scene().goLive({ seq: 7 });
  await scene.loseAndDial();
  await settle();
  scene.socket.accept();
  scene.socket.say({ type: "connection_established", user_id: null, epoch: "e1", seq: 30, resumed: true });
  scene.socket.say(update(3, 12));
  assert.equal(scene.client.userId, null);
  assert.deepEqual(ids(scene), [1, 3]);
  await scene.loseAndDial();
  assert.equal(scene.socket.query.since, "12");
});

test("a socket lost in the middle of a replay goes on from there", async () => {
  const scene = await new Scene().goLive({ seq: 7 });
  await scene.loseAndDial();
  await scene.greet({ resumed: true, seq: 30, stalls: true });
  scene.socket.say(update(3, 12));
  await scene.loseAndDial();
  assert.equal(scene.socket.query.since, "12");
  await scene.greet({ resumed: true, seq: 30 });
  scene.socket.say(update(4, 30));
  assert.deepEqual(ids(scene), [1, 3, 4]);
});

test("a snapshot in pages becomes the picture with its last page", async () => {
  const scene = await new Scene().goLive({ users: [status(1), status(9)] });
  await scene.loseAndDial();
  await scene.greet({ epoch: "e2" });
  scene.socket.say(snapshot(3, [status(1), status(2)], true));
  scene.socket.say(snapshot(3, [status(3)], true));
  assert.deepEqual(ids(scene), [1, 9]);
  assert.deepEqual(told(scene), []);
  scene.socket.say(snapshot(3, [status(4)]));
  assert.deepEqual(ids(scene), [1, 2, 3, 4]);
  assert.deepEqual(told(scene), [
    [9, undefined],
    [2, true],
    [3, true],
    [4, true],
  ]);
});

test("an update between pages is newer than any page, and is told at once", async () => {
  const scene = await new Scene().goLive({ users: [status(1), status(2), status(3)] });
  await scene.loseAndDial();
  await scene.greet({ epoch: "e2", seq: 3 });
  scene.socket.say(snapshot(3, [status(1), status(2)], true));
  scene.socket.say(update(2, 4, BUSY));
  scene.socket.say(update(3, 5, OFFLINE));
  scene.socket.say(update(7, 6));
  assert.deepEqual(told(scene), [
    [2, true],
    [3, false],
    [7, true],
  ]);
  scene.socket.say(snapshot(3, [status(3), status(4)]));
  assert.deepEqual(scene.picture, {
    1: status(1),
    2: status(2, BUSY),
    3: status(3, OFFLINE),
    4: status(4),
    7: status(7),
  });
  await scene.loseAndDial();
  assert.deepEqual(scene.socket.query, { epoch: "e2", since: "6" });
});

test("an update ahead of the snapshot is older than it", async () => {
  const scene = new Scene();
  scene.client.connect();
  await scene.greet({ seq: 3 });
  scene.socket.say(update(2, 4, BUSY));
  scene.socket.say(snapshot(5, [status(1), status(2)]));
  assert.deepEqual(scene.client.get(2), status(2));
});

test("a socket lost in the middle of a snapshot asks for all of it again", async () => {
  const scene = new Scene();
  scene.client.connect();
  await scene.greet({ epoch: "e2", seq: 3 });
  scene.socket.say(snapshot(3, [status(1), status(2)], true));
  scene.socket.say(update(2, 4));
  await scene.loseAndDial();
  assert.equal(scene.socket.query.epoch, "");
  await scene.greet({ epoch: "e2", seq: 5, users: [status(1), status(8)] });
  assert.deepEqual(ids(scene), [1, 8]);
});

test("a new epoch replaces the picture: no ghost stays, and the old numbering is forgotten", async () => {
  const scene = await new Scene().goLive({ seq: 900, users: [status(1), status(2), status(3)] });
  await scene.loseAndDial(1012);
  await scene.greet({ epoch: "e2", seq: 1, users: [status(1), status(3, BUSY)] });
  assert.deepEqual(scene.picture, { 1: status(1), 3: status(3, BUSY) });
  await scene.loseAndDial();
  assert.deepEqual(scene.socket.query, { epoch: "e2", since: "1" });
});

test("an empty snapshot empties the picture", async () => {
  const scene = await new Scene().goLive({ users: [status(1), status(2)] });
  await scene.loseAndDial();
  await scene.greet({ epoch: "e2", users: [] });
  assert.deepEqual(scene.picture, {});
});

test("subscribe narrows: the others leave at once, those asked for come with the snapshot", async () => {
  const scene = await new Scene().goLive({ users: [status(1), status(2), status(3)] });
  scene.client.subscribe({ userIds: [2, 4, 4] });
  assert.deepEqual(ids(scene), [2]);
  const [command] = scene.socket.commands("subscribe");
  assert.deepEqual(command, { type: "subscribe", subscription: "feed", snapshot: true, user_ids: [2, 4] });
  scene.socket.say(update(3, 5, BUSY));
  scene.answerAll();
  scene.socket.say(snapshot(5, [status(2), status(4)]));
  scene.socket.say(update(1, 6, BUSY));
  scene.socket.say(update(4, 7, BUSY));
  assert.deepEqual(scene.picture, { 2: status(2), 4: status(4, BUSY) });
});

test("subscribe without ids widens again", async () => {
  const scene = await new Scene().goLive({ users: [status(1), status(2)] });
  scene.client.subscribe({ userIds: [2] });
  scene.answerAll();
  scene.socket.say(snapshot(5, [status(2)]));
  await scene.clock.advance(1_000);
  scene.client.subscribe();
  assert.deepEqual(scene.socket.commands("subscribe").at(-1), {
    type: "subscribe",
    subscription: "feed",
    snapshot: true,
  });
  scene.answerAll();
  scene.socket.say(snapshot(6, [status(1), status(2), status(3)]));
  assert.deepEqual(ids(scene), [1, 2, 3]);
});

test("who watches some asks for these on every connection, and for nobody else", async () => {
  const scene = new Scene({ channel: "presence" });
  scene.client.subscribe({ userIds: [2, 3] });
  for (let connection = 0; connection < 3; connection++) {
    scene.client.connect();
    await scene.greet({ seq: 4 });
    assert.deepEqual(scene.socket.query, {});
    const [, command] = scene.socket.commands("subscribe").sort((one) => (one.subscription === "calls" ? -1 : 1));
    assert.deepEqual(command, { type: "subscribe", subscription: "presence", snapshot: true, user_ids: [2, 3] });
    scene.answerAll();
    scene.socket.say(snapshot(4, [status(2), status(3)]));
    assert.deepEqual(ids(scene), [2, 3]);
    scene.client.close();
  }
});

test("who widens or changes the choice while away gets the whole of it at the return", async () => {
  for (const choice of [undefined, { userIds: Array.from({ length: 600 }, (_, index) => index + 1) }]) {
    const scene = await new Scene().goLive({ users: [status(1), status(2)], seq: 8 });
    scene.client.subscribe({ userIds: [2] });
    scene.answerAll();
    scene.socket.say(snapshot(8, [status(2)]));
    scene.socket.end(1006);
    scene.client.subscribe(choice);
    await scene.waitOut();
    assert.equal(scene.socket.query.epoch, "");
    await scene.greet({ seq: 9, users: [status(1), status(2), status(3), status(601)] });
    assert.deepEqual(ids(scene), choice ? [1, 2, 3] : [1, 2, 3, 601]);
  }
});

test("a choice made while dialling is asked for after the greeting", async () => {
  const scene = await new Scene().goLive({ users: [status(1), status(2), status(3)], seq: 8 });
  await scene.loseAndDial();
  scene.client.subscribe({ userIds: [3, 4] });
  await scene.greet({ resumed: true, seq: 8 });
  scene.answerAll();
  scene.socket.say(snapshot(8, [status(3), status(4)]));
  assert.deepEqual(ids(scene), [3, 4]);
});

test("more users than one message names are picked from everyone's", async () => {
  const many = Array.from({ length: 501 }, (_, index) => index + 1);
  const long = Array.from({ length: 400 }, (_, index) => Number.MAX_SAFE_INTEGER - index);
  for (const userIds of [many, long]) {
    const scene = await new Scene().goLive({ users: [status(1), status(7_000)] });
    scene.client.subscribe({ userIds });
    const [command] = scene.socket.commands("subscribe");
    assert.deepEqual(command, { type: "subscribe", subscription: "feed", snapshot: true });
    scene.answerAll();
    scene.socket.say(snapshot(9, [status(1), status(userIds[1]), status(7_000)]));
    scene.socket.say(update(userIds[2], 10));
    scene.socket.say(update(7_001, 11));
    assert.deepEqual(new Set(ids(scene)), new Set([...userIds.slice(1, 3), ...(userIds === many ? [1] : [])]));
    for (const query of [
      { epoch: "", since: "11" },
      { epoch: "e1", since: "12" },
    ]) {
      await scene.loseAndDial();
      assert.deepEqual(scene.socket.query, query);
      await scene.greet({ seq: 12, users: [status(1)] });
    }
  }
});

test("what is no user id is refused where the mistake is", () => {
  const { client } = new Scene();
  for (const bad of ["2", 0, -1, 1.5, NaN, null, 2 ** 53]) {
    assert.throws(() => client.subscribe({ userIds: [bad] }), TypeError);
  }
});

test("watching nobody is a choice too", async () => {
  const scene = await new Scene().goLive({ users: [status(1), status(2)] });
  scene.client.subscribe({ userIds: [] });
  assert.deepEqual(scene.socket.commands("subscribe").at(-1).user_ids, []);
  assert.deepEqual(scene.picture, {});
});

test("with tags, the server selects: nobody else's update counts before its answer", async () => {
  const scene = await new Scene().goLive({ users: [status(1), status(2)] });
  scene.client.subscribe({ tags: new Set(["sales"]) });
  const [command] = scene.socket.commands("subscribe");
  assert.deepEqual(command, { type: "subscribe", subscription: "feed", snapshot: true, tags: ["sales"] });
  assert.deepEqual(ids(scene), [1, 2]);
  scene.socket.say(update(3, 5, BUSY));
  scene.answerAll();
  scene.socket.say(snapshot(5, [status(2), status(4)]));
  assert.deepEqual(scene.picture, { 2: status(2), 4: status(4) });
  scene.socket.say(update(5, 6, BUSY));
  scene.socket.say({ type: "user_removed", user_id: 4, seq: 7 });
  assert.deepEqual(scene.picture, { 2: status(2), 5: status(5, BUSY) });
  assert.deepEqual(scene.told.change.at(-1), {
    userId: 4,
    before: status(4),
    after: undefined,
    reason: "removed",
  });
});

test("with tags, each connection asks again, and those who left meanwhile go with the snapshot", async () => {
  const scene = await new Scene().goLive({ users: [status(1), status(2)] });
  scene.client.subscribe({ tags: ["sales"] });
  scene.answerAll();
  scene.socket.say(snapshot(5, [status(1), status(2)]));
  await scene.loseAndDial();
  assert.deepEqual(scene.socket.query, {});
  await scene.greet({ seq: 9 });
  assert.deepEqual(scene.socket.commands("subscribe")[0].tags, ["sales"]);
  scene.socket.say(update(7, 10));
  assert.deepEqual(ids(scene), [1, 2]);
  scene.answerAll();
  scene.socket.say(snapshot(10, [status(2), status(3)]));
  assert.deepEqual(ids(scene), [2, 3]);
  assert.equal(scene.client.state, "live");
});

test("with ids and tags, a user has to be among both", async () => {
  const scene = await new Scene().goLive({ users: [status(1), status(2)] });
  scene.client.subscribe({ userIds: [2, 3], tags: ["sales"] });
  assert.deepEqual(ids(scene), [2]);
  const [command] = scene.socket.commands("subscribe");
  assert.deepEqual(command, { type: "subscribe", subscription: "feed", snapshot: true, tags: ["sales"] });
  scene.answerAll();
  scene.socket.say(snapshot(5, [status(1), status(3)]));
  scene.socket.say(update(4, 6));
  assert.deepEqual(ids(scene), [3]);
});

test("from tags to everyone, the answer brings the others", async () => {
  const scene = await new Scene().goLive({ users: [status(1), status(2)] });
  scene.client.subscribe({ tags: ["sales"] });
  scene.answerAll();
  scene.socket.say(snapshot(5, [status(1)]));
  await scene.clock.advance(1_000);
  scene.client.subscribe();
  scene.answerAll();
  scene.socket.say(snapshot(6, [status(1), status(2)]));
  assert.deepEqual(ids(scene), [1, 2]);
});

test("a list that is scrolled asks once a second, and the last choice wins", async () => {
  const scene = await new Scene().goLive({ users: [status(1)] });
  for (let row = 1; row <= 50; row++) {
    scene.client.subscribe({ userIds: [row] });
    await scene.clock.advance(100);
  }
  const asked = scene.socket.commands("subscribe");
  assert.ok(asked.length <= 6, `${asked.length} commands in 5 s`);
  await scene.clock.advance(1_000);
  assert.deepEqual(scene.socket.commands("subscribe").at(-1).user_ids, [50]);
});

test("the snapshot of a former choice is not taken for that of the present one", async () => {
  const scene = await new Scene().goLive({ users: [status(1), status(2)] });
  scene.client.subscribe({ userIds: [2] });
  scene.client.subscribe({ userIds: [2, 3] });
  scene.answerAll();
  scene.socket.say(snapshot(4, []));
  assert.deepEqual(ids(scene), [2]);
  await scene.clock.advance(1_000);
  scene.answerAll();
  scene.socket.say(snapshot(4, [status(2), status(3)]));
  assert.deepEqual(ids(scene), [2, 3]);
});

test("when the answers to two choices cross, nothing is resumed from the picture between them", async () => {
  const scene = await new Scene().goLive({ users: [status(1), status(2)] });
  scene.client.subscribe({ userIds: [2] });
  await scene.clock.advance(1_000);
  scene.client.subscribe();
  scene.answerAll();
  scene.socket.say(snapshot(4, [status(2)]));
  await scene.loseAndDial();
  assert.equal(scene.socket.query.epoch, "");
});

test("a subscribe that the server refused as one too many is asked again", async () => {
  const scene = await new Scene().goLive({ users: [status(1)] });
  scene.client.subscribe({ userIds: [2] });
  scene.socket.say({ type: "error", code: "RATE_LIMIT_ERROR", message: "Rate limit exceeded" });
  assert.deepEqual(scene.told.error, []);
  await scene.clock.advance(1_500);
  assert.equal(scene.socket.commands("subscribe").length, 2);
  await scene.clock.advance(4_500);
  assert.equal(scene.socket.commands("subscribe").length, 2);
  await scene.clock.advance(2_000);
  assert.equal(scene.socket.commands("subscribe").length, 3, "an error that got lost is waited out");
  scene.answerAll();
  await scene.clock.advance(10_000);
  assert.deepEqual(scene.socket.commands("subscribe"), []);
});

test("figures are kept and told", async () => {
  const scene = await new Scene().goLive();
  const stats = { total_users: 3, online: 2, available: 1, busy: 1, ongoing_calls: 0 };
  assert.equal(scene.client.stats, null);
  scene.socket.say({ type: "feed_stats", stats, seq: 1 });
  assert.deepEqual([scene.client.stats, scene.told.stats], [stats, [stats]]);
});

test("a call is kept while it goes on, and told at both ends", async () => {
  const scene = await new Scene().goLive();
  scene.socket.say(call("c1"));
  assert.deepEqual([...scene.client.calls.keys()], ["c1"]);
  scene.socket.say(call("c1"));
  scene.socket.say(call("c1", { status: "completed" }));
  assert.equal(scene.client.calls.size, 0);
  assert.deepEqual(
    scene.told.call.map(({ before, after }) => [before?.status, after.status]),
    [
      [undefined, "ongoing"],
      ["ongoing", "completed"],
    ],
  );
});

test("a call that ended while away leaves, one that goes on stays, one that began comes", async () => {
  const scene = await new Scene().goLive();
  for (const each of ["ended", "going on"]) scene.socket.say(call(each));
  scene.told.call.length = 0;
  await scene.loseAndDial();
  await scene.greet({ resumed: true });
  assert.deepEqual(
    scene.socket.sent.map(({ type, subscription }) => subscription ?? type),
    ["calls", "ping"],
  );
  scene.socket.say({ type: "subscription_confirmed", subscription: "calls" });
  scene.socket.say(call("going on"));
  scene.socket.say(call("began"));
  assert.equal(scene.client.calls.size, 3);
  scene.socket.say({ type: "pong", timestamp: scene.socket.commands("ping")[0].timestamp });
  assert.deepEqual([...scene.client.calls.keys()], ["going on", "began"]);
  assert.deepEqual(
    scene.told.call.map(({ before, after }) => [before?.call_id, after?.call_id]),
    [
      [undefined, "began"],
      ["ended", undefined],
    ],
  );
});

test("calls are not taken for over while the question about them was refused", async () => {
  const scene = await new Scene().goLive();
  scene.socket.say(call("c1"));
  await scene.loseAndDial();
  await scene.greet({ resumed: true });
  scene.socket.say({ type: "error", code: "RATE_LIMIT_ERROR", message: "Rate limit exceeded" });
  scene.socket.say({ type: "pong", timestamp: scene.socket.commands("ping")[0].timestamp });
  assert.equal(scene.client.calls.size, 1);
  scene.socket.sent.length = 0;
  await scene.clock.advance(2_000);
  scene.answerAll();
  assert.equal(scene.client.calls.size, 0);
});

test("a subscribe of the app's own to calls ends none of them", async () => {
  const scene = await new Scene().goLive();
  scene.socket.say(call("c1"));
  scene.client.send({ type: "subscribe", subscription: "calls" });
  scene.client.ping().catch(() => {});
  scene.answerAll();
  assert.equal(scene.client.calls.size, 1);
});

test("the own id is known from the greeting on", async () => {
  const scene = new Scene();
  assert.equal(scene.client.userId, null);
  await scene.goLive();
  assert.equal(scene.client.userId, 1);
});

test("errors of the server are told and end nothing", async () => {
  const scene = await new Scene().goLive();
  scene.socket.say({ type: "error", code: "INVALID_MESSAGE_ERROR", message: "Invalid message format" });
  assert.deepEqual(scene.told.error, [{ code: "INVALID_MESSAGE_ERROR", message: "Invalid message format" }]);
  assert.equal(scene.client.state, "live");
});

test("a picture of 10,000 users that changes a lot stays as large as it is", async () => {
  const everyone = Array.from({ length: 10_000 }, (_, index) => status(index + 1));
  const scene = await new Scene().goLive({ users: everyone });
  for (let seq = 1; seq <= 20_000; seq++) scene.socket.say(update(1 + (seq % 10_000), seq, seq % 3 ? BUSY : {}));
  assert.equal(scene.client.users.size, 10_000);
});

const removed = (userId, seq) => ({ type: "user_removed", user_id: userId, seq });

test("a user who is removed leaves the picture, and is told", async () => {
  const scene = await new Scene().goLive({ users: [status(1), status(2)], seq: 3 });
  scene.socket.say(removed(2, 4));
  scene.socket.say(removed(9, 5));
  assert.deepEqual(ids(scene), [1]);
  assert.deepEqual(scene.told.change, [{ userId: 2, before: status(2), after: undefined, reason: "removed" }]);
  await scene.loseAndDial();
  assert.equal(scene.socket.query.since, "5");
});

test("a resume tells who was removed meanwhile", async () => {
  const scene = await new Scene().goLive({ users: [status(1), status(2)], seq: 3 });
  await scene.loseAndDial();
  await scene.greet({ resumed: true, seq: 4, stalls: true });
  scene.socket.say(removed(2, 4));
  scene.socket.say({ type: "resume_complete", seq: 4 });
  assert.deepEqual(ids(scene), [1]);
});

test("who is removed between the pages of a snapshot is in none of them", async () => {
  const scene = new Scene();
  scene.client.connect();
  await scene.greet({ seq: 3 });
  scene.socket.say(snapshot(3, [status(1), status(2)], true));
  scene.socket.say(removed(2, 4));
  scene.socket.say(removed(3, 5));
  scene.socket.say(snapshot(3, [status(3), status(4)]));
  assert.deepEqual(ids(scene), [1, 4]);
});
