/** Token: requested once, renewed in place, and abandoned when rejected twice. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Scene, settle } from "./fakes.js";

/** A `getToken` that counts its calls and whose results the test supplies. */
class Issuer {
  asked = 0;
  getToken = () =>
    new Promise((resolve, reject) => {
      this.asked++;
      Object.assign(this, { resolve, reject });
    });

  async issue(token) {
    this.resolve(token);
    await settle();
  }

  async fail() {
    this.reject(new Error("no network"));
    await settle();
  }
}

async function connectedBy(issuer, options) {
  const scene = new Scene({ token: undefined, getToken: issuer.getToken, ...options });
  scene.client.connect();
  await settle();
  await issuer.issue("first");
  await scene.greet();
  scene.takeStates();
  return scene;
}

const bearer = (scene) => scene.socket.protocols[1];

test("without a token getToken is asked before the first socket", async () => {
  const issuer = new Issuer();
  const scene = new Scene({ token: undefined, getToken: issuer.getToken });
  scene.client.connect();
  await settle();
  assert.deepEqual([scene.client.state, scene.network.sockets.length], ["connecting", 0]);
  await issuer.issue("fresh");
  assert.equal(bearer(scene), "bearer.fresh");
  assert.equal(issuer.asked, 1);
});

test("a token that came is used again, not asked for again", async () => {
  const issuer = new Issuer();
  const scene = await connectedBy(issuer);
  await scene.loseAndDial();
  assert.deepEqual([bearer(scene), issuer.asked], ["bearer.first", 1]);
});

for (const code of [4401, 4500]) {
  test(`on ${code} a new token is asked for once, and the socket comes back without a delay`, async () => {
    const issuer = new Issuer();
    const scene = await connectedBy(issuer);
    scene.socket.end(code);
    await settle();
    assert.deepEqual([scene.client.state, issuer.asked], ["connecting", 2]);
    await issuer.issue("second");
    assert.equal(bearer(scene), "bearer.second");
    await scene.greet({ resumed: true });
    assert.equal(scene.client.state, "live");
  });

  test(`on ${code} for the new token too, it is signed out`, async () => {
    const issuer = new Issuer();
    const scene = await connectedBy(issuer);
    scene.socket.end(code);
    await settle();
    await issuer.issue("second");
    scene.socket.accept();
    scene.socket.end(code);
    await scene.clock.advance(60_000);
    assert.deepEqual(scene.takeStates(), ["connecting", "signedOut"]);
    assert.deepEqual([issuer.asked, scene.clock.waits], [2, []]);
  });

  test(`on ${code} without getToken it is signed out`, async () => {
    const scene = await new Scene().goLive();
    scene.socket.end(code);
    assert.deepEqual(scene.takeStates(), ["signedOut"]);
  });
}

test("a server that greets and then refuses does not get asked for tokens for ever", async () => {
  const issuer = new Issuer();
  const scene = await connectedBy(issuer);
  scene.socket.end(4401);
  await settle();
  await issuer.issue("second");
  await scene.greet();
  scene.socket.end(4401);
  assert.equal(scene.client.state, "signedOut");
});

test("a minute later a new token is tried anew", async () => {
  const issuer = new Issuer();
  const scene = await connectedBy(issuer);
  for (const token of ["second", "third", "fourth"]) {
    await scene.clock.advance(60_000);
    await scene.greet({ resumed: true });
    scene.socket.end(4401);
    await settle();
    await issuer.issue(token);
    await scene.greet({ resumed: true });
    assert.equal(bearer(scene), `bearer.${token}`);
  }
});

test("a new token that ends in a long outage, before it was ever used, is renewed like any other", async () => {
  const issuer = new Issuer();
  const scene = await connectedBy(issuer);
  scene.socket.end(4401);
  await settle();
  await issuer.issue("second");
  for (let failure = 0; failure < 20; failure++) await scene.loseAndDial();
  scene.socket.end(4401);
  await settle();
  await issuer.issue("third");
  assert.equal(bearer(scene), "bearer.third");
});

test("connect() after a sign-out asks for a new token", async () => {
  const issuer = new Issuer();
  const scene = await connectedBy(issuer);
  scene.socket.end(4501);
  scene.client.connect();
  await settle();
  await issuer.issue("of the next login");
  assert.equal(bearer(scene), "bearer.of the next login");
});

test("when getToken fails it waits, and asks again with backoff", async () => {
  const issuer = new Issuer();
  const scene = new Scene({ token: undefined, getToken: issuer.getToken });
  scene.client.connect();
  await settle();
  for (const wait of [250, 500, 1_000]) {
    await issuer.fail();
    assert.equal(scene.client.state, "waiting");
    assert.deepEqual(scene.clock.waits, [wait]);
    await scene.clock.advance(wait);
  }
  assert.equal(issuer.asked, 4);
  assert.equal(scene.told.error[0].code, "TOKEN_ERROR");
  await issuer.issue("fresh");
  await scene.greet({ users: [] });
  assert.equal(scene.client.state, "live");
});

test("a getToken that throws at once is one that fails", async () => {
  const getToken = () => {
    throw new Error("no keychain");
  };
  const scene = new Scene({ token: undefined, getToken });
  scene.client.connect();
  await settle();
  assert.equal(scene.client.state, "waiting");
});

test("when there is no token to be had, it is signed out", async () => {
  for (const none of [null, undefined, ""]) {
    const scene = new Scene({ token: undefined, getToken: async () => none });
    scene.client.connect();
    await settle();
    assert.equal(scene.client.state, "signedOut");
    assert.equal(scene.network.sockets.length, 0);
  }
  const scene = new Scene({ token: undefined });
  scene.client.connect();
  await settle();
  assert.equal(scene.client.state, "signedOut");
});

test("a token that expires is renewed in place: the socket stays", async () => {
  const issuer = new Issuer();
  const scene = await connectedBy(issuer);
  scene.socket.say({ type: "token_expiring", expires_at: "2026-01-15T10:31:00Z" });
  await settle();
  await issuer.issue("second");
  assert.deepEqual(scene.socket.commands("refresh"), [{ type: "refresh", token: "second" }]);
  assert.equal(scene.network.sockets.length, 1);
  await scene.loseAndDial();
  assert.equal(bearer(scene), "bearer.second");
});

test("without getToken the app is told that the token ends", async () => {
  const scene = await new Scene().goLive();
  scene.socket.say({ type: "token_expiring" });
  assert.equal(scene.told.error[0].code, "TOKEN_EXPIRING");
});

test("who asks while a token is under way shares it", async () => {
  const issuer = new Issuer();
  const scene = await connectedBy(issuer);
  scene.socket.say({ type: "token_expiring" });
  scene.socket.say({ type: "token_expiring" });
  scene.socket.end(4401);
  await settle();
  assert.equal(issuer.asked, 2, "the first, and one for all of these");
  await issuer.issue("second");
  assert.equal(bearer(scene), "bearer.second");
  assert.equal(scene.network.open.length, 1);
});

test("a renewal in place that fails leaves the connection as it is", async () => {
  const issuer = new Issuer();
  const scene = await connectedBy(issuer);
  for (const fail of [() => issuer.fail(), () => issuer.issue(null)]) {
    scene.socket.say({ type: "token_expiring" });
    await settle();
    await fail();
    assert.equal(scene.client.state, "syncing");
    assert.deepEqual(scene.socket.commands("refresh"), []);
  }
});

test("close() during getToken is the last word", async () => {
  for (const end of [(issuer) => issuer.issue("late"), (issuer) => issuer.issue(null), (issuer) => issuer.fail()]) {
    const issuer = new Issuer();
    const scene = new Scene({ token: undefined, getToken: issuer.getToken });
    scene.client.connect();
    await settle();
    scene.client.close();
    await end(issuer);
    await scene.clock.advance(60_000);
    assert.deepEqual(scene.takeStates(), ["connecting", "offline"]);
    assert.deepEqual([scene.network.sockets.length, scene.clock.waits, scene.told.error], [0, [], []]);
  }
});

test("a renewal in place that ends after close() sends nothing", async () => {
  const issuer = new Issuer();
  const scene = await connectedBy(issuer);
  scene.socket.say({ type: "token_expiring" });
  await settle();
  scene.client.close();
  await issuer.issue("late");
  assert.deepEqual(scene.socket.commands("refresh"), []);
});

/** A `getToken` that never answers, unless its signal ends it. */
class Hung {
  signals = [];
  getToken = ({ signal }) => {
    this.signals.push(signal);
    return new Promise(() => {});
  };
}

test("a getToken that never answers is given up after 10 s, and asked again", async () => {
  const hung = new Hung();
  const scene = new Scene({ token: undefined, getToken: hung.getToken });
  scene.client.connect();
  await scene.clock.advance(9_999);
  assert.equal(scene.client.state, "connecting");
  await scene.clock.advance(1);
  assert.equal(scene.client.state, "waiting");
  assert.equal(scene.told.error[0].code, "TOKEN_ERROR");
  assert.match(scene.told.error[0].message, /10000 ms/);
  await scene.waitOut();
  assert.deepEqual(
    hung.signals.map(({ aborted }) => aborted),
    [true, false],
  );
  scene.client.close();
});

test("the time for a token is an option, also for a renewal in place", async () => {
  const hung = new Hung();
  const scene = await new Scene({ getToken: hung.getToken, tokenTimeout: 3_000 }).goLive();
  scene.socket.say({ type: "token_expiring" });
  await scene.clock.advance(3_000);
  assert.deepEqual([scene.client.state, scene.told.error[0].code], ["live", "TOKEN_ERROR"]);
  scene.client.close();
});

test("a token that comes too late is not used", async () => {
  const issuer = new Issuer();
  const scene = new Scene({ token: undefined, getToken: issuer.getToken });
  scene.client.connect();
  await scene.clock.advance(10_000);
  const { resolve } = issuer;
  await scene.waitOut();
  resolve("late");
  await settle();
  assert.deepEqual([scene.client.state, scene.network.sockets.length], ["connecting", 0]);
  await issuer.issue("in time");
  assert.equal(bearer(scene), "bearer.in time");
});

test("close() lets go of a request for a token, and connect() makes a new one", async () => {
  const hung = new Hung();
  const scene = new Scene({ token: undefined, getToken: hung.getToken });
  scene.client.connect();
  await settle();
  scene.client.close();
  assert.deepEqual([hung.signals[0].aborted, scene.clock.waits], [true, []]);
  scene.client.connect();
  await settle();
  assert.deepEqual([hung.signals.length, hung.signals[1].aborted, scene.told.error], [2, false, []]);
  scene.client.close();
});

test("a request that was answered is not aborted", async () => {
  const signals = [];
  const scene = new Scene({ token: undefined, getToken: ({ signal }) => (signals.push(signal), "first") });
  scene.client.connect();
  await scene.greet();
  scene.client.close();
  assert.equal(signals[0].aborted, false);
});

test("an unchanged token is not sent again", async () => {
  const issuer = new Issuer();
  const scene = await connectedBy(issuer);
  scene.socket.say({ type: "token_expiring" });
  await settle();
  await issuer.issue("first");
  assert.deepEqual([scene.socket.commands("refresh"), scene.told.error], [[], []]);
});

for (const code of [4401, 4500]) {
  test(`a token that ${code} refused is not used again when getToken has no other`, async () => {
    const issuer = new Issuer();
    const scene = await connectedBy(issuer);
    scene.socket.end(code);
    await settle();
    await issuer.issue("first");
    await scene.clock.advance(600_000);
    assert.equal(scene.client.state, "signedOut");
    assert.deepEqual([issuer.asked, scene.network.sockets.length], [2, 1]);
    scene.client.connect();
    await settle();
    await issuer.issue("first");
    assert.equal(bearer(scene), "bearer.first", "connect() tries whatever there is");
  });
}

test("a request that close() ended before it was made is not made", async () => {
  const hung = new Hung();
  const scene = new Scene({ token: undefined, getToken: hung.getToken });
  scene.client.connect();
  scene.client.close();
  scene.client.connect();
  await settle();
  assert.equal(hung.signals.length, 1);
  scene.client.close();
});
