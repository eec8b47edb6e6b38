/** Rate: how many per second, averaged over the last few seconds. */

const SECONDS = 5; // short enough to follow what is going on, long enough not to jump

export class Rate {
  #counts = [];

  /** Start over, because the count jumped. */
  restart() {
    this.#counts = [];
  }

  /** To be called once a second with the total so far. Returns text such as `5/s`. */
  text(total) {
    this.#counts = [...this.#counts, total].slice(-SECONDS - 1);
    const seconds = this.#counts.length - 1;
    if (!seconds) return "";
    const rate = (total - this.#counts[0]) / seconds;
    return `${rate > 0 && rate < 1 ? rate.toFixed(1) : Math.round(rate)}/s`;
  }
}
