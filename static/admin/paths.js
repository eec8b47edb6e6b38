/** Paths: samples as SVG paths in a box of 1 by 1, interrupted where samples are missing. No DOM. */

const HEADROOM = 1.08; // some room above the highest value

const rounded = (number) => Math.round(number * 10_000) / 10_000;

/**
 * The samples in runs without a gap of more than `gapMs`, each with at least one sample. Samples within an absence are
 * left out: the page did not see them.
 */
export function runs(samples, gapMs, absences = []) {
  const all = [];
  let before = null;
  for (const sample of samples) {
    const [at] = sample;
    if (absences.some(([from, to]) => at > from && at < to)) continue;
    const isGap = before === null || at - before > gapMs || absences.some(([from, to]) => before <= from && at >= to);
    if (isGap) all.push([]);
    all.at(-1).push(sample);
    before = at;
  }
  return all;
}

/** A moment's place, from 0 at the left edge, `spanMs` ago, to 1 at the right. */
export const across = (at, now, spanMs) => rounded(1 - (now - at) / spanMs);

const clipped = (x) => Math.max(0, Math.min(1, x));

/** A line through `value(sample)`, with `top` at the upper edge and `bottom` at the lower. */
export function line(allRuns, value, { now, spanMs, top, bottom = 0 }) {
  const height = top - bottom || 1;
  const point = (sample) => `${clipped(across(sample[0], now, spanMs))} ${rounded(1 - (value(sample) - bottom) / height)}`;
  // A run of one sample gets a short stroke, or it would be invisible.
  return allRuns.map((run) => `M${run.map(point).join("L")}${run.length === 1 ? "h.001" : ""}`).join("");
}

/** The area between two values. */
export function area(allRuns, upper, lower, { now, spanMs, top }) {
  const point = (value) => (sample) => `${clipped(across(sample[0], now, spanMs))} ${rounded(1 - value(sample) / (top || 1))}`;
  const shape = (run) => `M${[...run.map(point(upper)), ...run.toReversed().map(point(lower))].join("L")}Z`;
  return allRuns.map(shape).join("");
}

/** A vertical axis up to `highest`: its upper end, and at most five round marks. */
export function scale(highest) {
  if (highest <= 0) return { top: 4, marks: [0, 2, 4] };
  const rough = highest / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max(1, power * [1, 2, 5, 10].find((factor) => factor * power >= rough));
  const marks = [];
  for (let mark = 0; mark <= highest; mark += step) marks.push(mark);
  return { top: Math.max(highest * HEADROOM, step), marks };
}
