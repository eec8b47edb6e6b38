/** A small server behind a line that delays, stalls and breaks. It follows docs/protocol.md. */

import { status } from "./fakes.js";

const PAGE_USERS = 3; // small, so that a snapshot takes many messages
const TOKEN_MS = 900_000;
const GRACE_MS = 30_000;
const SILENT_MS = 35_000; // without pongs, as on a sleeping device

/** Return a generator of numbers between 0 and 1 that depend on a seed (mulberry32). */
export function dice(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Delivery to the client of one socket: in order, delayed, and stopped while the line is down. */
class Line {
  #queue = [];
  #isRunning = false;

  constructor(server, socket) {
    this.server = server;
    this.socket = socket;
  }

  put(deliver) {
    this.#queue.push(deliver);
    this.run();
  }

  run() {
    if (this.#isRunning || !this.#queue.length || !this.server.isReachable) return;
    this.#isRunning = true;
    this.server.clock.after(1 + Math.floor(this.server.random() * this.server.slowest), () => {
      this.#isRunning = false;
      if (this.server.isReachable) this.#queue.shift()?.();
      this.run();
    });
  }
}

/** An open socket as the server sees it. */
class Session {
  isOver = false;
  userIds = null;
  hasCalls = true;
  snapshots = [];

  constructor(server, line) {
    this.server = server;
    this.line = line;
  }

  say(message) {
    const text = JSON.stringify(message);
    this.line.put(() => this.line.socket.sayText(text));
  }

  end(code) {
    if (this.isOver) return;
    this.isOver = true;
    this.server.sessions.delete(this);
    this.line.put(() => this.line.socket.end(code));
  }

  watches(userId) {
    return !this.userIds || this.userIds.includes(userId);
  }

  welcome({ epoch, since }) {
    const { server } = this;
    const resumed = epoch === server.epoch && Number(since) <= server.seq;
    this.say({ type: "connection_established", user_id: 1, epoch: server.epoch, seq: server.seq, resumed });
    this.say(server.message(1, "connected"));
    this.say({ type: "feed_stats", stats: { total_users: server.users.size }, seq: server.seq });
    if (resumed) for (const id of server.changedSince(Number(since))) if (id !== 1) this.say(server.message(id, "set"));
    if (resumed) this.say({ type: "resume_complete", seq: server.seq });
    if (!resumed && epoch !== undefined) this.snapshot();
  }

  /** Send a snapshot in pages when its turn comes. Changes during that time are sent between the pages. */
  snapshot() {
    this.snapshots.push(() => {
      const users = [...this.server.users.values()].filter(({ user_id: id }) => this.watches(id));
      this.#page(users, this.server.seq);
    });
    if (this.snapshots.length === 1) this.snapshots[0]();
  }

  #page(users, seq) {
    const more = users.length > PAGE_USERS;
    this.say({ type: "snapshot", subscription: "feed", seq, users: users.slice(0, PAGE_USERS), more });
    this.line.put(() => {
      if (this.isOver) return;
      if (more) return this.#page(users.slice(PAGE_USERS), seq);
      this.snapshots.shift();
      this.snapshots[0]?.();
    });
  }

  hear({ type, subscription, user_ids: userIds = null, snapshot, timestamp, token }) {
    const { server } = this;
    if (!server.takeFromBucket()) {
      return this.say({ type: "error", code: "RATE_LIMIT_ERROR", message: "Rate limit exceeded" });
    }
    if (type === "ping") this.say({ type: "pong", timestamp });
    if (type === "refresh" && server.tokens.has(token)) this.keepFor(token);
    if (type !== "subscribe") return;
    this.say({ type: "subscription_confirmed", subscription });
    if (subscription !== "calls") this.userIds = userIds;
    if (!snapshot) return;
    if (subscription !== "calls") this.snapshot();
    else if (server.call) this.say({ type: "call_status_update", call: server.call });
  }

  /** Keep the session until the token expires, with a warning a minute before. */
  keepFor(token) {
    this.token = token;
    const rest = this.server.tokens.get(token) - this.server.clock.now;
    const unless = (fn) => () => this.isOver || this.token !== token || fn();
    this.server.clock.after(
      Math.max(0, rest - 60_000),
      unless(() => this.say({ type: "token_expiring" })),
    );
    this.server.clock.after(
      Math.max(0, rest + GRACE_MS),
      unless(() => this.end(4401)),
    );
  }
}

export class FakeServer {
  users = new Map();
  call = null;
  epoch = "e1";
  seq = 0;
  sessions = new Set();
  tokens = new Map();
  /** The longest delay of a message, in milliseconds. */
  slowest = 40;
  isReachable = true;
  isUp = true;
  /** What answers in place of the server: "nothing", "junk" or null. */
  portal = null;
  #changes = new Map();
  #lines = new Set();
  #epochs = 1;
  #bucket = 20;
  #takenAt = 0;

  constructor(clock, network, random, userCount) {
    Object.assign(this, { clock, random });
    for (let id = 1; id <= userCount; id++) this.users.set(id, status(id));
    network.ondial = (socket) => this.#dialled(socket);
  }

  issue() {
    const token = `token-${this.tokens.size + 1}`;
    this.tokens.set(token, this.clock.now + TOKEN_MS);
    return token;
  }

  message(userId, reason) {
    const seq = this.#changes.get(userId) ?? 0;
    return { type: "user_status_update", user_id: userId, status: this.users.get(userId), seq, reason };
  }

  changedSince(since) {
    const changed = [...this.#changes].filter(([, seq]) => seq > since);
    return changed.sort(([, one], [, other]) => one - other).map(([userId]) => userId);
  }

  change(userId, rest) {
    if (!this.isUp) return;
    this.users.set(userId, { ...(this.users.get(userId) ?? status(userId)), ...rest });
    this.#changes.set(userId, ++this.seq);
    for (const session of this.sessions) if (session.watches(userId)) session.say(this.message(userId, "set"));
  }

  startCall(callId) {
    if (!this.call && this.isUp) this.#tellCall((this.call = { call_id: callId, status: "ongoing" }));
  }

  endCall() {
    if (!this.call || !this.isUp) return;
    this.#tellCall({ ...this.call, status: "completed" });
    this.call = null;
  }

  /** Go down for a while, with or without a drain. Afterwards, the epoch and the numbering are new. */
  restart(ms, drains) {
    if (!this.isUp) return;
    for (const session of [...this.sessions]) {
      if (drains) session.say({ type: "server_draining", reconnect_after_ms: Math.floor(this.random() * 5_000) });
      session.end(drains ? 1012 : 1006);
    }
    this.isUp = false;
    this.#changes.clear();
    this.seq = 0;
    this.epoch = `e${++this.#epochs}`;
    this.call = null;
    this.clock.after(ms, () => (this.isUp = true));
  }

  /** Take the line down in both directions. The server closes sessions that are silent for too long. */
  goDown() {
    this.isReachable = false;
    for (const session of [...this.sessions]) {
      this.clock.after(SILENT_MS, () => this.isReachable || session.end(4000));
    }
  }

  comeUp() {
    this.isReachable = true;
    for (const line of this.#lines) line.run();
  }

  /** End every session with a code. */
  endAll(code) {
    for (const session of [...this.sessions]) session.end(code);
  }

  takeFromBucket() {
    this.#bucket = Math.min(20, this.#bucket + (2 * (this.clock.now - this.#takenAt)) / 1_000);
    this.#takenAt = this.clock.now;
    if (this.#bucket < 1) return false;
    this.#bucket--;
    return true;
  }

  #tellCall(call) {
    for (const session of this.sessions) session.say({ type: "call_status_update", call });
  }

  #dialled(socket) {
    const line = new Line(this, socket);
    this.#lines.add(line);
    socket.onleft = () => this.#lines.delete(line);
    line.put(() => this.#answer(socket, line));
  }

  #answer(socket, line) {
    if (socket.readyState === 3) return;
    if (this.portal === "nothing" || !this.isUp) return socket.end(1006);
    socket.accept();
    if (this.portal === "junk") return socket.sayText("<html>Please sign in</html>");
    const session = new Session(this, line);
    const token = socket.protocols[1].slice("bearer.".length);
    const expiry = this.tokens.get(token) ?? 0;
    if (expiry <= this.clock.now) {
      session.say({ type: "error", code: "AUTH_ERROR", message: "Invalid token" });
      return session.end(this.tokens.has(token) ? 4401 : 4500);
    }
    this.sessions.add(session);
    session.keepFor(token);
    const leave = socket.onleft;
    socket.onleft = () => {
      session.isOver = true;
      this.sessions.delete(session);
      leave();
    };
    // Sending to the server takes no time. While the line is down, commands wait in its queue.
    socket.onsent = (command) => {
      if (this.isReachable) session.hear(command);
      else line.put(() => session.isOver || session.hear(command));
    };
    session.welcome(socket.query);
  }
}
