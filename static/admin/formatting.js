/** Formatting: durations, times, explanations and names as text. handlers/admin/formatting.py does the same on the server. */

import { isAscii } from "./search.js";

const timeWithSeconds = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const timeOnly = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const dayOfYear = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });

export const STATE_LABELS = { available: "Available", busy: "Busy", offline: "Offline" };

export const ACTION_LABELS = {
  force_offline: "Force offline",
  disconnect: "Disconnect",
  sign_out: "Sign out everywhere",
  clear_busy: "Clear busy",
  end_call: "End call",
};

const twoDigits = (number) => String(number).padStart(2, "0");

/** Milliseconds as on a clock: `00:22`, `12:04`, `1:30:10`. As in realtime/dashboard/duration.py. */
export function duration(milliseconds) {
  const seconds = Math.max(0, Math.floor(milliseconds / 1_000));
  const hours = Math.floor(seconds / 3_600);
  const rest = `${twoDigits(Math.floor(seconds / 60) % 60)}:${twoDigits(seconds % 60)}`;
  return hours ? `${hours}:${rest}` : rest;
}

/** The same for use in a sentence: below a minute it is `20 s`. */
export function durationInWords(milliseconds) {
  const seconds = Math.max(0, Math.floor(milliseconds / 1_000));
  return seconds < 60 ? `${seconds} s` : duration(milliseconds);
}

/** The time of day in the reader's time zone: `12:31:07`. */
export const timeOfDay = (moment) => timeWithSeconds.format(moment);

/** The same without seconds: `12:31`. */
export const hourAndMinute = (moment) => timeOnly.format(moment);

/** Hour and minute, and the date unless it is today. */
export function until(moment, now) {
  const day = dayOfYear.format(moment);
  return day === dayOfYear.format(now) ? timeOnly.format(moment) : `${day} ${timeOnly.format(moment)}`;
}

/** Why a state is what it is, at the moment `now`. The argument is an Explanation of the wire. */
export function because({ text, at, counts = "up", tail = "" }, now) {
  if (at === undefined || at === null) return text + tail;
  if (counts === "clock") return `${text} ${until(at, now)}${tail}`;
  if (counts === "down") return `${text} ${durationInWords(Math.ceil((at - now) / 1_000) * 1_000)}${tail}`;
  return `${text} ${tail ? durationInWords(now - at) : duration(now - at)}${tail}`;
}

/** One or two letters for an avatar. */
export function initials(name) {
  const parts = name.split(/[\s_.]+/).filter((part) => /^[\p{L}\p{N}]/u.test(part));
  const letters = [parts[0], parts.length > 1 ? parts.at(-1) : ""].map((part) => [...(part ?? "")][0] ?? "");
  return letters.join("").toUpperCase() || "?";
}

/** A name between isolates, so that it keeps its own direction of writing. As in models/direction.py. */
export const isolated = (name) => `\u2068${name.replace(/[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "")}\u2069`;

/** A sentence without isolates. */
export const plain = (text) => text.replace(/[\u2068\u2069]/g, "");

/** `1,200` */
export const grouped = (number) => number.toLocaleString("en");

/** `1 user`, `1,200 users` */
export const count = (number, noun) => `${grouped(number)} ${noun}${number === 1 ? "" : "s"}`;

/** A difference with its sign: `+13`, `−50`, `+0`. */
export const signed = (number) => (number < 0 ? `−${-number}` : `+${number}`);

/** For sorting, as `folded_name` in models/usernames.py. */
export const sortKey = (name) => (isAscii(name) ? name : name.normalize("NFKC")).toLowerCase();
