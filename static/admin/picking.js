/** Picking: users are picked in a list by checkbox, row or keyboard. A bar says how many, and has actions for them. */

import { put, write } from "./markup.js";
import { bulkWords, count, grouped } from "./formatting.js";
import { Pick } from "./pick.js";

const STEPS = { ArrowDown: 1, ArrowUp: -1 };

export class Picking {
  pick;
  #parts = {};
  #source;
  #isNoted = true;

  /**
   * `box` has the rows. `source` knows the list: `limit`, `listed()`, which of them those are in words
   * (`where()`), what is said of picked users who aren't listed (`elsewhere(size)`), `changes(action, id)`, `step(steps)`, which moves the focus and returns the ids it moved from and to,
   * `onChange()` and `announce(text)`.
   */
  constructor(page, box, source, ids = []) {
    this.#source = source;
    this.pick = new Pick(source.limit, ids);
    for (const part of page.querySelectorAll("[data-pick]")) this.#parts[part.dataset.pick] = part;
    const { head, all, bar } = this.#parts;
    box.addEventListener("click", (event) => this.#click(event));
    box.addEventListener("keydown", (event) => this.#key(event));
    box.addEventListener("mousedown", (event) => {
      if (!event.shiftKey || event.target.closest("a, button")) return;
      event.preventDefault(); // it would select text
      event.target.closest("[data-key]")?.querySelector("[data-f=pick]").focus({ preventScroll: true });
    });
    bar.addEventListener("reset", () => this.#change(() => this.pick.clear()));
    all?.addEventListener("click", () => this.#change(() => this.pick.add(source.listed())));
    head.addEventListener("click", () => this.#change(() => this.#pickOrUnpickAll()));
    put(head, "hidden", false);
  }

  /** The picked users as form fields. */
  get targets() {
    return this.pick.ids.map((id) => ["user_id", String(id)]);
  }

  has(id) {
    return this.pick.has(id);
  }

  /** How many of the picked users an action would change. */
  affected(action) {
    return this.pick.ids.filter((id) => this.#source.changes(action, id)).length;
  }

  /** These need no further action. */
  remove(ids) {
    this.#change(() => this.pick.remove(ids));
  }

  /** Users, or the list, have changed. `exists(id)` tells who is still there. */
  note(exists = () => true) {
    this.pick.keep(exists);
    this.#isNoted = true;
  }

  /** To be called in an animation frame. */
  draw() {
    if (!this.#isNoted) return;
    this.#isNoted = false;
    const { bar, count: total, note, head, all } = this.#parts;
    const listed = this.#source.listed();
    const { size } = this.pick;
    const here = size ? listed.filter((id) => this.pick.has(id)).length : 0;
    bar.classList.toggle("any", size > 0);
    put(head, "checked", here > 0 && here === listed.length);
    put(head, "indeterminate", here > 0 && here < listed.length);
    put(head, "disabled", listed.length === 0);
    for (const name of ["ariaLabel", "title"]) put(head, name, this.#wordsForAll(listed));
    if (!size) return;
    write(total, `${grouped(size)} picked`);
    write(note, this.#note(size - here));
    if (all) {
      put(all, "hidden", here === listed.length || size >= this.#source.limit);
      write(all, this.#wordsForAll(listed));
    }
    for (const button of bar.querySelectorAll("[name=action]")) {
      const affected = this.affected(button.value);
      put(button, "hidden", affected === 0);
      write(button, `${bulkWords(button.value, affected)}…`);
    }
  }

  #wordsForAll({ length }) {
    const { limit } = this.#source;
    if (length > limit) return `Pick the first ${grouped(limit)} of ${grouped(length)}`;
    return `Pick all ${grouped(length)}${this.#source.where()}`;
  }

  /** What the operator has to know of the picked users who can't be seen, or of those who can't be picked. */
  #note(elsewhere) {
    const notes = [];
    if (this.pick.isCut) notes.push(`One action can be for at most ${count(this.#source.limit, "user")}.`);
    if (elsewhere) notes.push(this.#source.elsewhere(elsewhere));
    return notes.join(" ");
  }

  #pickOrUnpickAll() {
    const listed = this.#source.listed();
    const isFull = this.pick.size >= this.#source.limit;
    if (listed.every((id) => this.pick.has(id)) || isFull) this.pick.remove(listed);
    else this.pick.add(listed);
  }

  #change(change) {
    change();
    const { size, isCut } = this.pick;
    this.#isNoted = true;
    this.#source.announce(isCut ? `${count(size, "user")} picked, the most for one action` : `${count(size, "user")} picked`);
    this.#source.onChange();
  }

  /** A click into the first cell picks. With Shift, Ctrl or ⌘, so does one anywhere in the row but on a link or button. */
  #click(event) {
    const row = event.target.closest("[data-key]");
    if (!row) return;
    const { shiftKey, ctrlKey, metaKey } = event;
    if (!event.target.closest(".cell-pick")) {
      if (event.target.closest("a, button, form") || !(shiftKey || ctrlKey || metaKey)) return;
    }
    const id = Number(row.dataset.key);
    this.#change(() => (shiftKey ? this.pick.reach(this.#source.listed(), id) : this.pick.toggle(id)));
  }

  /** Space picks, unless it presses a button or ticks the checkbox itself. Shift and an arrow extend. */
  #key(event) {
    const row = event.target.closest("[data-key]");
    if (!row || event.ctrlKey || event.metaKey || event.altKey || event.target.closest(":popover-open")) return;
    if (event.key === " " && event.target.closest("a")) {
      event.preventDefault();
      this.#change(() => this.pick.toggle(Number(row.dataset.key)));
    } else if (event.shiftKey && STEPS[event.key]) {
      event.preventDefault();
      const [from, to] = this.#source.step(STEPS[event.key]);
      this.#change(() => this.pick.extend(this.#source.listed(), from, to));
    }
  }
}
