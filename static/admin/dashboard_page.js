/** Dashboard page: what Live and Wall share: the feed, the server's clock, the connection's state, figures and issues. */

import { Rollcall } from "../rollcall.js";
import { lockActions } from "./action_lock.js";
import { Alerts } from "./alerts.js";
import { Banner } from "./banner.js";
import { ServerClock } from "./clock.js";
import { Connection } from "./connection.js";
import { FigureCards } from "./figures.js";
import { LiveList } from "./live_list.js";
import { firstOverview } from "./first_overview.js";
import { fillIssue } from "./markup.js";
import { pageSettings } from "./page_settings.js";
import { DashboardState } from "./state.js";
import { Tab } from "./tab.js";
import { Ticker } from "./ticker.js";

export const byId = (id) => document.getElementById(id);

export class DashboardPage {
  settings;
  clock;
  /** What the server has sent. */
  state;
  /** What is on the page: `state`, or a copy of it while the page is paused. */
  shown;
  banner;
  cards;
  issues;
  alerts = new Alerts();
  #tab = new Tab();
  #connection;
  #parts;
  #waiting = null; // changes since the page was paused; null when it isn't
  #isFrozen = false;
  #isFramePending = false;
  #ticker;
  #bannerTicker;

  /**
   * A page adds its own parts: `draw(changed, now)` runs in an animation frame after something changed, `tick(now)` each
   * second while the page is live and not paused, and `onConnection({ isFrozen, absence })` when the connection changes.
   */
  constructor(element, { draw, tick, onConnection = () => {} }) {
    const renderedAt = Number(element.dataset.now);
    const { content: version } = document.querySelector("meta[name=version]");
    this.#parts = { draw, tick, onConnection };
    this.settings = pageSettings(element);
    this.clock = new ServerClock(renderedAt);
    this.state = this.shown = new DashboardState(this.settings);
    const client = new Rollcall({ channel: "operators", WebSocket: firstOverview.socketClass });
    const { staleMs } = this.settings;
    const users = Number(element.dataset.usersCount);
    this.#connection = new Connection(client, { version, figuresAt: renderedAt, staleMs, users });
    this.banner = new Banner(document, this.#connection);
    this.cards = new FigureCards(byId("figures"), this.settings);
    this.issues = new LiveList(byId("attention"), {
      keyOf: ({ key }) => key,
      fill: (row, issue, isGone) => fillIssue(row, issue, isGone, this.clock.now()),
      onDue: () => this.requestDraw(),
    });
    this.#ticker = new Ticker(this.clock, () => this.#tick());
    this.#bannerTicker = new Ticker({ now: () => Date.now() }, () => this.#drawBanner());
    client.on("message", (message) => this.#receive(message));
    this.#connection.listen((change) => this.#connectionChanged(change));
  }

  async open() {
    this.#drawBanner();
    this.#connection.noteProgress();
    const overview = await firstOverview.get(() => this.#connection.noteProgress());
    if (overview) this.#receive(overview);
    this.#connection.open();
  }

  /** Draw in the next animation frame. */
  requestDraw() {
    if (this.#isFramePending || !this.shown.figures) return;
    this.#isFramePending = true;
    requestAnimationFrame(() => this.#draw());
  }

  get isPaused() {
    return this.#waiting !== null;
  }

  /** Keep showing what is shown now. Changes are received and counted. */
  pause() {
    this.#waiting = 0;
    this.shown = this.state.frozenCopy();
    this.#pauseChanged("Paused");
  }

  /** Show everything that was received in the meantime, and go on. */
  resume() {
    this.#waiting = null;
    this.shown = this.state;
    this.state.markAllChanged();
    this.#pauseChanged("Resumed");
  }

  #pauseChanged(announcement) {
    this.#standingChanged();
    this.#lock();
    this.#setTicker();
    this.#drawBanner();
    this.banner.announce(announcement);
    this.requestDraw();
  }

  #receive(message) {
    if (message.type === "overview") this.clock.restart(message.now);
    if (message.type === "overview_update") this.clock.hear(message.now);
    const changedRows = this.state.fold(message);
    this.#tellOfIssues();
    if (!this.isPaused) return this.requestDraw();
    if (changedRows === 0) return;
    this.#waiting += changedRows;
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
      this.banner.announce(this.#connection.text);
      this.#bannerTicker.start();
    } else this.#bannerTicker.stop();
    if (absence) {
      this.banner.toast("Reconnected. The figures are live again.");
      this.banner.announce(""); // the toast is announced by itself
    }
    this.#parts.onConnection({ isFrozen, absence });
    this.#drawBanner();
  }

  /** In the tab and by alerts. Not in an animation frame: a hidden page has none. */
  #tellOfIssues() {
    if (!this.state.figures) return;
    const standing = this.#standing;
    this.#tab.show(this.state.issues.filter(({ acknowledged }) => !acknowledged).length, standing);
    if (!standing) this.alerts.check(this.state.issues, this.clock.now());
  }

  /** Why the page doesn't follow what happens, or empty. */
  get #standing() {
    if (this.#isFrozen) return this.#connection.label;
    return this.isPaused ? "Paused" : "";
  }

  #standingChanged() {
    this.alerts.setStanding(this.#standing, this.#isFrozen);
    this.#tellOfIssues();
  }

  /** What is shown while the page is paused or stale may no longer be so. */
  #lock() {
    lockActions(this.#isFrozen || this.isPaused);
  }

  #setTicker() {
    if (this.#connection.isLive && !this.isPaused) this.#ticker.start();
    else this.#ticker.stop();
  }

  #tick() {
    if (!this.shown.figures) return;
    const now = this.clock.now();
    this.issues.tick();
    this.cards.draw(this.shown, now);
    this.#parts.tick(now);
    this.requestDraw();
  }

  #draw() {
    this.#isFramePending = false;
    const now = this.clock.now();
    const changed = this.shown.takeChanges();
    if (changed.figures) this.cards.draw(this.shown, now);
    if (changed.samples) this.cards.drawLines(this.shown, now);
    if (changed.issues) this.issues.show(this.shown.issues);
    this.#parts.draw(changed, now);
    this.issues.draw();
  }

  #drawBanner() {
    this.banner.draw(this.#waiting);
  }
}
