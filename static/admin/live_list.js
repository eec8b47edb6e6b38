/** Panel: a list in a card that holds still under the pointer. What has gone stays in its place meanwhile. */

import { Hold } from "./interaction_lock.js";
import { List } from "./list.js";
import { write } from "./markup.js";

const TOUCHES = ["pointermove", "pointerdown", "keydown", "focusin", "wheel", "touchmove"];

/** Whatever somebody does in an element counts as work there. */
export function feel(element, hold, onTouch = () => {}) {
  let place = "";
  const touch = ({ type, clientX, clientY }) => {
    if (type === "pointermove") {
      const before = place;
      place = `${clientX},${clientY}`;
      if (place === before) return; // what lies under a resting pointer changed: browsers tell of that as of a move
    }
    hold.touch();
    onTouch();
  };
  for (const event of TOUCHES) element.addEventListener(event, touch, { passive: true });
}

export class Panel {
  hold = new Hold();
  #list;
  #section;
  #items = new Map(); // shown
  #fresh = new Map();
  #keyOf;
  #growsAtEnd;

  /** `fill(element, item, isGone, place, count)`; `onDue` is called when something is to be drawn. */
  constructor(section, { keyOf, fill, onDue, growsAtEnd = true }) {
    this.#section = section;
    this.#keyOf = keyOf;
    this.#growsAtEnd = growsAtEnd;
    this.#list = new List(section.querySelector("[data-box]"), {
      template: section.querySelector("template"),
      fill: (element, key, place, count) => {
        const item = this.#items.get(key);
        if (item) fill(element, item, !this.#fresh.has(key), place, count);
      },
      onMove: onDue,
    });
    feel(section.querySelector("[data-box]"), this.hold);
  }

  /** How many are not shown yet, because it is held. */
  get waiting() {
    let waiting = 0;
    for (const key of this.#fresh.keys()) if (!this.#items.has(key)) waiting++;
    return waiting;
  }

  /** These are all there are, in order. */
  show(items) {
    this.#fresh = new Map(items.map((item) => [String(this.#keyOf(item)), item]));
    this.arrange();
    this.#list.noteAll();
    const count = this.#section.querySelector("[data-count]");
    if (count) write(count, String(items.length));
    this.#section.querySelector("[data-empty]").hidden = items.length > 0 || this.#items.size > 0;
  }

  /** While it is held nothing leaves and nothing moves; what is new comes last, or later. */
  arrange() {
    const shown = this.hold.isHeld ? this.#held() : new Map([...this.#fresh, ...this.#focused()]);
    const { keys } = this.#list;
    const isSame = shown.size === keys.length && [...shown.keys()].every((key, at) => key === keys[at]);
    this.#items = shown;
    if (!isSame) this.#list.show([...shown.keys()]);
  }

  tick() {
    this.arrange();
    this.#list.noteAll();
  }

  draw() {
    this.#list.draw();
  }

  #held() {
    const shown = new Map(this.#items);
    for (const [key, item] of this.#fresh) if (this.#growsAtEnd || shown.has(key)) shown.set(key, item);
    return shown;
  }

  /** A row that has the keyboard stays until it has lost it. */
  #focused() {
    const key = this.#list.focusedKey;
    return key !== null && this.#items.has(key) && !this.#fresh.has(key) ? [[key, this.#items.get(key)]] : [];
  }
}
