/** Fakes: rows of invented users, a clock that tests advance, and a client whose server is the test. */

export const NOW = 1_800_000_000_000;

/** The settings of a page when the server has the usual ones. */
export const SETTINGS = { eventsShown: 50, targetsLimit: 500, tagsLimit: 20, staleMs: 3_000, gapMs: 20_000, historyMs: 15 * 60_000 };

export const user = (userId, rest = {}) => ({
  user_id: userId,
  username: `user ${userId}`,
  state: "available",
  since: NOW - 60_000,
  heard: NOW - 5_000,
  because: { text: "connected" },
  ...rest,
});

export const call = (callId, callerId, calleeId, rest = {}) => ({
  call_id: callId,
  caller_id: callerId,
  caller_name: `user ${callerId}`,
  callee_id: calleeId,
  callee_name: `user ${calleeId}`,
  call_type: "audio",
  started_at: NOW - 30_000,
  ...rest,
});

export const issue = (key, rest = {}) => ({
  key,
  kind: "busy_without_cause",
  because: { text: "Saved as busy, but shown as available" },
  since: NOW - 1_000,
  username: "somebody",
  repair: "clear_busy",
  effect: "Clears busy",
  ...rest,
});

export const overview = (rest = {}) => ({
  type: "overview",
  seq: 1,
  now: NOW,
  figures: { available: 2, busy: 0, offline: 0, calls: 0, attention: 0 },
  users: [user(1), user(2)],
  calls: [],
  history: [],
  events: [],
  contradictions: [],
  ...rest,
});

export const update = (rest = {}) => ({ type: "overview_update", seq: 2, now: NOW + 250, ...rest });

/** Time that moves only on request, for code that takes `timers`. */
export class FakeTimers {
  time = NOW;
  #timers = new Map();
  #count = 0;
  now = () => this.time;
  set = (fn, ms) => {
    this.#timers.set(++this.#count, { fn, at: this.time + ms });
    return this.#count;
  };
  clear = (id) => this.#timers.delete(id);

  get pending() {
    return this.#timers.size;
  }

  advance(ms) {
    const end = this.time + ms;
    for (let next; (next = this.#next(end));) {
      const [id, { fn, at }] = next;
      this.#timers.delete(id);
      this.time = Math.max(this.time, at);
      fn();
    }
    this.time = end;
  }

  #next(end) {
    return [...this.#timers].filter(([, { at }]) => at <= end).sort(([, one], [, other]) => one.at - other.at)[0];
  }
}

/** A client with Rollcall's interface, without a network. */
export class FakeClient {
  state = "offline";
  retryAt = null;
  dialled = 0;
  #listeners = { message: [], state: [] };

  on(event, fn) {
    this.#listeners[event].push(fn);
  }

  connect() {
    this.dialled++;
    this.become("connecting");
  }

  close() {
    this.become("offline");
  }

  become(after, code) {
    const before = this.state;
    this.state = after;
    for (const fn of this.#listeners.state) fn({ before, after, code });
  }

  say(message) {
    for (const fn of this.#listeners.message) fn(message);
  }
}

/** Storage as a browser has it. */
export class FakeStorage {
  #kept = new Map();

  getItem(key) {
    return this.#kept.get(key) ?? null;
  }

  setItem(key, text) {
    this.#kept.set(key, String(text));
  }
}
