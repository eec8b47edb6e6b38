/** Moments: times of day and dates in the zone that the operator chose, as the browser's locale counts hours. No DOM writes. */

const LANGUAGE = "en-GB"; // of the page; the locale decides only between 12 and 24 hours

/** Whether the browser's locale counts hours to 12. */
const countsTo12 = () => new Intl.DateTimeFormat(undefined, { hour: "numeric" }).resolvedOptions().hour12;

export class Moments {
  zoneName; // as it was chosen: browsers resolve some names to older ones
  #time;
  #short;
  #day;
  #dayAndYear;
  #minute;
  #field;

  /** `timeZone` is an IANA name, or undefined for the browser's zone. */
  constructor({ timeZone, hour12 = countsTo12() } = {}) {
    const format = (options) => new Intl.DateTimeFormat(LANGUAGE, { timeZone, ...options });
    const hour = "2-digit";
    const hourCycle = hour12 ? "h12" : "h23";
    this.#time = format({ hour, minute: "2-digit", second: "2-digit", hourCycle });
    this.#short = format({ hour, minute: "2-digit", hourCycle });
    this.#day = format({ day: "numeric", month: "short" });
    this.#dayAndYear = format({ day: "numeric", month: "short", year: "numeric" });
    this.#minute = format({ hour, minute: "2-digit", hourCycle: "h23" });
    const twoDigits = { month: "2-digit", day: "2-digit", hour, minute: "2-digit", second: "2-digit" };
    this.#field = format({ year: "numeric", ...twoDigits, hourCycle: "h23" });
    this.zoneName = timeZone ?? this.#day.resolvedOptions().timeZone;
  }

  /** `12:31:07`; `26 Nov, 12:31:07` if that is not the day of `now`; with the year if it is another one. */
  clock(moment, now = Date.now()) {
    return this.#dated(this.#time, moment, now);
  }

  /** The same without seconds. */
  short(moment, now = Date.now()) {
    return this.#dated(this.#short, moment, now);
  }

  /** With the date, even if it is that of `now`: `26 Nov, 12:31:07`; with the year if it is another one. */
  dated(moment, now = Date.now()) {
    return this.#dated(this.#time, moment, now, true);
  }

  /** With the date and the year: `26 Nov 2026, 12:31`. */
  full(moment) {
    return `${this.#dayAndYear.format(moment)}, ${this.#short.format(moment)}`;
  }

  /** Only the time of day, with seconds. */
  time(moment) {
    return this.#time.format(moment);
  }

  /** Only the hour and the minute. */
  hourAndMinute(moment) {
    return this.#short.format(moment);
  }

  /** Only the date: `26 Nov`. */
  day(moment) {
    return this.#day.format(moment);
  }

  /** The day, and how many minutes of it have passed. */
  local(moment) {
    const [hours, minutes] = this.#minute.format(moment).split(":").map(Number);
    return { day: this.#dayAndYear.format(moment), minutes: 60 * hours + minutes };
  }

  /** As a field of the type `datetime-local` has it: `2026-11-26T14:05`. Seconds only if there are any. */
  field(moment) {
    const parts = this.#field.formatToParts(moment).map(({ type, value }) => [type, value]);
    const { year, month, day, hour, minute, second } = Object.fromEntries(parts);
    return `${year.padStart(4, "0")}-${month}-${day}T${hour}:${minute}${second === "00" ? "" : `:${second}`}`;
  }

  #dated(format, moment, now, hasDate = false) {
    const time = format.format(moment);
    const day = this.#dayAndYear.format(moment);
    const today = this.#dayAndYear.format(now);
    if (day === today && !hasDate) return time;
    return `${day.slice(-4) === today.slice(-4) ? this.#day.format(moment) : day}, ${time}`;
  }
}

const chosen = globalThis.document?.body.dataset.zone;

/** As the operator who looks at this page chose. A zone that only the server knows is UTC. */
export const moments = makeMoments(chosen || undefined);

function makeMoments(timeZone) {
  try {
    return new Moments({ timeZone });
  } catch {
    return new Moments({ timeZone: "UTC" });
  }
}
