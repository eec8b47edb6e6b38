/** Users: the windowed list, what it is filtered and sorted by, and who holds it still. */

import { Hold } from "./interaction_lock.js";
import { List } from "./list.js";
import { fillUser, placeInTable, put, write } from "./markup.js";
import { Order } from "./user_sort.js";
import { feel } from "./live_list.js";

const MOST_TARGETS = 500; // of one action

export class Users {
  hold = new Hold();
  order;
  #section;
  #picture;
  #list;
  #parts = {};
  #onDue;
  #onChoice;
  #timer = null;
  #isForced = true;

  /** `onDue` asks for a frame; `onChoice(status)` hears what is filtered by. */
  constructor(section, picture, { clock, onDue, onChoice }) {
    this.#section = section;
    this.#picture = picture;
    this.#onDue = onDue;
    this.#onChoice = onChoice;
    this.order = new Order(picture);
    for (const part of section.querySelectorAll("[data-users]")) this.#parts[part.dataset.users] = part;
    this.#list = new List(this.#parts.box, {
      template: section.querySelector("template"),
      fill: (element, key, place) => {
        const row = this.#picture.users.get(Number(key));
        if (!row) return;
        placeInTable(element, place);
        fillUser(element, row, this.#picture.wrongUsers.get(row.user_id), clock.now());
      },
      onMove: onDue,
    });
    feel(this.#parts.box, this.hold, onDue);
    this.#listen();
  }

  /** Another picture is shown from now on. */
  look(picture) {
    this.#picture = picture;
    this.order.look(picture);
    this.#list.noteAll();
  }

  note(userIds) {
    this.order.note();
    this.#list.note(userIds);
  }

  tick() {
    this.#list.noteAll();
  }

  sortNow() {
    this.hold.release();
    this.#isForced = true;
    this.#onDue();
  }

  /** To be called in an animation frame. */
  draw() {
    const now = performance.now();
    this.order.pin(this.#list.focusedKey === null ? null : Number(this.#list.focusedKey));
    if (this.order.refresh(now, { isHeld: this.hold.isHeld, force: this.#isForced })) this.#show();
    else if (this.order.isDue && !this.hold.isPinned) this.#later(Math.max(this.order.rest(now), this.hold.rest));
    this.#isForced = false;
    this.#list.draw();
    put(this.#parts.held, "hidden", !this.hold.isHeld);
  }

  /** Exactly those listed, as fields of a form. */
  get listed() {
    return this.order.ids.map((userId) => ["user_id", String(userId)]);
  }

  choose(choice) {
    this.order.choose(choice);
    this.#mark();
    this.#list.scrollToStart();
    this.sortNow();
  }

  search() {
    this.#parts.q.focus();
    this.#parts.q.select();
  }

  step(steps) {
    this.#list.step(steps);
  }

  #show() {
    const { ids, isFiltered } = this.order;
    const total = this.#picture.users.size;
    this.#list.show(ids);
    const text = isFiltered ? `${ids.length.toLocaleString("en")} of ${total.toLocaleString("en")}` : total.toLocaleString("en");
    write(this.#parts.count, text);
    this.#parts.table.setAttribute("aria-rowcount", ids.length + 1);
    put(this.#parts.empty, "hidden", ids.length > 0);
    put(this.#parts.clear, "hidden", !isFiltered);
    write(this.#parts.nobody, isFiltered ? "Nobody matches." : "No users yet.");
    this.#showBulk(isFiltered ? ids.length : 0);
  }

  #showBulk(size) {
    const { bulk } = this.#parts;
    if (!bulk) return;
    put(bulk, "hidden", size === 0 || size > MOST_TARGETS);
    for (const part of bulk.querySelectorAll("[data-size]")) write(part, String(size));
  }

  #later(ms) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#onDue, ms + 10);
  }

  #listen() {
    const { form, q, sort, clear, now } = this.#parts;
    this.order.choose({ status: form.dataset.chosen, sort: sort.value, q: q.value });
    for (const part of form.querySelectorAll("[data-without-script]")) part.hidden = true;
    form.addEventListener("submit", (event) => event.preventDefault());
    q.addEventListener("input", () => this.choose({ q: q.value }));
    sort.addEventListener("change", () => this.choose({ sort: sort.value }));
    now.addEventListener("click", () => this.sortNow());
    clear.addEventListener("click", (event) => {
      event.preventDefault();
      q.value = "";
      this.choose({ q: "", status: "all" });
      q.focus();
    });
    this.#mark();
  }

  /** The choice stands in the links and in the address, so that it outlives a reload. */
  #mark() {
    const { status, sort } = this.order;
    for (const link of this.#parts.form.querySelectorAll("[data-status]")) {
      if (link.dataset.status === status) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
    const query = new URLSearchParams({ status, q: this.#parts.q.value.trim(), sort });
    for (const [name, usual] of [["status", "all"], ["q", ""], ["sort", "attention"]]) {
      if (query.get(name) === usual) query.delete(name);
    }
    history.replaceState(null, "", query.size ? `?${query}` : location.pathname);
    this.#onChoice(status);
  }
}
