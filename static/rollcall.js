/** Rollcall's client: one socket, and a local copy of everyone's status. Types: rollcall.d.ts. See docs/client.md. */

const SILENCE_MS = 25_000; // without a message: ping
const STALE_MS = 5_000; // without an answer
const DEAD_MS = 10_000;
const OPENING_MS = 10_000; // a captive portal may never answer
const SETTLED_MS = 5_000; // the backoff starts again
const NEW_TOKEN_MS = 60_000; // a new token that is refused sooner means a sign-out
const SHORTEST_BACKOFF_MS = 500;
const LONGEST_BACKOFF_MS = 20_000;
const ASKING_MS = 1_000; // between two requests for a snapshot
const UNANSWERED_MS = 5_000; // ask again
const REFUSED_MS = 1_000; // the server reports one refusal a second
const TOKEN_MS = 10_000; // for `getToken`
const WAITING_COMMANDS = 100;
const NAMED_LIMIT = 500; // user ids in one `subscribe`
const NAMED_BYTES = 3_900; // a message has at most 4 KiB
const UNREAD_CHANGES = 10_000; // users

const TOO_BIG = 1009;
const PAGE_HIDDEN = 4001; // unlike 1000, the server waits for the next page
const TOKEN_EXPIRED = 4401;
const REFUSED = 4500; // and above: reconnecting is useless
const REVOKED = 4501;
const REPLACED = 4503;
const REPLY = /^pong$|_(ack|confirmed|refreshed)$/;
const CLOSED = Symbol(); // ends a request for a token

const platformTimers = {
  now: () => Date.now(),
  set: (fn, ms) => setTimeout(fn, ms),
  clear: (id) => clearTimeout(id),
  random: () => Math.random(),
};

const areSame = (one, other) => JSON.stringify(one) === JSON.stringify(other);

export class Rollcall {
  users = new Map();
  calls = new Map();
  stats = null;
  roundTrip = null;
  userId = null;
  retryAt = null;

  #options;
  #timers;
  #timerIds = {};
  #listeners = new Map();
  #events = [];
  #iterators = new Set();
  #unhook = [];
  #state = "offline";
  #why; // the next state: close code and reason
  #wanted = false;
  #isReplaced = false;
  #socket = null;
  #token;
  #refusedToken;
  #tokenRequest = null;
  #endTokenRequest = null;
  #renewedAt = 0; // when a refused token was last replaced
  #failures = 0;
  #unreached = 0; // failures before the first greeting
  #comeBackAfter = null;
  #hello = null; // the connection's first message
  #greetedAt = 0;
  #isComplete = false;
  #heardAt = 0;
  #askedAt = null; // when the unanswered ping was sent
  #pings = new Map();
  #pingCount = 0;
  #outgoing = [];
  #inFlight = []; // unanswered commands
  #allowance; // commands that may be sent now
  #commandMs; // the server allows one in this time
  #allowedAt = 0;
  #epoch = ""; // the local copy's, while it can be resumed
  #seq = 0; // the local copy's
  #ownStatusIsDue = false;
  #pages = null; // of an incomplete snapshot: user id to {status, seq}
  #choice = {}; // user ids and tags
  #asked; // on this connection
  #subscribedAt = -ASKING_MS;
  #due = new Map(); // unconfirmed subscriptions, and when to repeat them
  #unnamedCalls = null; // not yet listed on this connection
  #isOperators; // a cookie signs in, and the app reads the messages

  constructor(options = {}) {
    this.#options = { url: globalThis.location?.origin, channel: "feed", tokenTimeout: TOKEN_MS, ...options };
    if (!this.#options.url) throw new TypeError("Rollcall needs the server's url");
    this.#timers = { ...platformTimers, ...options.timers };
    this.#token = options.token ?? null;
    this.#isOperators = this.#options.channel === "operators";
  }

  get state() {
    return this.#state;
  }

  get(userId) {
    return this.users.get(userId);
  }

  /** Private fields don't work through a proxy. Vue wraps no object that has a tag. */
  get [Symbol.toStringTag]() {
    return "Rollcall";
  }

  on(event, fn) {
    Rollcall.#check(this);
    if (!this.#listeners.has(event)) this.#listeners.set(event, new Set());
    this.#listeners.get(event).add(fn);
    return () => this.off(event, fn);
  }

  off(event, fn) {
    this.#listeners.get(event)?.delete(fn);
  }

  static #check(client) {
    if (!(#state in client)) throw new TypeError("A proxy wraps the client: use markRaw");
  }

  connect() {
    Rollcall.#check(this);
    if (this.#wanted && this.#isTrying) return this.retryNow();
    this.#wanted = true;
    this.#failures = this.#unreached = this.#renewedAt = 0;
    this.#refusedToken = undefined;
    if (!this.#unhook.length) this.#hook();
    this.#open();
  }

  retryNow() {
    if (this.#state === "waiting") this.#open();
  }

  close() {
    this.#wanted = false;
    this.#endTokenRequest?.(CLOSED);
    for (const unhook of this.#unhook.splice(0)) unhook();
    this.#drop(1000);
    this.#become("offline");
    for (const end of this.#iterators) end();
  }

  subscribe({ userIds, tags } = {}) {
    const ids = userIds && new Set(userIds);
    for (const id of ids ?? []) if (!Number.isSafeInteger(id) || id < 1) throw new TypeError(`${id} is no user id`);
    this.#choice = { ids, tags: tags && [...tags] };
    this.#epoch = ""; // changes alone are not enough
    this.#due.set(this.#options.channel, Math.min(this.#timers.now(), this.#subscribedAt) + ASKING_MS);
    for (const id of [...this.users.keys()]) if (ids && !ids.has(id)) this.#put(id, undefined, "snapshot");
    this.#ask();
  }

  heartbeat() {
    return this.send({ type: "heartbeat" });
  }

  ping() {
    return new Promise((resolve, reject) => {
      const timestamp = ++this.#pingCount;
      this.#pings.set(timestamp, { sentAt: 0, resolve, reject });
      if (this.send({ type: "ping", timestamp })) return;
      this.#pings.delete(timestamp);
      reject(new Error("not connected"));
    });
  }

  send(command) {
    if (!this.#hello || this.#socket.readyState !== 1 || this.#outgoing.length >= WAITING_COMMANDS) return false;
    this.#outgoing.push(command);
    this.#flush();
    return true;
  }

  /** Only the latest change of each user waits for a slow reader. */
  [Symbol.asyncIterator]() {
    const unread = new Map();
    const readers = [];
    let isOver = false;
    const serve = () => {
      while (readers.length && (unread.size || isOver)) {
        const [value] = unread.values();
        unread.delete(value?.userId);
        readers.shift()({ value, done: !value });
      }
    };
    const stop = this.on("change", (change) => {
      unread.delete(change.userId);
      unread.set(change.userId, change);
      if (unread.size > UNREAD_CHANGES) unread.delete(unread.keys().next().value);
      serve();
    });
    const end = () => {
      isOver = true;
      stop();
      this.#iterators.delete(end);
      serve();
    };
    this.#iterators.add(end);
    if (!this.#wanted) end();
    return {
      next: () =>
        new Promise((resolve) => {
          readers.push(resolve);
          serve();
        }),
      return: async () => {
        unread.clear();
        end();
        return { value: undefined, done: true };
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  get #isTrying() {
    return this.#state !== "offline" && this.#state !== "signedOut";
  }

  async #open() {
    this.#drop();
    this.#isReplaced = false;
    this.#become("connecting");
    if (this.#state === "connecting" && !this.#token && !this.#isOperators) await this.#renewToken();
    if (this.#state !== "connecting" || this.#socket) return; // closed or reopened meanwhile
    try {
      this.#socket = this.#dial();
    } catch (error) {
      // Browsers name the refused subprotocol.
      return this.#stayAway("CONNECT_ERROR", String(error).replaceAll(this.#token, "…"));
    }
    this.#later("watch", OPENING_MS, () => this.#lost());
  }

  #dial() {
    const { url, channel, WebSocket = globalThis.WebSocket } = this.#options;
    const named = this.#named();
    const protocols = ["rollcall.v1"];
    this.#asked = this.#why = undefined;
    this.#due = new Map(named ? [[channel, 0]] : []).set("calls", 0);
    if (this.#isOperators) this.#due.clear();
    else protocols.push(`bearer.${this.#token}`);
    // Without a local copy, ask as if it were too old, to get a snapshot.
    const known = named || this.#isOperators ? "" : `?epoch=${encodeURIComponent(this.#epoch)}&since=${this.#seq}`;
    const address = `${url.replace(/^http/, "ws").replace(/\/+$/, "")}/ws/${channel}${known}`;
    const socket = new WebSocket(address, protocols);
    socket.onmessage = ({ data }) => this.#receive(data);
    socket.onclose = ({ code, reason }) => {
      this.#why = { code, reason };
      this.#closed(code);
    };
    socket.onerror = () => {}; // a close event follows
    return socket;
  }

  #drop(code) {
    for (const id of Object.values(this.#timerIds)) this.#timers.clear(id);
    this.#timerIds = {};
    const socket = this.#socket;
    this.#socket = this.#hello = this.#pages = this.#askedAt = this.#comeBackAfter = this.#unnamedCalls = null;
    this.#outgoing = [];
    this.#inFlight = [];
    this.#isComplete = false;
    for (const { reject } of this.#pings.values()) reject(new Error("connection lost"));
    this.#pings.clear();
    if (!socket) return;
    socket.onmessage = socket.onclose = null;
    try {
      socket.close(code);
    } catch {
      // some platforms throw if it never opened
    }
  }

  #closed(code) {
    this.#settle();
    if (code === TOKEN_EXPIRED || code === REFUSED) return this.#comeBackWithNewToken();
    if (code === REVOKED) return this.#signOut();
    this.#isReplaced = code === REPLACED;
    if (code === TOO_BIG || code > REFUSED) return this.#stayAway(code, "The server sends this client away");
    this.#lost(code);
  }

  #lost(code = 1006) {
    const after = this.#comeBackAfter;
    const isUnreached = this.#socket && !this.#greetedAt && code === 1006;
    this.#settle();
    this.#drop();
    this.#waitAndRetry(after);
    if (!isUnreached || ++this.#unreached !== 3) return;
    const hints = "Check the address, the TLS certificate and the allowed origins. See docs/troubleshooting.md";
    this.#emit("error", { code: "UNREACHABLE", message: `No answer from ${this.#options.url}. ${hints}` });
  }

  #settle() {
    if (this.#hello && this.#timers.now() - this.#greetedAt >= SETTLED_MS) this.#failures = 0;
  }

  #signOut() {
    this.#drop();
    if (this.#options.getToken) this.#token = null;
    this.#become("signedOut");
  }

  #stayAway(code, message) {
    this.#drop();
    this.#become("offline");
    this.#emit("error", { code, message });
  }

  #comeBackWithNewToken() {
    const now = this.#timers.now();
    if (Math.abs(now - this.#renewedAt) < NEW_TOKEN_MS || !this.#options.getToken) return this.#signOut();
    this.#renewedAt = now;
    this.#refusedToken = this.#token;
    this.#token = null;
    this.#open();
  }

  /** Full jitter, so that clients don't all come back at once. */
  #waitAndRetry(after) {
    const longest = Math.min(LONGEST_BACKOFF_MS, SHORTEST_BACKOFF_MS * 2 ** this.#failures++);
    after ??= this.#timers.random() * longest;
    this.retryAt = this.#timers.now() + after;
    this.#later("retry", after, () => this.#open());
    this.#become("waiting");
  }

  /** One request at a time: further callers share its result. */
  #requestToken() {
    const { getToken, tokenTimeout } = this.#options;
    return (this.#tokenRequest ??= new Promise((resolve, reject) => {
      const controller = new AbortController();
      const once = (settle) => (value) => {
        this.#timers.clear(timer);
        if (this.#endTokenRequest === end) this.#tokenRequest = this.#endTokenRequest = null;
        settle(value);
      };
      const end = (this.#endTokenRequest = (error) => {
        controller.abort();
        once(reject)(error);
      });
      const timer = this.#timers.set(() => end(new Error(`no token within ${tokenTimeout} ms`)), tokenTimeout);
      const { signal } = controller;
      Promise.resolve({ signal, refused: this.#refusedToken })
        .then((request) => signal.aborted || getToken?.(request))
        .then(once(resolve), once(reject));
    }));
  }

  async #renewToken() {
    let token;
    try {
      token = await this.#requestToken();
    } catch (error) {
      if (error === CLOSED) return false;
      this.#emit("error", { code: "TOKEN_ERROR", message: String(error) });
      if (this.#state === "connecting" && !this.#socket) this.#lost();
      return false;
    }
    if (token === this.#refusedToken) token = null;
    if (token) this.#token = token;
    else if (this.#state === "connecting" && !this.#socket) this.#signOut();
    return Boolean(token);
  }

  #receive(data) {
    try {
      const message = JSON.parse(data);
      const isGreeting = message.type === "connection_established";
      if (isGreeting === Boolean(this.#hello) && message.type !== "error") return;
      this.#heardAt = this.#timers.now();
      this.#askedAt = null;
      if (this.#state === "stale") this.#becomeConnected();
      if (REPLY.test(message.type)) this.#inFlight.shift();
      this.#handlers[message.type]?.(message);
      if (message.type) this.#emit("message", message);
    } catch {
      // not from the server but from something in between
    }
  }

  #handlers = {
    __proto__: null,
    connection_established: (message) => this.#established(message),
    user_status_update: (message) => this.#updated(message),
    user_removed: ({ user_id: userId, seq }) => this.#updated({ user_id: userId, seq, reason: "removed" }),
    snapshot: (message) => this.#paged(message),
    resume_complete: ({ seq }) => this.#completed(seq),
    feed_stats: ({ stats }) => {
      this.stats = stats;
      this.#emit("stats", stats);
    },
    call_status_update: ({ call }) => this.#called(call),
    subscription_confirmed: ({ subscription }) => this.#confirmed(subscription),
    pong: ({ timestamp }) => this.#ponged(timestamp),
    token_expiring: () => this.#refreshInPlace(),
    server_draining: (message) => (this.#comeBackAfter = message.reconnect_after_ms),
    error: ({ code, message }) => {
      if (code === "RATE_LIMIT_ERROR") return this.#sendAgain();
      this.#inFlight.shift();
      this.#emit("error", { code, message });
    },
  };

  #established(hello) {
    this.#hello = hello;
    this.#greetedAt = this.#timers.now();
    this.#allowance = Infinity;
    this.#commandMs = 1_000 / (hello.commands_per_second ?? 2);
    this.#isComplete = this.#isOperators;
    this.userId = hello.user_id;
    this.#ownStatusIsDue = hello.user_id !== null;
    if (!hello.resumed) {
      this.#epoch = "";
      this.#seq = 0;
    }
    this.#watchSilence();
    this.#ask();
    this.#becomeConnected();
  }

  #becomeConnected() {
    this.#become(this.#isComplete ? "live" : "syncing");
  }

  #completed(seq) {
    this.#seq = Math.max(this.#seq, seq);
    if (this.#due.has(this.#options.channel)) return; // other users are watched by now
    this.#isComplete = true;
    this.#becomeConnected();
  }

  #updated({ user_id: userId, status, seq, reason }) {
    // The user's own status comes ahead of the missed changes, so its seq says nothing.
    const place = this.#ownStatusIsDue ? 0 : seq;
    this.#ownStatusIsDue = false;
    this.#seq = Math.max(this.#seq, place);
    this.#pages?.set(userId, { status, seq: place });
    if (this.#watches(userId)) this.#put(userId, status, reason);
  }

  /** Pages are collected beside the local copy, which stays complete. */
  #paged({ users, more, seq }) {
    const pages = (this.#pages ??= new Map());
    for (const status of users) {
      const isOlder = pages.get(status.user_id)?.seq > seq;
      if (!isOlder) pages.set(status.user_id, { status, seq });
    }
    if (more) return;
    this.#pages = null;
    if (this.#due.has(this.#options.channel)) return; // other users are watched by now
    // A requested snapshot may belong to an earlier request: only one sent unasked is safe to resume from.
    if (!this.#asked) this.#epoch = this.#hello.epoch;
    for (const userId of [...this.users.keys()]) if (!pages.has(userId)) this.#put(userId, undefined, "snapshot");
    for (const [userId, { status }] of pages) if (this.#watches(userId)) this.#put(userId, status, "snapshot");
    this.#completed(seq);
  }

  #watches(userId) {
    const { ids, tags } = this.#choice;
    if (tags && this.#due.has(this.#options.channel)) return false; // only the server knows who has them
    return !ids || ids.has(userId);
  }

  #put(userId, after, reason) {
    const before = this.users.get(userId);
    if (areSame(before, after)) return;
    if (after) this.users.set(userId, after);
    else this.users.delete(userId);
    this.#emit("change", { userId, before, after, reason });
  }

  #called(call, callId = call.call_id) {
    const before = this.calls.get(callId);
    this.#unnamedCalls?.delete(callId);
    if (areSame(before, call)) return;
    if (call?.status === "ongoing") this.calls.set(callId, call);
    else this.calls.delete(callId);
    this.#emit("call", { before, after: call });
  }

  #flush() {
    const now = this.#timers.now();
    this.#allowance += Math.max(0, now - this.#allowedAt) / this.#commandMs;
    this.#allowance = Math.min(this.#hello.command_burst ?? 20, this.#allowance);
    this.#allowedAt = now;
    for (; this.#outgoing.length && this.#allowance >= 1; this.#allowance--) {
      const command = this.#outgoing.shift();
      const ping = this.#pings.get(command.timestamp);
      if (ping) ping.sentAt = now;
      this.#inFlight.push(command);
      this.#socket.send(JSON.stringify(command));
    }
    const wait = Math.ceil((1 - this.#allowance) * this.#commandMs);
    if (this.#outgoing.length) this.#later("flush", wait, () => this.#flush());
  }

  /** The user's other devices share the rate. Any command may be the refused one, and twice does no harm. */
  #sendAgain() {
    const wait = REFUSED_MS * (1 + this.#timers.random());
    this.#allowance = 1 - wait / this.#commandMs;
    this.#allowedAt = this.#timers.now();
    for (const subscription of this.#due.keys()) this.#due.set(subscription, this.#allowedAt + wait + UNANSWERED_MS);
    for (const ping of this.#pings.values()) ping.sentAt = 0;
    this.#outgoing.unshift(...this.#inFlight.splice(0));
    this.#flush();
  }

  #ask() {
    const now = this.#timers.now();
    if (!this.#hello || !this.#due.size) return;
    for (const [subscription, at] of this.#due) if (at <= now) this.#subscribe(subscription, now);
    this.#later("ask", ASKING_MS, () => this.#ask());
  }

  #subscribe(subscription, now) {
    const command = { type: "subscribe", subscription, snapshot: true };
    this.#due.set(subscription, now + UNANSWERED_MS);
    if (subscription === "calls") {
      this.#unnamedCalls = null;
      this.send(command);
      return void this.ping().catch(() => {});
    }
    this.#subscribedAt = now;
    this.#asked = this.#choice;
    this.send({ ...command, ...this.#named() });
  }

  /** Other users are filtered out here. */
  #named() {
    const { ids, tags } = this.#choice;
    const user_ids = ids && [...ids];
    if (tags) return { tags };
    if (user_ids?.length <= NAMED_LIMIT && String(user_ids).length <= NAMED_BYTES) return { user_ids };
  }

  #confirmed(subscription) {
    if (!this.#due.has(subscription)) return;
    if (subscription === "calls") this.#unnamedCalls = new Set(this.calls.keys());
    else if (this.#asked === this.#choice) this.#due.delete(subscription);
  }

  #ponged(timestamp) {
    const isSent = this.#pings.get(timestamp)?.sentAt;
    for (const [id, { sentAt, resolve, reject }] of isSent ? this.#pings : []) {
      if (id > timestamp || !sentAt) continue; // sent later
      this.#pings.delete(id);
      if (id < timestamp) reject(new Error("refused"));
      else resolve((this.roundTrip = this.#timers.now() - sentAt));
    }
    if (!this.#unnamedCalls) return;
    // The server doesn't report calls that ended: those not listed before the pong.
    for (const callId of this.#unnamedCalls) this.#called(undefined, callId);
    this.#unnamedCalls = null;
    this.#due.delete("calls");
  }

  async #refreshInPlace() {
    if (!this.#options.getToken) return this.#emit("error", { code: "TOKEN_EXPIRING", message: "The token ends soon" });
    const before = this.#token;
    if ((await this.#renewToken()) && this.#token !== before) this.send({ type: "refresh", token: this.#token });
  }

  /** TCP takes minutes to notice a dead connection: ping, turn `stale`, reconnect. */
  #watchSilence(isDoubtful) {
    const now = this.#timers.now();
    const quiet = Math.max(0, now - this.#heardAt); // the clock may have been set back
    if (this.#askedAt === null) {
      if (quiet < SILENCE_MS && !isDoubtful)
        return this.#later("watch", SILENCE_MS - quiet, () => this.#watchSilence());
      this.#askedAt = now;
      this.ping().catch(() => {});
    }
    const unanswered = Math.max(0, now - this.#askedAt);
    if (unanswered >= DEAD_MS) return this.#lost();
    const isStale = unanswered >= STALE_MS || quiet >= SILENCE_MS + STALE_MS;
    this.#later("watch", (unanswered < STALE_MS ? STALE_MS : DEAD_MS) - unanswered, () => this.#watchSilence());
    if (isStale) this.#become("stale");
  }

  #hook() {
    const listen = (target, event, fn) => {
      if (!target?.addEventListener) return;
      target.addEventListener(event, fn);
      this.#unhook.push(() => target.removeEventListener(event, fn));
    };
    // A server on the same machine needs no network, so just ping.
    listen(globalThis, "offline", () => this.#doubt());
    listen(globalThis, "online", () => this.#wakeUp());
    // A page in the back/forward cache would keep its user online.
    listen(globalThis, "pagehide", () => this.#park());
    listen(globalThis, "pageshow", () => this.retryNow());
    listen(globalThis.document, "visibilitychange", () => {
      if (globalThis.document.visibilityState === "visible") this.#wakeUp();
    });
    const subscription = this.#options.appState?.addEventListener("change", (next) => {
      if (next === "active") this.#wakeUp();
    });
    this.#unhook.push(() => subscription?.remove());
  }

  /** The device's timers may have slept, so ping at once. */
  #wakeUp() {
    if (this.#isReplaced) return this.connect();
    this.#doubt();
    if (this.#state !== "waiting") return;
    this.#failures = 0;
    this.#waitAndRetry();
  }

  #park() {
    if (!this.#isTrying) return;
    this.#drop(PAGE_HIDDEN);
    this.retryAt = null;
    this.#become("waiting");
  }

  #doubt() {
    if (this.#hello) this.#watchSilence(true);
  }

  #later(name, ms, fn) {
    this.#timers.clear(this.#timerIds[name]);
    this.#timerIds[name] = this.#timers.set(fn, ms);
  }

  #become(after) {
    const before = this.#state;
    if (after === before) return;
    this.#state = after;
    const why = this.#why;
    this.#why = undefined;
    this.#emit("state", { before, after, ...why });
  }

  #emit(...event) {
    if (this.#events.push(event) > 1) return; // from a listener: after the current event
    for (; this.#events.length; this.#events.shift()) {
      const [name, value] = this.#events[0];
      const listeners = this.#listeners.get(name);
      for (const fn of [...(listeners ?? [])]) {
        try {
          if (listeners.has(fn)) fn(value);
        } catch (error) {
          queueMicrotask(() => {
            throw error; // the app's error stops nothing
          });
        }
      }
    }
  }
}

export default Rollcall;
