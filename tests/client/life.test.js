/** Life: scripted and random hours on a phone. Whatever happens, the client ends up in sync with the server. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { BUSY, FakePage, OFFLINE, Scene, settle } from "./fakes.js";
import { FakeServer, dice } from "./server.js";

const SEEDS = Number(process.env.SEEDS ?? 200);
const USERS = 12;

/** A phone with the client on it, the server, and the connection between them. */
class Phone extends Scene {
  tokensAsked = 0;
  tokensUnderWay = 0;
  /** Whether the sign-in server can be reached. */
  canRenew = true;
  watched = null;

  constructor(page, random) {
    super({ token: undefined, getToken: (request) => this.#renew(request) });
    this.page = page;
    this.random = random;
    this.clock.random = random;
    this.server = new FakeServer(this.clock, this.network, random, USERS);
  }

  async #renew({ signal }) {
    this.tokensAsked++;
    this.tokensUnderWay++;
    assert.equal(this.tokensUnderWay, 1, "two requests for a token at once");
    await new Promise((resolve) => {
      signal.onabort = resolve;
      this.clock.after(200 + this.random() * 3_000, resolve);
    });
    this.tokensUnderWay--;
    signal.throwIfAborted();
    if (!this.canRenew || !this.server.isReachable) throw new Error("no network");
    return this.server.issue();
  }

  /** Sleep in a pocket: the client's timers stop, and messages wait or the connection is lost. */
  async sleep(ms) {
    this.page.hide();
    this.server.goDown();
    this.clock.isAsleep = true;
    await this.clock.advance(ms);
    this.clock.isAsleep = false;
    const wakes = [() => this.server.comeUp(), () => this.page.show(), () => this.clock.advance(0)];
    for (const wake of wakes.sort(() => this.random() - 0.5)) await wake();
  }

  async tunnel(ms) {
    if (this.random() < 0.5) this.page.goOffline();
    this.server.goDown();
    await this.clock.advance(ms);
    this.server.comeUp();
    if (this.random() < 0.5) this.page.goOnline();
  }

  watch(userIds) {
    this.watched = userIds;
    this.client.subscribe(userIds ? { userIds } : undefined);
  }

  get truth() {
    const users = [...this.server.users].filter(([id]) => !this.watched || this.watched.includes(id));
    return Object.fromEntries(users);
  }

  /** End all faults. Within two minutes, the client must have recovered. */
  async recover() {
    Object.assign(this.server, { portal: null, slowest: 40 });
    this.canRenew = true;
    this.server.comeUp();
    await this.clock.advance(10_000); // messages still on their way may send the client offline
    if (["offline", "signedOut"].includes(this.client.state)) this.client.connect();
    await this.clock.advance(110_000);
  }

  check(label) {
    assert.equal(this.client.state, "live", label);
    assert.deepEqual(this.picture, this.truth, label);
    assert.deepEqual([...this.client.calls.keys()], this.server.call ? [this.server.call.call_id] : [], label);
    assert.equal(this.network.mostOpen, 1, label);
  }

  async leave(label) {
    this.client.close();
    await settle();
    assert.deepEqual([this.clock.waits, this.network.open.length, this.page.listeners], [[], 0, 0], label);
  }
}

function pick(random, values) {
  return values[Math.floor(random() * values.length)];
}

function someUsers(random) {
  return Array.from({ length: USERS + 4 }, (_, index) => index + 1).filter(() => random() < 0.4);
}

/** Random events and their relative frequency. */
const EVENTS = [
  [
    30,
    ({ server, random }) => server.change(1 + Math.floor(random() * (USERS + 3)), pick(random, [BUSY, OFFLINE, {}])),
  ],
  [6, ({ server, random }) => server.startCall(`call ${random()}`)],
  [6, ({ server }) => server.endCall()],
  [5, ({ server, random }) => server.endAll(pick(random, [1006, 1000, 1001, 1013, 4000, 4002, 4003]))],
  [1, ({ server, random }) => server.endAll(pick(random, [4401, 4500, 4503, 4504, 4501, 1009]))],
  [1, ({ page }) => (page.leave(), page.comeBack())],
  [1, ({ client }) => client.retryNow()],
  [4, ({ server, random }) => server.restart(random() * 15_000, random() < 0.7)],
  [4, (phone) => phone.sleep(phone.random() * pick(phone.random, [5_000, 60_000, 1_200_000]))],
  [4, (phone) => phone.tunnel(phone.random() * pick(phone.random, [3_000, 20_000, 120_000]))],
  [3, ({ server, random }) => (server.portal = pick(random, ["nothing", "junk", null, null]))],
  [3, (phone) => phone.watch(phone.random() < 0.4 ? null : someUsers(phone.random))],
  [2, ({ page }) => page.show()],
  [2, ({ page }) => page.goOnline()],
  [2, ({ server, random }) => (server.slowest = pick(random, [1, 40, 400, 2_500]))],
  [2, (phone) => (phone.canRenew = phone.random() < 0.7)],
  [2, ({ client }) => client.close()],
  [6, ({ client }) => client.connect()],
  [2, ({ client }) => client.heartbeat()],
  [1, ({ client }) => Array.from({ length: 25 }, () => client.ping().catch(() => {}))],
];

const DECK = EVENTS.flatMap(([often, event]) => Array(often).fill(event));

test("an hour of a phone's life ends live, with the right picture, and never two connections", async (test) => {
  const phone = new Phone(new FakePage(test), dice(1));
  const { client, clock, server } = phone;
  let passed = 0;
  const minutes = async (count) => {
    for (let second = 0; second < count * 60; second += 5) {
      server.change(1 + (++passed % USERS), passed % 3 ? BUSY : OFFLINE);
      await clock.advance(5_000);
    }
  };
  client.connect();
  await minutes(5);
  phone.check("on the sofa");

  server.startCall("mum");
  await phone.sleep(600_000);
  server.endCall();
  await minutes(1);
  phone.check("after ten minutes in the background, in which a call ended");

  await phone.tunnel(90_000);
  await minutes(2);
  phone.check("after a tunnel");
  assert.ok(phone.tokensAsked >= 2, "the token was renewed meanwhile");

  server.portal = "nothing";
  server.endAll(1006);
  await minutes(3);
  assert.notEqual(client.state, "live");
  server.portal = "junk";
  await minutes(3);
  assert.notEqual(client.state, "live");
  server.portal = null;
  await minutes(1);
  phone.check("after the captive portals of a café");

  server.restart(4_000, true);
  await minutes(1);
  phone.check("after the server drained and restarted");
  server.restart(20_000, false);
  await minutes(1);
  phone.check("after the server was killed");

  phone.canRenew = false;
  await minutes(16);
  phone.canRenew = true;
  await minutes(1);
  phone.check("after the token ended while no new one was to be had");

  phone.watch([2, 3, 5]);
  await minutes(1);
  phone.check("with three users on the screen");
  await phone.sleep(120_000);
  phone.watch(null);
  await minutes(8);
  phone.check("at the end of the hour");
  assert.ok(server.tokens.size <= 8, `${server.tokens.size} tokens in an hour`);
  await phone.leave();
});

test(`${SEEDS} lives that dice decide end live, with the right picture, and never two connections`, async (test) => {
  const page = new FakePage(test);
  for (let seed = 1; seed <= SEEDS; seed++) {
    const random = dice(seed);
    const phone = new Phone(page, random);
    phone.client.connect();
    for (let step = 0; step < 120; step++) {
      await pick(random, DECK)(phone);
      await phone.clock.advance(random() * pick(random, [50, 1_000, 30_000]));
    }
    await phone.recover();
    phone.check(`seed ${seed}`);
    await phone.leave(`seed ${seed}`);
  }
});
