/** Tag filter: the choice of a tag, with the number of users who have each. */

import { grouped, inSentence } from "./formatting.js";
import { put } from "./markup.js";
import { countTags } from "./tags.js";

export class TagFilter {
  #select;
  #field;
  #shown = "";

  /** `field` is around the select, and hidden while nobody has a tag. `onChoose(tag)` is told the choice. */
  constructor(select, field, onChoose) {
    this.#select = select;
    this.#field = field;
    select.addEventListener("change", () => onChoose(select.value));
  }

  get tag() {
    return this.#select.value;
  }

  clear() {
    this.#select.value = "";
  }

  /** Write the counts. A chosen tag stays, also if nobody has it any more; an open list is not touched. */
  show(users) {
    const counts = countTags(users);
    const { tag } = this;
    if (tag && !counts.has(tag)) counts.set(tag, 0);
    put(this.#field, "hidden", counts.size === 0);
    const shown = JSON.stringify([...counts]);
    if (shown === this.#shown || document.activeElement === this.#select) return;
    this.#shown = shown;
    const options = [...counts].map(([each, number]) => new Option(`${inSentence(each)} (${grouped(number)})`, each));
    this.#select.replaceChildren(new Option("All", ""), ...options);
    this.#select.value = tag;
  }
}
