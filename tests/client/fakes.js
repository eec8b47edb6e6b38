/** Fakes: a clock that tests advance, a network that counts its sockets, a page, and a client that uses them. */

import { Rollcall } from "../../static/rollcall.js";

/** Let all promises settle that can. */
export async function settle() {
  for (let turn = 0; turn < 8; turn++) await null;
}

/** Time that moves only on request. While the device sleeps, the client's timers stop, but not the others. */
export class FakeClock {
  now = 1_700_000_000_000;
  isAsleep = false;
  random = () => 0.5;
  #timers = new Map();
  #count = 0;

  /** The option `timers` of a client. */
  forClient = {
    now: () => this.now,
    set: (fn, ms) => this.#set(fn, ms, true),
    clear: (id) => this.#timers.delete(id),
    random: () => this.random(),
  };

  /** Set a timer outside the client, which runs even during sleep. */
  after(ms, fn) {
    return this.#set(fn, ms, false);
  }

  /** The remaining time of each of the client's timers, in milliseconds. */
  get waits() {
    return [...this.#timers.values()].filter((timer) => timer.isClients).map(({ at }) => at - this.now);
  }

  async advance(ms) {
    const end = this.now + ms;
    await settle();
    for (let next; (next = this.#next(end));) {
      this.now = Math.max(this.now, next.at);
      this.#timers.delete(next.id);
      next.fn();
      await settle();
    }
    this.now = end;
    await settle();
  }

  #set(fn, ms, isClients) {
    if (!(ms >= 0)) throw new Error(`a timer of ${ms} ms`);
    const id = ++this.#count;
    this.#timers.set(id, { id, fn, at: this.now + ms, isClients });
    return id;
  }

  #next(end) {
    let next = null;
    for (const timer of this.#timers.values()) {
      if (this.isAsleep && timer.isClients) continue;
      if (timer.at <= end && (next === null || timer.at < next.at)) next = timer;
    }
    return next;
  }
}

/** A WebSocket whose server is the test. It counts as open from its creation until either side closes it. */
class FakeSocket {
  readyState = 0;
  /** The messages that the client sent, decoded. */
  sent = [];
  /** The client's close code. */
  leftWith = null;
  onopen = null;
  onmessage = null;
  onclose = null;
  onerror = null;
  /** Called for each message from the client. */
  onsent = () => {};
  onleft = () => {};

  constructor(url, protocols) {
    this.url = url;
    this.protocols = protocols;
  }

  send(text) {
    if (this.readyState !== 1) throw new Error("sent on a socket that is not open");
    const message = JSON.parse(text);
    this.sent.push(message);
    this.onsent(message);
  }

  close(code) {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.leftWith = code ?? 1005;
    this.onleft();
  }

  accept() {
    this.readyState = 1;
    this.onopen?.();
  }

  say(message) {
    this.sayText(JSON.stringify(message));
  }

  sayText(text) {
    if (this.readyState === 1) this.onmessage?.({ data: text });
  }

  end(code, reason = "") {
    if (this.readyState === 3) return;
    this.readyState = 3;
    if (code === 1006) this.onerror?.({});
    this.onclose?.({ code, reason });
  }

  /** Return the commands of a type that the client sent. */
  commands(type) {
    return this.sent.filter((command) => command.type === type);
  }

  get query() {
    return Object.fromEntries(new URL(this.url).searchParams);
  }
}

/** Makes sockets and keeps all of them. */
export class FakeNetwork {
  sockets = [];
  /** The highest number of sockets open at the same time. */
  mostOpen = 0;
  /** Called with every new socket. */
  ondial = () => {};

  WebSocket = ((network) =>
    class extends FakeSocket {
      constructor(url, protocols) {
        super(url, protocols);
        network.sockets.push(this);
        network.mostOpen = Math.max(network.mostOpen, network.open.length);
        network.ondial(this);
      }
    })(this);

  get open() {
    return this.sockets.filter((socket) => socket.readyState !== 3);
  }

  get last() {
    return this.sockets.at(-1);
  }
}

/** A browser page that replaces the globals during a test. */
export class FakePage {
  document = Object.assign(new EventTarget(), { visibilityState: "visible" });
  /** The current number of listeners. */
  listeners = 0;
  #window = new EventTarget();

  constructor(test) {
    for (const target of [this.document, this.#window]) this.#count(target);
    globalThis.document = this.document;
    globalThis.addEventListener = (...words) => this.#window.addEventListener(...words);
    globalThis.removeEventListener = (...words) => this.#window.removeEventListener(...words);
    test.after(() => {
      delete globalThis.document;
      delete globalThis.addEventListener;
      delete globalThis.removeEventListener;
    });
  }

  goOnline() {
    this.#window.dispatchEvent(new Event("online"));
  }

  /** Leave the page: it may be kept in the back/forward cache. */
  leave() {
    this.#window.dispatchEvent(new Event("pagehide"));
  }

  /** Come back to the page, from the back/forward cache. */
  comeBack() {
    this.#window.dispatchEvent(new Event("pageshow"));
  }

  goOffline() {
    this.#window.dispatchEvent(new Event("offline"));
  }

  hide() {
    this.#turn("hidden");
  }

  show() {
    this.#turn("visible");
  }

  #turn(visibilityState) {
    this.document.visibilityState = visibilityState;
    this.document.dispatchEvent(new Event("visibilitychange"));
  }

  #count(target) {
    const { addEventListener, removeEventListener } = target;
    target.addEventListener = (...words) => (this.listeners++, addEventListener.apply(target, words));
    target.removeEventListener = (...words) => (this.listeners--, removeEventListener.apply(target, words));
  }
}

/** A stand-in for React Native's AppState. */
export class FakeAppState {
  #listeners = new Set();

  get listeners() {
    return this.#listeners.size;
  }

  addEventListener(_event, fn) {
    this.#listeners.add(fn);
    return { remove: () => this.#listeners.delete(fn) };
  }

  become(state) {
    for (const fn of [...this.#listeners]) fn(state);
  }
}

export function status(userId, rest = {}) {
  return {
    user_id: userId,
    username: `user ${userId}`,
    profile_image_url: null,
    is_online: true,
    last_seen: "2026-01-15T10:30:00Z",
    is_busy: false,
    busy_until: null,
    is_available: true,
    ...rest,
  };
}

export const BUSY = { is_busy: true, is_available: false };
export const OFFLINE = { is_online: false, is_available: false };

export const update = (userId, seq, rest, reason = "set") => ({
  type: "user_status_update",
  user_id: userId,
  status: status(userId, rest),
  seq,
  reason,
});

export const snapshot = (seq, users, more = false) => ({ type: "snapshot", subscription: "feed", seq, users, more });

export const call = (callId, rest = {}) => ({
  type: "call_status_update",
  call: { call_id: callId, caller_id: 1, callee_id: 2, call_type: "audio", status: "ongoing", ...rest },
});

/** A client on a fake network, and everything it reported. The client's own user is 1. */
export class Scene {
  clock = new FakeClock();
  network = new FakeNetwork();
  told = { state: [], change: [], stats: [], call: [], error: [] };

  constructor(options = {}) {
    this.client = new Rollcall({
      url: "http://rollcall.test:8000",
      token: "first",
      WebSocket: this.network.WebSocket,
      timers: this.clock.forClient,
      ...options,
    });
    for (const [event, values] of Object.entries(this.told)) this.client.on(event, (value) => values.push(value));
  }

  get socket() {
    return this.network.last;
  }

  /** Return the states that the client went through since the last call. */
  takeStates() {
    return this.told.state.splice(0).map(({ after }) => after);
  }

  /** Accept and greet the current socket, then complete a resume or, with `users`, a snapshot, unless it `stalls`. */
  async greet({ epoch = "e1", seq = 0, resumed = false, users = null, stalls = false, ...rest } = {}) {
    await settle();
    this.socket.accept();
    this.socket.say({ type: "connection_established", user_id: 1, channel: "feed", epoch, seq, resumed, ...rest });
    this.socket.say(update(1, 0, {}, "connected"));
    if (users) this.socket.say(snapshot(seq, users, stalls));
    if (resumed && !stalls) this.socket.say({ type: "resume_complete", seq });
    await settle();
  }

  async goLive({ users = [status(1)], ...rest } = {}) {
    this.client.connect();
    await this.greet({ users, ...rest });
    this.answerAll();
    this.takeStates();
    this.told.change.length = 0;
    return this;
  }

  /** Confirm each `subscribe` and answer each `ping` that the current socket has sent so far. */
  answerAll() {
    for (const { type, subscription, timestamp } of this.socket.sent.splice(0)) {
      if (type === "subscribe") this.socket.say({ type: "subscription_confirmed", subscription });
      if (type === "ping") this.socket.say({ type: "pong", timestamp });
    }
  }

  /** End the socket and let the client wait and dial again, without an answer so far. */
  async loseAndDial(code = 1006) {
    this.socket.end(code);
    await this.waitOut();
  }

  /** Advance the time to the client's next timer. */
  async waitOut() {
    await this.clock.advance(Math.min(...this.clock.waits));
  }

  get picture() {
    return Object.fromEntries([...this.client.users].sort(([one], [other]) => one - other));
  }
}
