/** List: rows in a scrolling box. Only about 20 elements are in the page, however many rows there are. */

import { grouped } from "./formatting.js";

const PRINTED_ROWS = 200; // some eight sheets
const SPARE_ROWS = 4; // above and below the visible ones, for scrolling and the keyboard
const ROW_HEIGHT_PX = 40; // until the style sheet says how tall a row is

/** Positions are CSS: `--at` of a row, `--count` of the list, and `--row-height`, which only the style sheet knows. */
export class List {
  #box; // scrolls
  #rows; // as tall as all rows together
  #template;
  #fill;
  #keys = [];
  #places = new Map();
  #elements = new Map(); // those in the page, by key
  #spare = [];
  #due = new Set(); // keys of rows to fill
  #isMoved = true;
  #height = 0;
  #rowHeight = ROW_HEIGHT_PX;
  #scrollTop = 0;
  #isPrinting = false;

  /** `fill(element, key, place, count)` writes a row. Rows that the server rendered, with `data-key`, are reused. */
  constructor(box, { template, fill, onMove }) {
    this.#box = box;
    this.#rows = box.querySelector("[data-rows]");
    this.#template = template;
    this.#fill = fill;
    for (const element of [...this.#rows.children]) this.#elements.set(element.dataset.key, element);
    box.addEventListener("scroll", () => this.#move(onMove), { passive: true });
    new ResizeObserver(() => this.#resize(onMove)).observe(box);
    this.#measure();
    addEventListener("beforeprint", () => this.#print(true));
    addEventListener("afterprint", () => this.#print(false));
  }

  get keys() {
    return this.#keys;
  }

  /** The key of the row with keyboard focus, or null. */
  get focusedKey() {
    const row = this.#rows.contains(document.activeElement) && document.activeElement.closest("[data-key]");
    return row ? row.dataset.key : null;
  }

  show(keys) {
    this.#keys = keys.map(String);
    this.#places = new Map(this.#keys.map((key, place) => [key, place]));
    this.#isMoved = true;
  }

  /** These rows have changed. */
  note(keys) {
    for (const key of keys) this.#due.add(String(key));
  }

  noteAll() {
    for (const key of this.#elements.keys()) this.#due.add(key);
  }

  /** Write what has changed. To be called in an animation frame. */
  draw() {
    if (this.#isMoved) this.#place();
    for (const key of this.#due) {
      const element = this.#elements.get(key);
      if (element) this.#fill(element, key, this.#places.get(key), this.#keys.length);
    }
    this.#due.clear();
  }

  /** Scroll a row into view and focus it. */
  focus(place) {
    const key = this.#keys[place];
    if (key === undefined) return;
    const scrollTop = this.#scrollTopFor(place);
    if (scrollTop !== this.#box.scrollTop) this.#box.scrollTop = scrollTop;
    this.#scrollTop = scrollTop;
    this.#isMoved = true;
    this.draw();
    const element = this.#elements.get(key);
    element?.scrollIntoView({ block: "nearest" }); // the box itself may be out of view
    element?.querySelector("a, button")?.focus({ preventScroll: true });
  }

  /** How far to scroll, and no further, so that a row is wholly in view. */
  #scrollTopFor(place) {
    const top = place * this.#rowHeight;
    const bottom = top + this.#rowHeight - this.#height;
    return Math.min(top, Math.max(bottom, this.#box.scrollTop));
  }

  /** Focus the row `steps` further than the focused one, or else the first row in view. */
  step(steps) {
    const place = this.#places.get(this.focusedKey);
    const first = Math.ceil(this.#box.scrollTop / this.#rowHeight);
    this.focus(place === undefined ? first : Math.min(this.#keys.length - 1, Math.max(0, place + steps)));
  }

  scrollToStart() {
    this.#box.scrollTop = 0;
  }

  /** Nothing scrolls on paper. The style sheet writes how many rows are left out. */
  #print(isPrinting) {
    const rest = this.#keys.length - PRINTED_ROWS;
    if (isPrinting && rest > 0) this.#rows.dataset.rest = `and ${grouped(rest)} more`;
    else delete this.#rows.dataset.rest;
    this.#isPrinting = isPrinting;
    this.#isMoved = true;
    this.draw();
  }

  #move(onMove) {
    this.#scrollTop = this.#box.scrollTop;
    this.#isMoved = true;
    onMove?.();
  }

  #resize(onMove) {
    const before = this.#height;
    this.#measure();
    if (this.#height < before) this.#keepInView(before);
    this.#move(onMove);
  }

  /** What appears below the box covers neither the row with keyboard focus nor the end. Nothing moves under a pointer or a menu. */
  #keepInView(heightBefore) {
    const { scrollTop } = this.#box;
    const end = scrollTop + heightBefore;
    const place = this.#rows.querySelector(":focus-visible") ? this.#places.get(this.focusedKey) : undefined;
    const top = place * this.#rowHeight;
    const isAtEnd = scrollTop > 0 && end > this.#keys.length * this.#rowHeight - 1;
    if (this.#openKey() !== null) return;
    if (top + this.#rowHeight > scrollTop && top < end) this.#box.scrollTop = this.#scrollTopFor(place);
    else if (isAtEnd && !this.#box.matches(":hover")) this.#box.scrollTop = end - this.#height;
  }

  #measure() {
    this.#height = this.#box.clientHeight;
    this.#rowHeight = parseFloat(getComputedStyle(this.#rows).getPropertyValue("--row-height")) || ROW_HEIGHT_PX;
  }

  /** Give each row in view an element, reusing those of rows that are no longer in view. */
  #place() {
    this.#isMoved = false;
    this.#rows.classList.add("windowed");
    const wanted = this.#wanted();
    for (const [key, element] of this.#elements) {
      if (wanted.has(key)) continue;
      this.#elements.delete(key);
      this.#spare.push(element);
    }
    for (const key of wanted) {
      if (this.#elements.has(key)) continue;
      const element = this.#spare.pop() ?? this.#template.content.firstElementChild.cloneNode(true);
      element.dataset.key = key;
      this.#elements.set(key, element);
    }
    for (const element of this.#spare.splice(0)) element.remove();
    this.#arrange(wanted);
    this.#rows.style.setProperty("--count", this.#keys.length);
    this.note(wanted);
  }

  #wanted() {
    if (this.#isPrinting) return new Set(this.#keys.slice(0, PRINTED_ROWS));
    const first = Math.max(0, Math.floor(this.#scrollTop / this.#rowHeight) - SPARE_ROWS);
    const last = Math.ceil((this.#scrollTop + this.#height) / this.#rowHeight) + SPARE_ROWS;
    const wanted = this.#keys.slice(first, last);
    const kept = this.#places.get(this.focusedKey ?? this.#openKey());
    if (kept < first) wanted.unshift(this.#keys[kept]);
    if (kept >= last) wanted.push(this.#keys[kept]);
    return new Set(wanted);
  }

  /** The key of the row whose menu is open, or null. */
  #openKey() {
    return this.#rows.querySelector(":popover-open")?.closest("[data-key]").dataset.key ?? null;
  }

  /** The order in the document follows the one on screen, for keyboards and screen readers. The focused row isn't moved. */
  #arrange(keys) {
    const kept = this.#elements.get(this.focusedKey ?? this.#openKey());
    let next = this.#rows.firstElementChild;
    for (const key of keys) {
      const element = this.#elements.get(key);
      element.style.setProperty("--at", this.#places.get(key));
      if (element === next) next = next.nextElementSibling;
      else if (element !== kept) this.#rows.insertBefore(element, next);
      else {
        while (next !== kept) {
          const after = next.nextElementSibling;
          next.remove();
          next = after;
        }
        next = kept.nextElementSibling;
      }
    }
  }
}
