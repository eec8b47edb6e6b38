/** Chart reading: the figures of the chart at one moment, and in rows. No DOM. */

import { count, grouped } from "./formatting.js";

/** The index of the sample nearest to a moment, or -1 if there is none or the moment is in a gap. */
export function nearest(samples, at, gapMs) {
  let index = samples.findIndex(([each]) => each >= at);
  if (index < 0) index = samples.length - 1;
  if (index > 0 && samples[index][0] >= at) {
    const before = samples[index - 1][0];
    if (samples[index][0] - before > gapMs && at > before && at < samples[index][0]) return -1;
    if (at - before < samples[index][0] - at) index--;
  }
  return index >= 0 && Math.abs(samples[index][0] - at) <= gapMs ? index : -1;
}

/** What is announced: `12 available, 3 busy, 40 offline, 1 call`. */
export function inWords([, available, busy, offline, calls]) {
  return `${grouped(available)} available, ${grouped(busy)} busy, ${grouped(offline)} offline, ${count(calls, "call")}`;
}

/** [moment, sample or undefined] of each period of `rowMs`. A period has its first sample, unless it begins in a gap. */
export function tableRows(samples, now, { spanMs, rowMs, gapMs }) {
  const first = new Map();
  for (const sample of samples) {
    const period = Math.floor(sample[0] / rowMs);
    if (!first.has(period) && sample[0] - period * rowMs <= gapMs) first.set(period, sample);
  }
  const rows = [];
  const oldest = Math.floor((now - spanMs) / rowMs) + 1;
  for (let period = Math.floor(now / rowMs); period >= oldest; period--) rows.push([period * rowMs, first.get(period)]);
  return rows;
}
