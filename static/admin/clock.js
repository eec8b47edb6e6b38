/** Clock: the server's time, from the moments that its messages carry. */

const DRIFT = 0.001; // milliseconds a millisecond: how fast a wrong guess is forgotten

/** A message can only be late, so the least late one of those heard lately is believed. */
export class ServerClock {
  #now;
  #offset;
  #heardAt;

  constructor(serverNow, now = () => performance.now()) {
    this.#now = now;
    this.#heardAt = now();
    this.#offset = serverNow - this.#heardAt;
  }

  hear(serverNow) {
    const now = this.#now();
    this.#offset = Math.max(serverNow - now, this.#offset - (now - this.#heardAt) * DRIFT);
    this.#heardAt = now;
  }

  /** Another server, or a device that slept: what was believed before counts for nothing. */
  restart(serverNow) {
    this.#heardAt = this.#now();
    this.#offset = serverNow - this.#heardAt;
  }

  now() {
    return this.#now() + this.#offset;
  }
}
