/** Hold: nothing moves while somebody is at work in a list. No DOM. */

export const HOLD_MS = 8_000;

/** Held for a while after each touch, and as long as something is pinned: an open menu, a dialog. */
export class Hold {
  #now;
  #until = -Infinity;
  #pins = new Set();

  constructor(now = () => performance.now()) {
    this.#now = now;
  }

  get isHeld() {
    return this.isPinned || this.rest > 0;
  }

  /** Nobody knows for how long. */
  get isPinned() {
    return this.#pins.size > 0;
  }

  /** Milliseconds until the last touch counts no more. */
  get rest() {
    return Math.max(0, this.#until - this.#now());
  }

  touch() {
    this.#until = this.#now() + HOLD_MS;
  }

  pin(name) {
    this.#pins.add(name);
  }

  /** What was pinned is closed; who closed it is still at work. */
  unpin(name) {
    if (this.#pins.delete(name)) this.touch();
  }

  /** “Sort now”. */
  release() {
    this.#until = -Infinity;
  }
}
