/** Dashboard page: what Live and Wall share: the overview, figures and issues. */

import { Alerts } from "./alerts.js";
import { FigureCards } from "./figures.js";
import { firstOverview } from "./first_overview.js";
import { LiveList } from "./live_list.js";
import { LivePage, byId } from "./live_page.js";
import { fillIssue } from "./markup.js";
import { pageSettings } from "./page_settings.js";
import { DashboardState } from "./state.js";

export { byId };

export class DashboardPage extends LivePage {
  settings;
  /** What the server has sent. */
  state;
  /** What is on the page: `state`, or a copy of it while the page is paused. */
  shown;
  cards;
  issues;
  alerts = new Alerts();
  #parts;

  /**
   * A page adds its own parts: `draw(changed, now)` runs in an animation frame after something changed, `tick(now)` each
   * second while the page is live and not paused, and `onConnection({ isFrozen, absence })` when the connection changes.
   */
  constructor(element, { draw, tick, onConnection = () => {} }) {
    const settings = pageSettings(element);
    const users = Number(element.dataset.usersCount);
    super(element, { staleMs: settings.staleMs, users, WebSocket: firstOverview.socketClass });
    this.settings = settings;
    this.#parts = { draw, tick, onConnection };
    this.state = this.shown = new DashboardState(settings);
    this.cards = new FigureCards(byId("figures"), settings);
    this.issues = new LiveList(byId("attention"), {
      keyOf: ({ key }) => key,
      fill: (row, issue, isGone) => fillIssue(row, issue, isGone, this.clock.now()),
      onDue: () => this.requestDraw(),
    });
  }

  async open() {
    this.connection.noteProgress();
    const overview = await firstOverview.get(() => this.connection.noteProgress());
    if (overview && !this.state.figures) this.take(overview); // unless a socket that was retried was faster
    super.open();
  }

  get isFilled() {
    return Boolean(this.shown.figures);
  }

  receive(message) {
    const changedRows = this.state.fold(message);
    this.#tellOfIssues();
    return changedRows;
  }

  pauseChanged(isPaused) {
    this.shown = isPaused ? this.state.frozenCopy() : this.state;
    if (!isPaused) this.state.markAllChanged();
    this.#standingChanged();
  }

  connectionChanged(change) {
    this.#standingChanged();
    this.#parts.onConnection(change);
  }

  tick(now) {
    this.issues.tick();
    this.cards.draw(this.shown, now);
    this.#parts.tick(now);
  }

  draw(now) {
    const changed = this.shown.takeChanges();
    if (changed.figures) this.cards.draw(this.shown, now);
    if (changed.samples) this.cards.drawLines(this.shown, now);
    if (changed.issues) this.issues.show(this.shown.issues);
    this.#parts.draw(changed, now);
    this.issues.draw();
  }

  /** In the tab and by alerts. Not in an animation frame: a hidden page has none. */
  #tellOfIssues() {
    if (!this.state.figures) return;
    this.showUnattended(this.state.issues.filter(({ acknowledged }) => !acknowledged).length);
    if (!this.standing) this.alerts.check(this.state.issues, this.clock.now());
  }

  #standingChanged() {
    this.alerts.setStanding(this.standing, this.isFrozen);
    this.#tellOfIssues();
  }
}
