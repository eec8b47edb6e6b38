/** Connection: how current the page is, and how to say so. Built on Rollcall; no DOM. */

import { count, durationInWords } from "./formatting.js";
import { moments } from "./moments.js";

/** The status in the page's header. */
export const LABELS = {
  connecting: "Connecting",
  live: "Live",
  stale: "No update",
  down: "Connection lost",
  restarting: "Restarting",
  signedOut: "Signed out",
  away: "Disconnected",
};

const RESTART = 1012; // the close code of a server that goes away
const TRY_LATER = 1013; // and of one with as many sockets as it allows
const RESTART_MS = 60_000; // whoever isn't back by then is more than restarted
const NOT_CONNECTED = "Not connected";
const LOST = new Set(["down", "restarting"]);

const WHOLE = new Set(["overview", "subject"]);
const UPDATES = new Set(["overview_update", "subject_update"]);

/** Whether a message has everything that the page shows. */
export const isWhole = ({ type }) => WHOLE.has(type);

const platform = {
  now: () => Date.now(),
  set: (fn, ms) => setTimeout(fn, ms),
  clear: (id) => clearTimeout(id),
};

const inSeconds = (milliseconds) => `${Math.ceil(milliseconds / 1_000)} s`;

/**
 * `connecting` until the first overview; then `live` while messages keep coming, and `stale` after `staleMs` without one.
 * `down` or `restarting` from the loss of the socket until the next overview; `signedOut`; `away` when the server closed
 * the socket and doesn't want it back.
 */
export class Connection {
  name = "connecting";
  /** The server now has another version of the page. */
  isOutdated = false;
  /** The server's time of the figures. */
  figuresAt;
  /** The server's time at which the page was paused, because it shows the figures of then; else null. */
  pausedAt = null;
  #client;
  #timers;
  #version;
  #users;
  #isScreen;
  #staleMs;
  #listener = () => {};
  #heardAt;
  #hasOverview = false; // on the current socket
  #hadOverview = false; // on any socket
  #wasLive = false;
  #isFull = false; // the server has no room for this page
  #restartingSince = null;
  #isRetrying = false; // the client is closed only to connect again
  #timer = null;

  /** `users` is how many there are to load. On a screen, `isScreen`, nobody has signed in. */
  constructor(client, { version, figuresAt, staleMs, users = 0, isScreen = false, timers = platform }) {
    this.#client = client;
    this.#timers = timers;
    this.#version = version;
    this.#users = users;
    this.#isScreen = isScreen;
    this.#staleMs = staleMs;
    this.figuresAt = figuresAt;
    this.#heardAt = timers.now();
    client.on("message", (message) => this.#hear(message));
    client.on("state", ({ after, code }) => this.#clientChanged(after, code));
  }

  /** Calls back when the name changes, with {before, after, absence}. After a reconnect, `absence` is [from, to]. */
  listen(listener) {
    this.#listener = listener;
  }

  open() {
    this.noteProgress();
    this.#client.connect();
  }

  /** Something of the first overview has arrived over HTTP, or is on its way. */
  noteProgress() {
    this.#heardAt = this.#timers.now();
    this.#watch();
    this.#update();
  }

  /** Connect now instead of waiting for the next attempt. Does nothing when the page is already live again. */
  retry() {
    if (this.isLive) return;
    this.#isRetrying = true;
    this.#client.close();
    this.#isRetrying = false;
    this.#client.connect();
  }

  /** The status in the page's header. */
  get label() {
    if (this.name === "connecting" && this.#users) return `Loading ${count(this.#users, "user")}…`;
    if (this.name === "down" && (this.#isFull || !this.#hadOverview)) return NOT_CONNECTED;
    return LABELS[this.name === "signedOut" && this.#isScreen ? "away" : this.name];
  }

  get isLive() {
    return this.name === "live";
  }

  /** Text for the banner; empty when there is nothing to report. */
  get text() {
    const at = moments.clock(this.pausedAt ?? this.figuresAt, this.#timers.now());
    const figures = `Figures are from ${at}; timers are stopped.`;
    switch (this.name) {
      case "stale":
        return `No update for ${durationInWords(this.#timers.now() - this.#heardAt)}. ${figures}`;
      case "down":
        return `${this.#whyDown} ${this.#nextTry} ${figures}`;
      case "restarting":
        return `The server is restarting. ${this.#nextTry} ${figures}`;
      case "signedOut":
        return `${this.#isScreen ? "This screen isn't connected any more." : "You are signed out."} ${figures}`;
      case "away":
        return `The server closed the connection. Reload the page to reconnect. ${figures}`;
      default:
        return "";
    }
  }

  /** Text for when updates arrive again. */
  get backAgain() {
    return `Reconnected. ${this.pausedAt === null ? "The figures are live again." : "This page is still paused."}`;
  }

  get #whyDown() {
    if (this.#isFull) return "Too many pages are open: close some.";
    return this.#hadOverview ? "Connection lost." : "The server can't be reached.";
  }

  get #nextTry() {
    const { state, retryAt } = this.#client;
    const remaining = retryAt - this.#timers.now();
    return state === "waiting" && remaining > 0 ? `Trying again in ${inSeconds(remaining)}.` : "Trying again now.";
  }

  get #isRestarting() {
    return this.#restartingSince !== null && this.#timers.now() - this.#restartingSince < RESTART_MS;
  }

  #hear(message) {
    if (message.type === "connection_established") {
      this.isOutdated = message.version !== this.#version;
      if (message.resumed) return this.#resumed();
    }
    if (message.type === "server_draining") this.#restartingSince = this.#timers.now();
    const isOverview = isWhole(message);
    if (isOverview) this.#hasOverview = this.#hadOverview = true;
    if (!isOverview && !UPDATES.has(message.type)) return;
    const absence = [this.figuresAt, message.now];
    this.#heardAt = this.#timers.now();
    this.figuresAt = message.now;
    if (isOverview) this.#restartingSince = null;
    this.#update(absence);
    this.#watch();
  }

  /** The page has loaded the overview over HTTP, and updates go on from there. */
  #resumed() {
    this.#hasOverview = this.#hadOverview = true;
    this.#restartingSince = null;
    this.noteProgress();
  }

  /** A server that goes away says so before, but that message may be lost. */
  #clientChanged(state, code) {
    if (code === RESTART) this.#restartingSince ??= this.#timers.now();
    if (state === "waiting") this.#isFull = code === TRY_LATER;
    if (state === "waiting" || state === "connecting") this.#hasOverview = false;
    if (!this.#isRetrying) this.#update();
  }

  #update(absence) {
    const after = this.#currentName();
    const before = this.name;
    if (after === before) return;
    this.name = after;
    const isReconnect = after === "live" && this.#wasLive;
    this.#wasLive ||= after === "live";
    this.#listener({ before, after, absence: isReconnect ? absence : null });
  }

  #currentName() {
    const { state } = this.#client;
    if (state === "signedOut") return "signedOut";
    if (state === "offline" && this.name !== "connecting") return "away";
    const wasConnected = this.#hadOverview || LOST.has(this.name); // or has said already that it isn't
    const isLost = state === "waiting" || (wasConnected && !this.#hasOverview);
    if (isLost) return this.#isRestarting ? "restarting" : "down";
    if (this.#timers.now() - this.#heardAt >= this.#staleMs) return "stale";
    return this.#hasOverview ? "live" : "connecting";
  }

  /** Notice when messages stop. */
  #watch() {
    if (this.#timer !== null) return;
    const remaining = this.#heardAt + this.#staleMs - this.#timers.now();
    if (remaining <= 0) return this.#update();
    this.#timer = this.#timers.set(() => {
      this.#timer = null;
      this.#watch();
    }, remaining);
  }
}
