/** Subject page: a live page about one user, one call or some of the events. The server sends it only what concerns that. */

import { isWhole } from "./connection.js";
import { EventTail } from "./event_tail.js";
import { InteractionLock } from "./interaction_lock.js";
import { LiveList, lockOnInteraction } from "./live_list.js";
import { LivePage, byId } from "./live_page.js";
import { put, write } from "./markup.js";
import { Rows } from "./rows.js";
import { count } from "./formatting.js";

const FACTS = ["user", "sessions", "call", "issues"];
const OUTDATED_MS = 3_000; // the store needs a moment to have the new names, too

const socketAbout = (about) =>
  function (address, protocols) {
    return new WebSocket(`${address}?${about}`, protocols);
  };

/** An event that the server printed. */
const eventOf = (row) => ({ event_id: row.dataset.key, at: Date.parse(row.querySelector("time").dateTime) });

export class SubjectPage extends LivePage {
  /** What is on the page: the fields of the messages, and as in EventTail `events`, how many were `added`, their `size`, `isCut`. Null until the first message. */
  shown = null;
  #facts = null;
  #events;
  #startOf; // when the range of the events begins, at a moment
  #heardUntil;
  #draw;
  #onConnection;
  #noun;
  #lists = [];
  #locks = [];
  #outdatedAt = Infinity;

  /** `draw(shown, now)` runs in an animation frame; of the events, `limit` are shown; `noun` is what waits while paused; `onConnection()` as of DashboardPage. */
  constructor(element, { draw, limit, noun = "change", onConnection = () => {} }) {
    const { about, staleMs, now, start, isMoving } = element.dataset;
    super(element, { staleMs: Number(staleMs), WebSocket: socketAbout(about), noun });
    this.#draw = draw;
    this.#onConnection = onConnection;
    this.#noun = noun;
    this.#heardUntil = Number(now);
    const age = Number(now) - Number(start);
    this.#startOf = !start ? () => -Infinity : isMoving ? (moment) => moment - age : () => Number(start);
    const printed = document.querySelectorAll("#timeline [data-rows] > [data-key]");
    this.#events = new EventTail([...printed].map(eventOf), limit, this.#startOf(Number(now)));
    byId("held").addEventListener("click", () => this.showHeld());
  }

  /** While somebody uses this part of the page, nothing appears or disappears in lists that have this lock. */
  lockOf(element) {
    const lock = new InteractionLock();
    lockOnInteraction(element, lock);
    this.#locks.push(lock);
    return lock;
  }

  /** Keep all lists still, while a dialog is open. */
  pin(name, isPinned) {
    for (const lock of this.#locks) isPinned ? lock.pin(name) : lock.unpin(name);
    this.requestDraw();
  }

  /** A list of what `pick(shown)` returns. `fill` as in LiveList. */
  list(id, { pick, keyOf, fill, lock, growsAtEnd = false }) {
    const onDue = () => this.requestDraw();
    const list = new LiveList(byId(id), { keyOf, fill, onDue, lock, growsAtEnd, Rows });
    this.#lists.push({ list, pick, items: undefined });
    return list;
  }

  /** How much has not been shown yet because the page is in use. */
  get held() {
    return this.#lists.reduce((sum, { list }) => sum + list.waiting, 0);
  }

  showHeld() {
    for (const lock of this.#locks) {
      lock.unpin("scroll"); // which counts as a touch
      lock.release();
    }
    this.#arrange();
    this.requestDraw();
  }

  get isFilled() {
    return this.shown !== null;
  }

  receive(message) {
    if (!isWhole(message) && message.type !== "subject_update") return 0;
    const changed = FACTS.filter((name) => name in message);
    this.#facts = { ...this.#facts, ...Object.fromEntries(changed.map((name) => [name, message[name]])) };
    this.#events.beginAt(this.#startOf(message.now));
    if (message.complete_since > this.#heardUntil) this.#events.noteGap(this.#heardUntil, message.complete_since);
    const added = this.#events.add(message.events ?? []);
    this.#heardUntil = message.now;
    if (message.attention !== undefined) this.showUnattended(message.attention);
    if (message.outdated) this.#outdatedAt = performance.now();
    if (!this.isPaused) this.#show();
    return isWhole(message) ? added : added + changed.length;
  }

  pauseChanged(isPaused) {
    if (!isPaused) this.#show();
  }

  waitingChanged() {
    this.requestDraw();
  }

  connectionChanged(change) {
    this.#onConnection(change);
  }

  tick(now) {
    this.#events.beginAt(this.#startOf(now));
    this.#show();
    this.#arrange();
    if (performance.now() - this.#outdatedAt > OUTDATED_MS && this.#mayReload()) location.reload();
  }

  /** Not while the page is in use, and not if its user was deleted: there would be nothing left to read. */
  #mayReload() {
    return this.#facts.user !== null && !this.#locks.some((lock) => lock.isLocked);
  }

  draw(now) {
    for (const each of this.#lists) {
      const items = each.pick(this.shown);
      if (items === each.items || !items) continue;
      each.items = items;
      each.list.show(items);
    }
    this.#draw(this.shown, now);
    for (const { list } of this.#lists) list.draw();
    const { held } = this;
    put(byId("held"), "hidden", held === 0 || this.isPaused);
    if (held) write(byId("held"), `Show ${count(held, this.#noun)}`);
  }

  #show() {
    const { items: events, added, size, isCut } = this.#events;
    if (this.#facts) this.shown = { ...this.#facts, events, added, size, isCut };
  }

  #arrange() {
    for (const { list } of this.#lists) list.tick();
  }
}
