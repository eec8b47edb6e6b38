/** Paths: samples as SVG paths in a box of 1 by 1, broken where there was nothing to see. No DOM. */

export const SPAN_MS = 15 * 60_000;
const GAP_MS = 20_000; // between two samples: several are missing

const near = (number) => Math.round(number * 10_000) / 10_000;

/** Samples as runs without a gap, each at least one point. What lies in an absence was not seen, and is left out. */
export function runs(samples, absences = []) {
  const all = [];
  let before = null;
  for (const sample of samples) {
    const [at] = sample;
    if (absences.some(([from, to]) => at > from && at < to)) continue;
    const isBroken = before === null || at - before > GAP_MS || absences.some(([from, to]) => before <= from && at >= to);
    if (isBroken) all.push([]);
    all.at(-1).push(sample);
    before = at;
  }
  return all;
}

/** Where a moment stands, from 0 at the left to 1 at the right. */
export const across = (at, now, spanMs = SPAN_MS) => near(1 - (now - at) / spanMs);

const clipped = (x) => Math.max(0, Math.min(1, x));

/** A line through `value(sample)` where `top` is the upper edge and `bottom` the lower. */
export function line(allRuns, value, { now, top, bottom = 0, spanMs = SPAN_MS }) {
  const height = top - bottom || 1;
  const point = (sample) => `${clipped(across(sample[0], now, spanMs))} ${near(1 - (value(sample) - bottom) / height)}`;
  return allRuns.map((run) => `M${run.map(point).join("L")}${run.length === 1 ? "h.001" : ""}`).join("");
}

/** The area between two values. */
export function area(allRuns, upper, lower, { now, top, spanMs = SPAN_MS }) {
  const point = (value) => (sample) => `${clipped(across(sample[0], now, spanMs))} ${near(1 - value(sample) / (top || 1))}`;
  const shape = (run) => `M${[...run.map(point(upper)), ...run.toReversed().map(point(lower))].join("L")}Z`;
  return allRuns.map(shape).join("");
}

/** A round upper edge for the axis, and the lines to draw: at most 4. */
export function scale(highest) {
  if (highest <= 0) return { top: 4, marks: [0, 2, 4] };
  const rough = highest / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max(1, power * [1, 2, 5, 10].find((factor) => factor * power >= rough));
  const marks = [];
  for (let mark = 0; mark <= highest; mark += step) marks.push(mark);
  return { top: Math.max(highest * 1.08, step), marks };
}

/** The minutes to name under the axis: each fifth. */
export function minutes(now, spanMs = SPAN_MS) {
  const five = 5 * 60_000;
  const named = [];
  for (let at = Math.ceil((now - spanMs) / five) * five; at < now; at += five) named.push(at);
  return named;
}
