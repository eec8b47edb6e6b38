/** Pick: the users whom the operator has picked, one by one, as a range or all at once. No DOM. */

export class Pick {
  /** Whether somebody was left out by the last change, because no action may be for so many. */
  isCut = false;
  #ids = new Set();
  #limit;
  #anchor = null; // where a range begins
  #end = null; // where it ends
  #before = new Set(); // who was picked before the range
  #isPicking = true; // whether the range picks or unpicks

  /** `limit`: how many may be picked. */
  constructor(limit, ids = []) {
    this.#limit = limit;
    this.#add(ids);
  }

  get size() {
    return this.#ids.size;
  }

  get ids() {
    return [...this.#ids];
  }

  has(id) {
    return this.#ids.has(id);
  }

  /** Pick or unpick a user. A range may begin here. */
  toggle(id) {
    this.isCut = false;
    const isPicking = !this.#ids.has(id);
    if (isPicking) this.#add([id]);
    else this.#ids.delete(id);
    this.#beginAt(id, isPicking);
  }

  /** Pick, or unpick, everybody from where the last change was to here. `listed` are the ids in their order. */
  reach(listed, id) {
    if (this.#anchor === null || !listed.includes(this.#anchor)) return this.toggle(id);
    this.isCut = false;
    const [from, to] = [listed.indexOf(this.#anchor), listed.indexOf(id)].sort((one, other) => one - other);
    this.#ids = new Set(this.#before);
    const range = listed.slice(from, to + 1);
    if (this.#isPicking) this.#add(range);
    else for (const each of range) this.#ids.delete(each);
    this.#end = id;
  }

  /** The same by keyboard, from one user to the next. Going back takes the last ones out again. */
  extend(listed, from, to) {
    if (this.#end !== from || !this.#isPicking) {
      this.isCut = false;
      this.#add([from]);
      this.#beginAt(from, true);
    }
    this.reach(listed, to);
  }

  /** Pick all of these, as far as the limit allows. */
  add(ids) {
    this.isCut = false;
    this.#add(ids);
    this.#forgetRange();
  }

  remove(ids) {
    this.isCut = false;
    for (const id of ids) this.#ids.delete(id);
    this.#forgetRange();
  }

  clear() {
    this.remove(this.ids);
  }

  /** Keep only those who still exist. Returns whether somebody is gone. */
  keep(exists) {
    const gone = this.ids.filter((id) => !exists(id));
    for (const id of gone) {
      this.#ids.delete(id);
      this.#before.delete(id);
    }
    return gone.length > 0;
  }

  #add(ids) {
    for (const id of ids) {
      if (this.#ids.has(id)) continue;
      if (this.#ids.size >= this.#limit) {
        this.isCut = true;
        return;
      }
      this.#ids.add(id);
    }
  }

  #beginAt(id, isPicking) {
    this.#anchor = this.#end = id;
    this.#isPicking = isPicking;
    this.#before = new Set(this.#ids);
  }

  #forgetRange() {
    this.#anchor = this.#end = null;
    this.#before = new Set();
  }
}
