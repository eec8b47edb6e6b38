/** Rows: a short list whose rows all stand in the page, in its usual flow. What has it as its list sees no difference to List. */

export class Rows {
  #rows;
  #template;
  #fill;
  #keys = [];
  #elements = new Map(); // by key
  #due = new Set(); // keys of rows to fill
  #isMoved = false;

  /** `fill(element, key, place, count)` writes a row. Rows that the server rendered, with `data-key`, are reused. */
  constructor(box, { template, fill }) {
    this.#rows = box.querySelector("[data-rows]");
    this.#template = template;
    this.#fill = fill;
    for (const element of this.#rows.children) this.#elements.set(element.dataset.key, element);
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
    this.#isMoved = true;
    this.noteAll();
  }

  note(keys) {
    for (const key of keys) this.#due.add(String(key));
  }

  noteAll() {
    this.note(this.#keys);
  }

  /** Write what has changed. To be called in an animation frame. */
  draw() {
    if (this.#isMoved) this.#place();
    const count = this.#keys.length;
    this.#keys.forEach((key, place) => this.#due.has(key) && this.#fill(this.#elements.get(key), key, place, count));
    this.#due.clear();
  }

  #place() {
    this.#isMoved = false;
    const wanted = new Set(this.#keys);
    for (const [key, element] of this.#elements) {
      if (wanted.has(key)) continue;
      this.#elements.delete(key);
      element.remove();
    }
    const kept = this.#elements.get(this.focusedKey); // it would lose the focus if it were moved
    let next = this.#rows.firstElementChild;
    for (const key of this.#keys) {
      const element = this.#elements.get(key) ?? this.#make(key);
      if (element === kept) while (next !== kept) next = moveToEnd(next);
      if (element === next) next = next.nextElementSibling;
      else this.#rows.insertBefore(element, next);
    }
  }

  #make(key) {
    const element = this.#template.content.firstElementChild.cloneNode(true);
    element.dataset.key = key;
    this.#elements.set(key, element);
    return element;
  }
}

/** Its turn comes later. Returns the row after it. */
function moveToEnd(element) {
  const next = element.nextElementSibling;
  element.parentElement.append(element);
  return next;
}
