/** Live list: a list in a card that stays still while it is used. Items that have ended keep their place meanwhile. */

import { InteractionLock } from "./interaction_lock.js";
import { List } from "./list.js";
import { placeInList, put, write } from "./markup.js";
import { grouped } from "./formatting.js";

const TOUCHES = ["pointermove", "pointerdown", "keydown", "focusin", "wheel", "touchmove"];

/** Lock while somebody uses the element. */
export function lockOnInteraction(element, lock, onTouch = () => {}) {
  let position = "";
  const touch = ({ type, clientX, clientY }) => {
    if (type === "pointermove") {
      const before = position;
      position = `${clientX},${clientY}`;
      // When rows change under a resting pointer, browsers report that as a move too.
      if (position === before) return;
    }
    lock.touch();
    onTouch();
  };
  for (const event of TOUCHES) element.addEventListener(event, touch, { passive: true });
}

export class LiveList {
  lock;
  #list;
  #section;
  #shown = new Map();
  #current = new Map(); // differs from what is shown while the list is locked
  #hasShown = false; // what the page was printed with needs no lock
  #keyOf;
  #growsAtEnd;

  /**
   * `fill(element, item, isGone)` writes an item; `onDue()` is called when there is something to draw. A list that shares
   * its `lock` with other parts of the page doesn't touch it by itself. `Rows` is `List`, or a list that doesn't scroll.
   */
  constructor(section, { keyOf, fill, onDue, growsAtEnd = true, lock, Rows = List }) {
    this.#section = section;
    this.lock = lock ?? new InteractionLock();
    this.#keyOf = keyOf;
    this.#growsAtEnd = growsAtEnd;
    const box = section.querySelector("[data-box]");
    this.#list = new Rows(box, {
      template: section.querySelector("template"),
      fill: (element, key, place, count) => {
        const item = this.#shown.get(key);
        if (!item) return;
        if (Rows === List) placeInList(element, place, count);
        fill(element, item, !this.#current.has(key));
      },
      onMove: onDue,
    });
    if (!lock) lockOnInteraction(box, this.lock);
  }

  /** How many items are not shown yet because the list is locked. */
  get waiting() {
    let waiting = 0;
    for (const key of this.#current.keys()) if (!this.#shown.has(key)) waiting++;
    return waiting;
  }

  /** Show these items, and no others, in this order. */
  show(items) {
    this.#current = new Map(items.map((item) => [String(this.#keyOf(item)), item]));
    this.arrange();
    this.#hasShown = true;
    this.#list.noteAll();
  }

  /** While the list is locked, nothing leaves or moves; new items come last, or wait. */
  arrange() {
    const shown = this.lock.isLocked && this.#hasShown ? this.#locked() : this.#unlocked();
    const { keys } = this.#list;
    const isSame = shown.size === keys.length && [...shown.keys()].every((key, place) => key === keys[place]);
    this.#shown = shown;
    if (!isSame) this.#list.show([...shown.keys()]);
    this.#showSize();
  }

  tick() {
    this.arrange();
    this.#list.noteAll();
  }

  /** Focus the next item, or the first one in view. */
  step(steps) {
    this.#list.step(steps);
  }

  draw() {
    this.#list.draw();
  }

  /** While the first items wait, the list says that it is empty, so that what is below it doesn't move. */
  #showSize() {
    const count = this.#section.querySelector("[data-count]");
    if (count) write(count, grouped(this.#current.size - this.waiting));
    const isFilled = this.#shown.size > 0;
    for (const part of this.#section.querySelectorAll("[data-empty]")) put(part, "hidden", isFilled);
    for (const part of this.#section.querySelectorAll("[data-filled]")) put(part, "hidden", !isFilled);
  }

  #locked() {
    const shown = new Map(this.#shown);
    for (const [key, item] of this.#current) if (this.#growsAtEnd || shown.has(key)) shown.set(key, item);
    return shown;
  }

  /** An item with keyboard focus stays where it is until it loses it: another that took its place could be clicked by mistake. */
  #unlocked() {
    const { focusedKey } = this.#list;
    if (focusedKey === null || !this.#shown.has(focusedKey) || this.#current.has(focusedKey)) return new Map(this.#current);
    const keys = [...this.#shown.keys()];
    const next = keys.slice(keys.indexOf(focusedKey)).find((key) => this.#current.has(key));
    const shown = new Map();
    for (const [key, item] of this.#current) {
      if (key === next) shown.set(focusedKey, this.#shown.get(focusedKey));
      shown.set(key, item);
    }
    return shown.set(focusedKey, this.#shown.get(focusedKey)); // where it is, or last
  }
}
