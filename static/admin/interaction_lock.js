/** Interaction lock: nothing moves in a list while somebody is using it. No DOM. */

export const LOCK_MS = 8_000; // long enough to read a row and decide; the server has no say in it

/** Locked for a while after each touch, and as long as something is pinned, such as an open menu or a dialog. */
export class InteractionLock {
  #now;
  #until = -Infinity;
  #pins = new Set();

  constructor(now = () => performance.now()) {
    this.#now = now;
  }

  get isLocked() {
    return this.isPinned || this.remaining > 0;
  }

  /** Locked until further notice. */
  get isPinned() {
    return this.#pins.size > 0;
  }

  /** Milliseconds until the last touch expires. */
  get remaining() {
    return Math.max(0, this.#until - this.#now());
  }

  touch() {
    this.#until = this.#now() + LOCK_MS;
  }

  pin(name) {
    this.#pins.add(name);
  }

  /** Closing a menu or a dialog counts as a touch. */
  unpin(name) {
    if (this.#pins.delete(name)) this.touch();
  }

  /** “Sort now”. Pins stay. */
  release() {
    this.#until = -Infinity;
  }
}
