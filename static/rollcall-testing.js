/**
 * A client for an app's own tests: the test sets its users and its state, and nothing is sent anywhere. It works with
 * the hooks, too. Types: rollcall-testing.d.ts. Guide: docs/client.md.
 */

/** One user's Status, available unless the test says otherwise. */
export function fakeStatus(userId, rest = {}) {
  const status = {
    user_id: userId,
    username: `user ${userId}`,
    profile_image_url: null,
    is_online: true,
    last_seen: "2026-01-15T10:30:00Z",
    is_busy: false,
    busy_until: null,
    ...rest,
  };
  return { ...status, is_available: status.is_online && !status.is_busy };
}

export class FakeRollcall {
  users = new Map();
  calls = new Map();
  stats = null;
  roundTrip = null;
  userId = null;
  retryAt = null;
  state;
  /** What the app sent, as commands. */
  sent = [];
  /** The names of the app's calls of `connect`, `close` and `retryNow`. */
  called = [];

  #listeners = new Map();
  #readers = new Set();

  constructor({ users = [], state = "live", userId = 1 } = {}) {
    for (const status of users) this.users.set(status.user_id, status);
    this.state = state;
    this.userId = userId;
  }

  setUser(status, reason = "set") {
    this.#change(status.user_id, status, reason);
  }

  removeUser(userId) {
    this.#change(userId, undefined, "removed");
  }

  setState(after, why = {}) {
    const before = this.state;
    this.state = after;
    if (before !== after) this.#emit("state", { before, after, ...why });
  }

  setStats(stats) {
    this.stats = stats;
    this.#emit("stats", stats);
  }

  setCall(call) {
    const before = this.calls.get(call.call_id);
    if (call.status === "ongoing") this.calls.set(call.call_id, call);
    else this.calls.delete(call.call_id);
    this.#emit("call", { before, after: call });
  }

  fail(code, message = String(code)) {
    this.#emit("error", { code, message });
  }

  connect() {
    this.called.push("connect");
  }

  close() {
    this.called.push("close");
    for (const end of this.#readers) end();
  }

  retryNow() {
    this.called.push("retryNow");
  }

  get(userId) {
    return this.users.get(userId);
  }

  on(event, fn) {
    if (!this.#listeners.has(event)) this.#listeners.set(event, new Set());
    this.#listeners.get(event).add(fn);
    return () => this.off(event, fn);
  }

  off(event, fn) {
    this.#listeners.get(event)?.delete(fn);
  }

  subscribe({ userIds, tags } = {}) {
    this.send({ type: "subscribe", ...(userIds && { user_ids: [...userIds] }), ...(tags && { tags: [...tags] }) });
  }

  heartbeat() {
    return this.send({ type: "heartbeat" });
  }

  async ping() {
    if (!this.send({ type: "ping" })) throw new Error("not connected");
    return (this.roundTrip = 1);
  }

  send(command) {
    const isConnected = ["syncing", "live", "stale"].includes(this.state);
    if (isConnected) this.sent.push(command);
    return isConnected;
  }

  async *[Symbol.asyncIterator]() {
    const unread = [];
    let isOver = false;
    let wake = () => {};
    const end = () => wake((isOver = true));
    const stop = this.on("change", (change) => wake(unread.push(change)));
    this.#readers.add(end);
    try {
      while (unread.length || !isOver) {
        if (unread.length) yield unread.shift();
        else await new Promise((resolve) => (wake = resolve));
      }
    } finally {
      stop();
      this.#readers.delete(end);
    }
  }

  get [Symbol.toStringTag]() {
    return "Rollcall";
  }

  #change(userId, after, reason) {
    const before = this.users.get(userId);
    if (after) this.users.set(userId, after);
    else this.users.delete(userId);
    this.#emit("change", { userId, before, after, reason });
  }

  #emit(event, value) {
    for (const fn of [...(this.#listeners.get(event) ?? [])]) fn(value);
  }
}
