/** Rate: how many a minute, over the last minute. */

import { grouped } from "./formatting.js";

const SECONDS = 60;
const LEAST_SECONDS = 10; // of which anything can be said

export class Rate {
  #totals = [];

  /** Start over, because the total jumped. */
  restart() {
    this.#totals = [];
  }

  /** To be called once a second with the total so far. Returns text such as `15 a minute`. */
  text(total) {
    this.#totals = [...this.#totals, total].slice(-SECONDS - 1);
    const seconds = this.#totals.length - 1;
    if (seconds < LEAST_SECONDS) return "";
    return `${grouped(Math.round(((total - this.#totals[0]) * SECONDS) / seconds))} a minute`;
  }
}
