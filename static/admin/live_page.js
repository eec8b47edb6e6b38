/** Live page: what all pages that follow the server share: the socket, the server's clock, the connection's state, pausing. */

import { Rollcall } from "../rollcall.js";
import { lockActions } from "./action_lock.js";
import { Banner } from "./banner.js";
import { ServerClock } from "./clock.js";
import { Connection, isWhole } from "./connection.js";
import { moments } from "./moments.js";
import { Tab } from "./tab.js";
import { Ticker } from "./ticker.js";

export const byId = (id) => document.getElementById(id);

/** Each kind of page extends it by what it shows. */
export class LivePage {
  clock;
  banner;
  connection;
  #tab = new Tab();
  #unattended = null; // issues that nobody deals with; null until it is known
  #waiting = null; // changes since the page was paused; null when it isn't
  #isFrozen = false;
  #isFramePending = false;
  #ticker;
  #bannerTicker;

  /** `users` is how many there are to load; `WebSocket` opens the sockets; `noun` is what waits while the page is paused. */
  constructor(element, { staleMs, users = 0, WebSocket, noun }) {
    const renderedAt = Number(element.dataset.now);
    const { content: version } = document.querySelector("meta[name=version]");
    this.clock = new ServerClock(renderedAt);
    const client = new Rollcall({ channel: "operators", WebSocket });
    const isScreen = document.body.classList.contains("screen-page");
    this.connection = new Connection(client, { version, figuresAt: renderedAt, staleMs, users, isScreen });
    this.banner = new Banner(document, this.connection, noun);
    this.#ticker = new Ticker(this.clock, () => this.#tick());
    this.#bannerTicker = new Ticker({ now: () => Date.now() }, () => this.#drawBanner());
    client.on("message", (message) => this.take(message));
    this.connection.listen((change) => this.#connectionChanged(change));
    document.documentElement.dataset.feed = this.connection.name;
  }

  /** Whether there is something to draw. */
  get isFilled() {
    return true;
  }

  /** Apply a message. Returns how many changes it brought. */
  receive() {
    return 0;
  }

  /** In an animation frame after something changed. */
  draw() {}

  /** Each second while the page is live and not paused. */
  tick() {}

  /** The page is paused from now on, or no longer. */
  pauseChanged() {}

  /** More was received while the page is paused. */
  waitingChanged() {}

  /** With `{ isFrozen, absence }`. */
  connectionChanged() {}

  open() {
    this.#drawBanner();
    this.connection.open();
  }

  /** Draw in the next animation frame. */
  requestDraw() {
    if (this.#isFramePending || !this.isFilled) return;
    this.#isFramePending = true;
    requestAnimationFrame(() => {
      this.#isFramePending = false;
      this.draw(this.clock.now());
    });
  }

  get isPaused() {
    return this.#waiting !== null;
  }

  /** How much was received since the page was paused. */
  get waiting() {
    return this.#waiting ?? 0;
  }

  /** What is shown is no longer as it is now. */
  get isFrozen() {
    return this.#isFrozen;
  }

  /** Why the page doesn't follow what happens, or empty. */
  get standing() {
    if (this.#isFrozen) return this.connection.label;
    return this.isPaused ? "Paused" : "";
  }

  /** Not in an animation frame: a hidden page has none. */
  showUnattended(count) {
    this.#unattended = count;
    this.#tab.show(count, this.standing);
  }

  /** Keep showing what is shown now, or show what was received in the meantime and go on. */
  setPaused(isPaused) {
    this.#waiting = isPaused ? 0 : null;
    this.connection.pausedAt = isPaused ? this.clock.now() : null;
    this.#standingChanged();
    this.pauseChanged(isPaused);
    this.#lock();
    this.#setTicker();
    this.#drawBanner();
    this.banner.announce(isPaused ? "Paused" : "Resumed");
    this.requestDraw();
  }

  take(message) {
    if (isWhole(message)) this.clock.restart(message.now);
    else if (message.now) this.clock.hear(message.now);
    const changes = this.receive(message);
    if (!this.isPaused) return this.requestDraw();
    if (!changes) return;
    this.#waiting += changes;
    this.waitingChanged();
    this.#drawBanner();
  }

  #connectionChanged({ after, absence }) {
    const isFrozen = after !== "live" && after !== "connecting";
    document.documentElement.dataset.feed = after;
    this.#isFrozen = isFrozen;
    this.#standingChanged();
    this.#lock();
    this.#setTicker();
    if (isFrozen) {
      this.banner.announce(this.connection.text);
      this.#bannerTicker.start();
    } else this.#bannerTicker.stop();
    if (absence) {
      this.banner.toast(this.connection.backAgain);
      this.banner.announce(""); // the toast is announced by itself
    }
    this.connectionChanged({ isFrozen, absence });
    this.#drawBanner();
  }

  #standingChanged() {
    if (this.#unattended !== null) this.showUnattended(this.#unattended);
  }

  /** What is shown while the page is paused or stale may no longer be so. */
  #lock() {
    lockActions(this.#isFrozen || this.isPaused);
  }

  #setTicker() {
    if (this.#isFrozen || this.isPaused) this.clock.stop();
    else this.clock.go();
    if (this.connection.isLive && !this.isPaused) this.#ticker.start();
    else this.#ticker.stop();
  }

  #tick() {
    if (!this.isFilled) return;
    this.tick(this.clock.now());
    this.requestDraw();
  }

  #drawBanner() {
    this.banner.draw(this.#waiting, this.isPaused ? moments.clock(this.connection.pausedAt, Date.now()) : "");
  }
}
