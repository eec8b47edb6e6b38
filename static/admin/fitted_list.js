/** Fitted list: shows as many items as fit into its box, for a page that nobody scrolls, and says how many more there are. */

import { write } from "./markup.js";
import { grouped } from "./formatting.js";

const MOST = 300; // items, on whatever screen

/** `and 12 more`, or nothing. */
export const andMore = (left) => (left > 0 ? `and ${grouped(left)} more` : "");

const ROUNDING = 0.02; // of a row: heights in pixels are whole, and rows need not be

/** How many rows of `--row-height` fit into a box. */
export function rowsIn(box) {
  const style = getComputedStyle(box);
  const room = box.clientHeight - parseFloat(style.paddingTop) - parseFloat(style.paddingBottom);
  return Math.max(0, Math.floor(room / parseFloat(style.getPropertyValue("--row-height")) + ROUNDING));
}

export class FittedList {
  #section;
  #list;
  #more;
  #count;
  #template;
  #fill;
  #none;
  #capacity = 0;

  /** `fill(parts, item)` writes an item; `none` is what to say when there are no items; `onResize()` is called when more or fewer fit. */
  constructor(section, { fill, none = "", onResize }) {
    this.#section = section;
    this.#list = section.querySelector("[data-fit]");
    this.#more = section.querySelector("[data-more]");
    this.#count = section.querySelector("[data-count]");
    this.#template = section.querySelector("template");
    this.#fill = fill;
    this.#none = none;
    this.#list.classList.add("fitted");
    new ResizeObserver(() => {
      this.#measure();
      onResize();
    }).observe(this.#list);
    this.#measure();
    this.#shorten(this.#capacity); // the server has printed lines without knowing how many fit
  }

  /**
   * Show the first of these items. `total`: how many the heading counts, if others are shown elsewhere; `words`: the same
   * as the heading says it.
   */
  show(items, total = items.length, words = grouped(total)) {
    const shown = items.slice(0, this.#capacity);
    const { children } = this.#list;
    this.#shorten(shown.length);
    while (children.length < shown.length) this.#list.append(this.#template.content.firstElementChild.cloneNode(true));
    shown.forEach((item, place) => this.#fill(children[place], item));
    const left = items.length - shown.length;
    write(this.#more, andMore(left) || (total ? "" : this.#none));
    write(this.#count, words);
    this.#section.classList.toggle("bare", total === 0);
  }

  #shorten(length) {
    while (this.#list.children.length > length) this.#list.lastElementChild.remove();
  }

  #measure() {
    const columns = getComputedStyle(this.#list).gridTemplateColumns.split(" ").length;
    this.#capacity = Math.min(MOST, rowsIn(this.#list) * columns);
  }
}
