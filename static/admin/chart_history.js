/** Chart history: the samples of the time that the chart shows. The feed has those of the last minutes; older ones are loaded. No DOM. */

const NUMBERS = ["spanMs", "stepMs", "gapMs", "markMs", "rowMs"];

/** A range from the data attributes of its link; see handlers/admin/chart_ranges.py. */
export function rangeOf({ dataset }) {
  return { name: dataset.range, title: dataset.title, ...Object.fromEntries(NUMBERS.map((name) => [name, Number(dataset[name])])) };
}

export class ChartHistory {
  range;
  /** Oldest first; null until they are loaded. */
  samples = null;
  #historyMs;

  /** The feed has the samples of `historyMs` milliseconds. */
  constructor(historyMs) {
    this.#historyMs = historyMs;
  }

  /** Whether the feed has all samples of a range. */
  isInFeed(range) {
    return range.spanMs <= this.#historyMs;
  }

  /** Show another range, with these samples if the feed does not have all of them. */
  use(range, samples = null) {
    this.range = range;
    this.samples = this.isInFeed(range) ? [] : samples;
  }

  /** Go on with the feed's samples, of which the first of each step is taken. */
  follow(latest, now) {
    if (this.isInFeed(this.range)) this.samples = latest;
    else if (this.samples) this.#append(latest, now);
  }

  #append(latest, now) {
    const { spanMs, stepMs } = this.range;
    const { samples } = this;
    let last = samples.length ? samples.at(-1)[0] : -Infinity;
    for (const sample of latest) {
      const [at] = sample;
      if (at <= last || Math.floor(at / stepMs) === Math.floor(last / stepMs)) continue;
      samples.push(sample);
      last = at;
    }
    while (samples.length && samples[0][0] < now - spanMs) samples.shift();
  }
}
