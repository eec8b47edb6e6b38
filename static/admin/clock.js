/** Server clock: the server's time, estimated from the timestamps of its messages. */

const DRIFT = 0.001; // milliseconds per millisecond: how fast an estimate that is too high is corrected

/** A message can be late but never early, so the least delayed of the recent messages is trusted. */
export class ServerClock {
  #now;
  #offset;
  #heardAt;
  #stoppedAt = null;

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

  /** Forget the estimate: the server is another one, or the device was asleep. */
  restart(serverNow) {
    this.#heardAt = this.#now();
    this.#offset = serverNow - this.#heardAt;
  }

  /** Stay at this moment until `go`, so that what is drawn again meanwhile shows no other times. */
  stop() {
    this.#stoppedAt ??= this.now();
  }

  go() {
    this.#stoppedAt = null;
  }

  now() {
    return this.#stoppedAt ?? this.timeOfDay();
  }

  /** Goes on, also while the clock is stopped. */
  timeOfDay() {
    return this.#now() + this.#offset;
  }
}
