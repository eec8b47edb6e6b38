/** Words: how spans, moments, causes and names read. The templates' filters (handlers/admin/formatting.py) say the same. */

const timeOfDay = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const hourOfDay = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const dayOfYear = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });

export const STATE_WORDS = { available: "Available", busy: "Busy", offline: "Offline" };

export const ACTION_WORDS = {
  force_offline: "Force offline",
  disconnect: "Disconnect",
  sign_out: "Sign out everywhere",
  clear_busy: "Clear busy",
  end_call: "End call",
};

const two = (number) => String(number).padStart(2, "0");

/** A span of milliseconds: `00:22`, `12:04`, `1:30:10`. */
export function span(milliseconds) {
  const seconds = Math.max(0, Math.floor(milliseconds / 1_000));
  const hours = Math.floor(seconds / 3_600);
  const rest = `${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  return hours ? `${hours}:${rest}` : rest;
}

/** The time of day where the reader is: `12:31:07`. */
export const clock = (moment) => timeOfDay.format(moment);

/** The time of day without seconds, with the day where that is another one. */
export function until(moment, now) {
  const day = dayOfYear.format(moment);
  return day === dayOfYear.format(now) ? hourOfDay.format(moment) : `${day} ${hourOfDay.format(moment)}`;
}

/** A span in a sentence: `20 s`, then as on a clock. */
export function spoken(milliseconds) {
  const seconds = Math.max(0, Math.floor(milliseconds / 1_000));
  return seconds < 60 ? `${seconds} s` : span(milliseconds);
}

/** Why a state is what it is, at the moment `now`. */
export function because({ text, at, counts = "up", tail = "" }, now) {
  if (at === undefined || at === null) return text + tail;
  if (counts === "clock") return `${text} ${until(at, now)}${tail}`;
  if (counts === "down") return `${text} ${spoken(Math.ceil((at - now) / 1_000) * 1_000)}${tail}`;
  return `${text} ${tail ? spoken(now - at) : span(now - at)}${tail}`;
}

/** One or two letters that stand for a face. */
export function initials(name) {
  const parts = name.split(/[\s_.]+/).filter((part) => /^[\p{L}\p{N}]/u.test(part));
  const letters = [parts[0], parts.length > 1 ? parts.at(-1) : ""].map((part) => [...(part ?? "")][0] ?? "");
  return letters.join("").toUpperCase() || "?";
}

export const count = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;

/** A difference with its sign: `+13`, `−50`, `+0`. */
export const signed = (number) => (number < 0 ? `−${-number}` : `+${number}`);

const isPlain = (text) => /^[\0-\x7f]*$/.test(text); // most names are, and 10,000 of them are quicker so

/** What a search compares: without case and accents. */
export const folded = (text) =>
  isPlain(text) ? text.toLowerCase() : text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

/** What an order compares, as `username_key` of models/users.py. */
export const sortKey = (name) => (isPlain(name) ? name : name.normalize("NFKC")).toLowerCase();
