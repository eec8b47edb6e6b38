/** User list: the windowed list of users with its filters, its sort order and its lock. */

import { InteractionLock } from "./interaction_lock.js";
import { List } from "./list.js";
import { lockOnInteraction } from "./live_list.js";
import { fillUser, placeInTable, put, write } from "./markup.js";
import { Picking } from "./picking.js";
import { TagFilter } from "./tag_filter.js";
import { rememberSort, showSortInHeads } from "./heads.js";
import { UserSort } from "./user_sort.js";
import { bulkWords, changes, grouped } from "./formatting.js";

const VISIBLE_PART = 0.6; // of the window: a list that begins below has too few rows in view
const LATE_MS = 10; // a timer may fire a little early, and then nothing would be sorted

export class UserList {
  lock = new InteractionLock();
  sort;
  /** The users who are picked; null for operators who may not act. */
  picking = null;
  #section;
  #state;
  #targetsLimit;
  #tagsLimit;
  #list;
  #parts = {};
  #tags;
  #onDue;
  #onFilter;
  #timer = null;
  #isForced = true;
  #hasChanged = false; // somebody in the list, since the buttons for the whole list were last filled

  /**
   * `onDue()` asks for a frame; `onFilter(status)` is told the status that the list is filtered by; `announce(text)`
   * tells screen readers.
   */
  constructor(section, { state, clock, targetsLimit, tagsLimit, onDue, onFilter, announce }) {
    this.#section = section;
    this.#state = state;
    this.#targetsLimit = targetsLimit;
    this.#tagsLimit = tagsLimit;
    this.#onDue = onDue;
    this.#onFilter = onFilter;
    this.sort = new UserSort(state);
    for (const part of section.querySelectorAll("[data-users]")) this.#parts[part.dataset.users] = part;
    this.#list = new List(this.#parts.box, {
      template: section.querySelector("template"),
      fill: (element, key, place) => {
        const row = this.#state.users.get(Number(key));
        if (!row) return;
        placeInTable(element, place);
        const issue = this.#state.issueOfUser.get(row.user_id);
        fillUser(element, row, issue, clock.now(), this.picking?.has(row.user_id));
      },
      onMove: onDue,
    });
    lockOnInteraction(this.#parts.box, this.lock, onDue);
    if (section.querySelector("[data-pick=bar]")) this.#allowPicking(announce);
    this.#parts.box.addEventListener("keydown", (event) => this.#keyInList(event));
    this.#listen();
  }

  /** Show another state from now on. */
  use(state) {
    this.#state = state;
    this.sort.use(state);
    this.#hasChanged = true;
    this.#list.noteAll();
    this.#notePicked();
  }

  noteChanges(userIds) {
    this.sort.noteChange();
    this.#hasChanged = true;
    this.#list.note(userIds);
    this.#notePicked();
  }

  tick() {
    this.#list.noteAll();
  }

  sortNow() {
    this.lock.release();
    this.#isForced = true;
    this.#onDue();
  }

  /** To be called in an animation frame. */
  draw() {
    const now = performance.now();
    this.sort.pin(this.#list.focusedKey === null ? null : Number(this.#list.focusedKey));
    if (this.sort.refresh(now, { isLocked: this.lock.isLocked, force: this.#isForced })) this.#show();
    else if (this.sort.isDue && !this.lock.isPinned) this.#later(Math.max(this.sort.remaining(now), this.lock.remaining));
    this.#isForced = false;
    if (this.#hasChanged) this.#showCounts(); // the order may be held for long, but these must be true
    this.#list.draw();
    this.picking?.draw();
    put(this.#parts.locked, "hidden", !this.lock.isLocked || this.sort.ids.length < 2);
  }

  /** The listed users whom an action would change, as form fields. */
  targets(action) {
    return this.#affected(action).map((userId) => ["user_id", String(userId)]);
  }

  #affected(action) {
    return this.sort.ids.filter((userId) => this.#changes(action, userId) && this.sort.stillMatches(userId));
  }

  #changes(action, userId) {
    const { users, issueOfUser } = this.#state;
    const more = { issue: issueOfUser.get(userId), tagsLimit: this.#tagsLimit };
    return users.has(userId) && changes[action](users.get(userId), more);
  }

  #allowPicking(announce) {
    this.picking = new Picking(this.#section, this.#parts.box, {
      limit: this.#targetsLimit,
      listed: () => this.sort.ids,
      where: () => (this.sort.isFiltered ? " that match" : ""),
      elsewhere: (size) => `${grouped(size)} of them ${size === 1 ? "is" : "are"} not in this list.`,
      changes: (action, userId) => this.#changes(action, userId),
      step: (steps) => {
        const from = Number(this.#list.focusedKey);
        this.#list.step(steps);
        return [from, Number(this.#list.focusedKey)];
      },
      onChange: () => {
        this.#list.noteAll();
        this.#showBulkActions();
        this.#onDue();
      },
      announce,
    });
  }

  #notePicked() {
    this.picking?.note((userId) => this.#state.users.has(userId));
  }

  choose(choice) {
    this.sort.choose(choice);
    this.#showChoice();
    this.#list.scrollToStart();
    this.sortNow();
  }

  /** Bring the list into view: on a phone, what filters it is far above. */
  reveal() {
    const { top } = this.#section.getBoundingClientRect();
    if (top > innerHeight * VISIBLE_PART) this.#section.scrollIntoView({ block: "start" });
  }

  search() {
    this.#parts.q.focus();
    this.#parts.q.select();
  }

  step(steps) {
    this.#list.step(steps);
  }

  #show() {
    const { ids, isFiltered } = this.sort;
    this.#tags.show(this.#state.users.values());
    this.#list.show(ids);
    this.#parts.table.setAttribute("aria-rowcount", ids.length + 1);
    put(this.#parts.empty, "hidden", ids.length > 0);
    put(this.#parts.clear, "hidden", !isFiltered);
    put(this.#parts.reset, "hidden", !isFiltered || ids.length === 0);
    write(this.#parts.nobody, isFiltered ? "No users match." : "No users yet.");
    this.#showCounts();
    this.picking?.note();
  }

  #showCounts() {
    this.#hasChanged = false;
    const total = grouped(this.#state.users.size);
    write(this.#parts.count, this.sort.isFiltered ? `${grouped(this.sort.ids.length)} of ${total}` : total);
    this.#showBulkActions();
  }

  /** For everybody who is listed, unless some users are picked. */
  #showBulkActions() {
    const { bulk } = this.#parts;
    if (!bulk) return;
    const { length: size } = this.sort.ids;
    const isOffered = this.sort.isFiltered && this.picking.pick.size === 0;
    put(bulk, "hidden", !isOffered || size === 0 || size > this.#targetsLimit);
    if (bulk.hidden) return;
    for (const button of bulk.querySelectorAll("[name=action]")) {
      const affected = this.#affected(button.value).length;
      put(button, "hidden", affected === 0);
      write(button, `${bulkWords(button.value, affected)}…`);
    }
  }

  #later(ms) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#onDue, ms + LATE_MS);
  }

  #listen() {
    const { form, q, sort, clear, reset, now, tag, tagging } = this.#parts;
    this.#tags = new TagFilter(tag, tagging, (chosen) => this.choose({ tag: chosen }));
    this.sort.choose({ status: form.dataset.chosen, sort: sort.value, q: q.value, tag: tag.value });
    for (const part of form.querySelectorAll("[data-without-script]")) part.hidden = true;
    form.addEventListener("submit", (event) => event.preventDefault());
    for (const link of form.querySelectorAll("[data-status]")) {
      link.addEventListener("click", (event) => {
        event.preventDefault();
        this.choose({ status: link.dataset.status });
      });
    }
    q.addEventListener("input", () => this.choose({ q: q.value }));
    q.addEventListener("keydown", (event) => this.#keyInSearch(event));
    sort.addEventListener("change", () => this.#chooseSort(sort.value));
    for (const button of this.#section.querySelectorAll("[data-head] button")) {
      button.addEventListener("click", (event) => {
        event.preventDefault();
        sort.value = button.value;
        this.#chooseSort(button.value);
      });
    }
    now.addEventListener("click", () => this.sortNow());
    for (const link of [clear, reset]) link.addEventListener("click", (event) => this.#clearFilters(event));
    this.#showChoice();
  }

  #clearFilters(event) {
    const { q } = this.#parts;
    event.preventDefault();
    q.value = "";
    this.#tags.clear();
    this.choose({ q: "", status: "all", tag: "" });
    q.focus({ preventScroll: true });
  }

  #keyInList(event) {
    const { ctrlKey, metaKey, altKey, shiftKey, target } = event;
    if (event.defaultPrevented || ctrlKey || metaKey || altKey || shiftKey || target.closest(":popover-open")) return;
    const move = {
      ArrowDown: () => this.#list.step(1),
      ArrowUp: () => this.#list.step(-1),
      Home: () => this.#list.focus(0),
      End: () => this.#list.focus(this.sort.ids.length - 1),
    }[event.key];
    if (!move) return;
    event.preventDefault();
    move();
  }

  /** Esc clears the search and leaves it. Enter goes to the first user who is listed. */
  #keyInSearch(event) {
    const { q } = this.#parts;
    if (event.isComposing) return;
    if (event.key === "Escape") {
      event.preventDefault();
      q.blur();
      if (q.value === "") return;
      q.value = "";
      this.choose({ q: "" });
    } else if (event.key === "Enter" && this.sort.ids.length > 0) {
      event.preventDefault();
      this.#list.focus(0);
    }
  }

  #chooseSort(sort) {
    rememberSort("live", sort);
    this.choose({ sort });
  }

  /** In the filter's links, and in the page's address so that a reload keeps it. */
  #showChoice() {
    const { status, sort } = this.sort;
    for (const link of this.#parts.form.querySelectorAll("[data-status]")) {
      if (link.dataset.status === status) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
    showSortInHeads(this.#section, sort);
    const query = new URLSearchParams({ status, q: this.#parts.q.value.trim(), tag: this.#tags.tag, sort });
    for (const [name, usual] of [["status", "all"], ["q", ""], ["tag", ""], ["sort", "attention"]]) {
      if (query.get(name) === usual) query.delete(name);
    }
    const chart = new URLSearchParams(location.search).get("chart");
    if (chart) query.set("chart", chart);
    history.replaceState(null, "", query.size ? `?${query}` : location.pathname);
    this.#onFilter(status);
  }
}
