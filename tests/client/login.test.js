/** Login: the token pair is kept, renewed once for all tabs, and survives lost answers. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Login } from "../../static/rollcall-login.js";

const MINUTE_MS = 60_000;

/** Issues token pairs as the server does. A refresh token that was used gets the same successor, for a while. */
class FakeAuth {
  requests = [];
  isDown = false;
  /** Whether the next answer gets lost. */
  losesAnswer = false;
  #successors = new Map();
  #issued = 0;

  constructor(test) {
    test.mock.method(globalThis, "fetch", (url, options) => this.#answer(url, options));
  }

  count(path) {
    return this.requests.filter((request) => request.path === path).length;
  }

  /** End all logins. */
  revoke() {
    this.#successors.clear();
  }

  async #answer(url, { body, headers, signal }) {
    const { pathname: path, origin } = new URL(url);
    this.requests.push({ path, origin, headers });
    await new Promise((resolve) => setImmediate(resolve));
    signal.throwIfAborted();
    if (this.isDown) throw new TypeError("fetch failed");
    const response = this.#carryOut(path, JSON.parse(body ?? "null"));
    if (!this.losesAnswer) return response;
    this.losesAnswer = false;
    throw new TypeError("fetch failed");
  }

  #carryOut(path, body) {
    const refused = () => Response.json({ error: { code: "AUTH_ERROR", message: "No" } }, { status: 401 });
    if (path === "/auth/logout") return new Response(null, { status: 204 });
    if (path === "/auth/login") return body.password === "right" ? this.#issue("r0") : refused();
    const { refresh_token: used } = body;
    if (!this.#successors.has(used)) return refused();
    return this.#issue(this.#successors.get(used));
  }

  #issue(refresh) {
    if (!this.#successors.has(refresh)) this.#successors.set(refresh, `r${this.#successors.size + 1}`);
    return Response.json({ access_token: `a${this.#issued++}`, refresh_token: refresh, expires_in: 900 });
  }
}

/** The storage that all tabs of a browser share. */
class Storage {
  items = new Map();
  getItem = (key) => this.items.get(key) ?? null;
  setItem = (key, value) => this.items.set(key, value);
  removeItem = (key) => this.items.delete(key);

  get pair() {
    return JSON.parse([...this.items.values()][0] ?? "null");
  }
}

/** Web Locks: one holder at a time. */
function useLocks(test) {
  let last = Promise.resolve();
  const request = (_name, _options, fn) => (last = last.then(fn, fn));
  const before = Object.getOwnPropertyDescriptor(globalThis, "navigator");
  Object.defineProperty(globalThis, "navigator", { value: { locks: { request } }, configurable: true });
  test.after(() => (before ? Object.defineProperty(globalThis, "navigator", before) : delete globalThis.navigator));
}

async function signedIn(test, storage = new Storage()) {
  test.mock.timers.enable({ apis: ["Date"], now: 1_700_000_000_000 });
  const auth = new FakeAuth(test);
  const login = new Login({ url: "ws://rollcall.test:8000/", storage });
  assert.equal(await login.signIn("ada", "right"), true);
  return { auth, login, storage };
}

test("a sign-in gives a token, and a wrong password does not", async (test) => {
  const { auth, login } = await signedIn(test);
  assert.equal(await login.getToken(), "a0");
  assert.equal(await login.signIn("ada", "wrong"), false);
  assert.equal(auth.requests[0].origin, "http://rollcall.test:8000");
  auth.isDown = true;
  await assert.rejects(login.signIn("ada", "right"), /fetch failed/);
});

test("a token is used until shortly before its end, then renewed", async (test) => {
  const { auth, login } = await signedIn(test);
  test.mock.timers.tick(13 * MINUTE_MS);
  assert.equal(await login.getToken(), "a0");
  test.mock.timers.tick(MINUTE_MS);
  assert.equal(await login.getToken(), "a1", "when the client is told that the token ends in a minute");
  assert.equal(auth.count("/auth/refresh"), 1);
});

test("a token that the server refused is renewed, however fresh it looks", async (test) => {
  const { login } = await signedIn(test);
  assert.equal(await login.getToken({ refused: "a0" }), "a1");
  assert.equal(await login.getToken({ refused: "a0" }), "a1", "a tab that is behind gets what there is");
});

test("a page that is loaded again is still signed in", async (test) => {
  const { storage } = await signedIn(test);
  assert.equal(await new Login({ url: "http://rollcall.test:8000", storage }).getToken(), "a0");
});

for (const locks of [true, false]) {
  const platform = locks ? "with Web Locks" : "without Web Locks";

  test(`ten tabs whose token ends at once stay signed in, ${platform}`, async (test) => {
    if (locks) useLocks(test);
    const { auth, storage } = await signedIn(test);
    const tabs = Array.from({ length: 10 }, () => new Login({ url: "http://rollcall.test:8000", storage }));
    for (let round = 1; round <= 5; round++) {
      test.mock.timers.tick(15 * MINUTE_MS);
      const tokens = await Promise.all(tabs.map((tab) => tab.getToken()));
      assert.ok(tokens.every(Boolean));
      if (!locks) continue;
      assert.equal(new Set(tokens).size, 1);
      assert.equal(auth.count("/auth/refresh"), round);
    }
    assert.equal(storage.pair.refresh_token, "r5", "each round used the newest refresh token");
  });
}

test("callers of one tab share one renewal", async (test) => {
  const { auth, login } = await signedIn(test);
  test.mock.timers.tick(15 * MINUTE_MS);
  assert.deepEqual(await Promise.all([login.getToken(), login.getToken()]), ["a1", "a1"]);
  assert.equal(auth.count("/auth/refresh"), 1);
});

test("a caller whose token was refused does not get it from another caller", async (test) => {
  const { login } = await signedIn(test);
  assert.deepEqual(await Promise.all([login.getToken(), login.getToken({ refused: "a0" })]), ["a0", "a1"]);
});

test("an answer that is lost in a tunnel costs one more request, not the sign-in", async (test) => {
  const { auth, login } = await signedIn(test);
  test.mock.timers.tick(15 * MINUTE_MS);
  auth.losesAnswer = true;
  await assert.rejects(login.getToken(), /fetch failed/);
  assert.equal(await login.getToken(), "a2");
});

test("an error of the server or the network signs nobody out", async (test) => {
  const { auth, login } = await signedIn(test);
  test.mock.timers.tick(15 * MINUTE_MS);
  auth.isDown = true;
  for (let attempt = 0; attempt < 3; attempt++) await assert.rejects(login.getToken());
  auth.isDown = false;
  assert.equal(await login.getToken(), "a1");
  test.mock.timers.tick(15 * MINUTE_MS);
  test.mock.method(globalThis, "fetch", async () => new Response("<html>", { status: 503 }));
  await assert.rejects(login.getToken(), /503/);
});

test("a login that the server has ended needs a new sign-in", async (test) => {
  const { auth, login, storage } = await signedIn(test);
  auth.revoke();
  test.mock.timers.tick(15 * MINUTE_MS);
  assert.equal(await login.getToken(), null);
  assert.equal(storage.items.size, 0);
  assert.equal(await login.getToken(), null);
  await login.signIn("ada", "right");
  assert.equal(typeof (await login.getToken()), "string");
});

test("signing out forgets the tokens in every tab, also during a renewal", async (test) => {
  const { auth, login, storage } = await signedIn(test);
  const other = new Login({ url: "http://rollcall.test:8000", storage });
  test.mock.timers.tick(15 * MINUTE_MS);
  const [token] = await Promise.all([other.getToken(), login.signOut()]);
  assert.equal(token ?? null, null);
  assert.equal(storage.items.size, 0);
  assert.equal(auth.requests.find(({ path }) => path === "/auth/logout").headers.Authorization, "Bearer a0");
  assert.equal(await login.getToken(), null);
});

test("the client's signal ends the request", async (test) => {
  const { login } = await signedIn(test);
  test.mock.timers.tick(15 * MINUTE_MS);
  const controller = new AbortController();
  const token = login.getToken({ signal: controller.signal });
  controller.abort();
  await assert.rejects(token, /abort/i);
  assert.equal(await login.getToken(), "a1");
});

test("a platform without localStorage keeps the tokens in memory, or in a storage that answers later", async (test) => {
  const { login } = await signedIn(test, undefined);
  assert.equal(await login.getToken(), "a0");
  const storage = new Storage();
  const slow = {
    getItem: async (key) => storage.getItem(key),
    setItem: async (key, value) => storage.setItem(key, value),
    removeItem: async (key) => storage.removeItem(key),
  };
  const mobile = new Login({ url: "http://rollcall.test:8000", storage: slow });
  await mobile.signIn("ada", "right");
  assert.equal(await mobile.getToken(), storage.pair.access_token);
  assert.throws(() => new Login(), /url/);
});
