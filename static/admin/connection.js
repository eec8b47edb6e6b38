/** Connection: how far the page can be believed, and the words for it. On top of Rollcall; no DOM. */

import { clock } from "./formatting.js";

export const STALE_MS = 3_000;

/** What stands in the bar. */
export const NAMES = {
  connecting: "Connecting",
  live: "Live",
  stale: "No update",
  down: "Connection lost",
  restarting: "Restarting",
  signedOut: "Signed out",
  away: "Sent away",
};

const platform = {
  now: () => Date.now(),
  set: (fn, ms) => setTimeout(fn, ms),
  clear: (id) => clearTimeout(id),
};

const inSeconds = (milliseconds) => `${Math.max(0, Math.ceil(milliseconds / 1_000))} s`;

/**
 * `connecting` until the first overview, then `live` while there was a message in the last 3 s, else `stale`; `down` or
 * `restarting` from the loss of the socket until the next overview; `signedOut`; `away` when the server wants it so.
 */
export class Connection {
  name = "connecting";
  /** The page was made by another version of the program than the one that answers now. */
  isOutdated = false;
  /** The server's moment that the figures are of. */
  figuresAt;
  #client;
  #timers;
  #version;
  #listener = () => {};
  #heardAt;
  #isWhole = false; // there was an overview on the present socket
  #wasWhole = false;
  #isRestarting = false;
  #isRetrying = false; // closed for a moment only
  #timer = null;

  constructor(client, { version, figuresAt, timers = platform }) {
    this.#client = client;
    this.#timers = timers;
    this.#version = version;
    this.figuresAt = figuresAt;
    this.#heardAt = timers.now();
    client.on("message", (message) => this.#hear(message));
    client.on("state", ({ after }) => this.#moved(after));
  }

  /** Be told of each change of the name, as {before, after, absence}; of a way back with the moments of the absence. */
  listen(listener) {
    this.#listener = listener;
  }

  open() {
    this.#heardAt = this.#timers.now();
    this.#client.connect();
    this.#watch();
  }

  /** Don't wait for the next attempt. Nothing to do for one who asks in the moment it came back by itself. */
  retry() {
    if (this.isLive) return;
    this.#isRetrying = true;
    this.#client.close();
    this.#isRetrying = false;
    this.#client.connect();
  }

  /** Timers run, and actions may be taken. */
  get isLive() {
    return this.name === "live";
  }

  /** A sentence or two for the banner; empty when all is well. */
  get text() {
    const of = `Figures are from ${clock(this.figuresAt)}; timers are stopped.`;
    switch (this.name) {
      case "stale":
        return `No update for ${Math.floor((this.#timers.now() - this.#heardAt) / 1_000)} s. ${of}`;
      case "down":
        return `Connection lost. ${this.#nextTry} ${of}`;
      case "restarting":
        return `The server is restarting. ${this.#nextTry} ${of}`;
      case "signedOut":
        return `You are signed out. ${of}`;
      case "away":
        return `The server asks this page to stay away. ${of}`;
      default:
        return "";
    }
  }

  get #nextTry() {
    if (this.#client.state !== "waiting") return "Trying again now.";
    return `Trying again in ${inSeconds(this.#client.retryAt - this.#timers.now())}.`;
  }

  #hear(message) {
    if (message.type === "connection_established") this.isOutdated = message.version !== this.#version;
    if (message.type === "server_draining") this.#isRestarting = true;
    const isOverview = message.type === "overview";
    if (isOverview) this.#isWhole = this.#wasWhole = true;
    if (!isOverview && message.type !== "overview_update") return;
    const absence = [this.figuresAt, message.now];
    this.#heardAt = this.#timers.now();
    this.figuresAt = message.now;
    if (isOverview) this.#isRestarting = false;
    this.#judge(absence);
    this.#watch();
  }

  #moved(state) {
    if (state === "waiting" || state === "connecting") this.#isWhole = false;
    if (!this.#isRetrying) this.#judge();
  }

  #judge(absence) {
    const after = this.#judged();
    const before = this.name;
    if (after === before) return;
    this.name = after;
    const isBack = after === "live" && before !== "connecting";
    this.#listener({ before, after, absence: isBack ? absence : null });
  }

  #judged() {
    const { state } = this.#client;
    if (state === "signedOut") return "signedOut";
    if (state === "offline" && this.name !== "connecting") return "away";
    const isLost = state === "waiting" || (this.#wasWhole && !this.#isWhole);
    if (isLost) return this.#isRestarting ? "restarting" : "down";
    if (this.#timers.now() - this.#heardAt >= STALE_MS) return "stale";
    return this.#isWhole ? "live" : "connecting";
  }

  #watch() {
    if (this.#timer !== null) return;
    const rest = this.#heardAt + STALE_MS - this.#timers.now();
    if (rest <= 0) return this.#judge();
    this.#timer = this.#timers.set(() => {
      this.#timer = null;
      this.#watch();
    }, rest);
  }
}
