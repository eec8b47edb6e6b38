/**
 * Rollcall's sign-in: keeps a user's tokens, and renews them once for all tabs. Use this file or copy it into your app.
 * Types: rollcall-login.d.ts. Guide: docs/client.md.
 */

const NAME = "rollcall tokens"; // of the stored item and of the lock
const REQUEST_MS = 10_000;
const FRESH_MS = 90_000; // rest of the life of a token that needs no renewal; the client asks a minute before the end

/** Keeps items as `localStorage` does, until the program ends. */
function memory() {
  const items = new Map();
  return {
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => void items.set(key, value),
    removeItem: (key) => void items.delete(key),
  };
}

export class Login {
  #url;
  #storage;
  #last = Promise.resolve(); // the last call in this tab

  constructor({ url = globalThis.location?.origin, storage } = {}) {
    if (!url) throw new TypeError("Login needs the server's url");
    this.#url = url.replace(/^ws/, "http").replace(/\/+$/, "");
    this.#storage = storage ?? (globalThis.document ? globalThis.localStorage : memory());
  }

  /** The option `getToken` of the client. Call it for your own requests, too. */
  getToken = (request = {}) => this.#alone(() => this.#current(request), request.signal);

  async signIn(username, password) {
    const { status, body } = await this.#post("/auth/login", { username, password });
    if (status === 401) return false;
    if (status !== 200) throw new Error(body?.error?.message ?? `the sign-in answered ${status}`);
    await this.#alone(() => this.#keep(body));
    return true;
  }

  async signOut() {
    const pair = await this.#alone(async () => {
      const stored = await this.#stored();
      await this.#storage.removeItem(NAME);
      return stored;
    });
    if (pair) await this.#post("/auth/logout", undefined, { token: pair.access_token });
  }

  async #current({ signal, refused }) {
    const pair = await this.#stored();
    if (!pair) return null;
    const isFresh = pair.expires_at - Date.now() > FRESH_MS;
    if (isFresh && pair.access_token !== refused) return pair.access_token; // perhaps renewed by another tab
    const { status, body } = await this.#post("/auth/refresh", { refresh_token: pair.refresh_token }, { signal });
    const now = await this.#stored();
    if (now?.refresh_token !== pair.refresh_token) return now?.access_token; // another tab was faster, or signed out
    if (status === 200) return this.#keep(body);
    if (status !== 401) throw new Error(`the renewal of the token answered ${status}`);
    await this.#storage.removeItem(NAME);
    return null;
  }

  async #stored() {
    return JSON.parse((await this.#storage.getItem(NAME)) ?? "null");
  }

  async #keep({ access_token, refresh_token, expires_in }) {
    const expires_at = Date.now() + expires_in * 1_000;
    await this.#storage.setItem(NAME, JSON.stringify({ access_token, refresh_token, expires_at }));
    return access_token;
  }

  /** One call at a time, in all tabs if the platform has locks. Otherwise the server gives both tabs the same answer. */
  #alone(fn, signal) {
    const locks = globalThis.navigator?.locks;
    return locks ? locks.request(NAME, { signal }, fn) : (this.#last = this.#last.then(fn, fn));
  }

  /** React Native has no AbortSignal.timeout, so a timer ends the request. */
  async #post(path, body, { signal, token } = {}) {
    const controller = new AbortController();
    const abort = () => controller.abort();
    const timer = setTimeout(abort, REQUEST_MS);
    signal?.addEventListener("abort", abort);
    if (signal?.aborted) abort();
    try {
      const response = await fetch(this.#url + path, {
        method: "POST",
        headers: token ? { Authorization: `Bearer ${token}` } : {},
        body: JSON.stringify(body),
        signal: controller.signal,
      });
      return { status: response.status, body: await response.json().catch(() => null) };
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
    }
  }
}
