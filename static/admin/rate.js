/** Rate: how many a second, over the last seconds. */

const SECONDS = 5;

export class Rate {
  #counts = [];

  /** The count goes on from elsewhere: begin anew. */
  restart() {
    this.#counts = [];
  }

  /** Called once a second with the count so far: `5/s`. */
  text(count) {
    this.#counts = [...this.#counts, count].slice(-SECONDS - 1);
    const seconds = this.#counts.length - 1;
    if (!seconds) return "";
    const rate = (count - this.#counts[0]) / seconds;
    return `${rate > 0 && rate < 1 ? rate.toFixed(1) : Math.round(rate)}/s`;
  }
}
