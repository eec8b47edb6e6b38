/** Ticker: calls back at each full second of a clock, while it is running. */

const platform = {
  set: (fn, ms) => setTimeout(fn, ms),
  clear: (id) => clearTimeout(id),
};

export class Ticker {
  #clock;
  #tick;
  #timers;
  #timer = null;

  constructor(clock, tick, timers = platform) {
    this.#clock = clock;
    this.#tick = tick;
    this.#timers = timers;
  }

  start() {
    if (this.#timer === null) this.#wait();
  }

  stop() {
    this.#timers.clear(this.#timer);
    this.#timer = null;
  }

  #wait() {
    const intoSecond = this.#clock.now() % 1_000;
    this.#timer = this.#timers.set(() => {
      this.#wait();
      this.#tick();
    }, 1_000 - intoSecond);
  }
}
