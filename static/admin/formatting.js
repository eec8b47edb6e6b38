/** Formatting: durations, times, explanations and names as text. handlers/admin/formatting.py does the same on the server. */

import { moments } from "./moments.js";

export const STATE_LABELS = { available: "Available", busy: "Busy", offline: "Offline" };

/** The kinds of events, as KINDS in templates/admin/_parts.html. */
export const EVENT_LABELS = { ...STATE_LABELS, call_started: "Call started", call_ended: "Call ended", action: "Action" };

export const CALL_LABELS = { ongoing: "Ongoing", completed: "Completed", dropped: "Dropped", cancelled: "Cancelled" };

export const ACTION_LABELS = {
  force_offline: "Force offline",
  disconnect: "Disconnect",
  sign_out: "Sign out everywhere",
  clear_busy: "Clear busy",
  end_call: "End call",
  enable_user: "Enable user",
  disable_user: "Disable user",
  delete_user: "Delete user",
  set_password: "Set password",
  add_tag: "Add tag",
  remove_tag: "Remove tag",
};

/** The actions that need a tag. */
export const TAG_ACTIONS = ["add_tag", "remove_tag"];

/** Actions that end or cut something. Only their buttons are red. */
export const CUTTING = new Set(["force_offline", "disconnect", "sign_out", "end_call", "disable_user", "delete_user"]);

/** The words on a button for an action on several users: `Force offline 1 user`. */
export const bulkWords = (action, size) => `${BULK_LABELS[action] ?? ACTION_LABELS[action]} ${count(size, "user")}`;
const BULK_LABELS = { sign_out: "Sign out", clear_busy: "Clear busy for", add_tag: "Add tag to", remove_tag: "Remove tag from" };

/** Whether an action would change something for a user with this `issue`, as `changes` in templates/admin/_parts.html. A user has at most `tagsLimit` tags. */
export const changes = {
  force_offline: (user) => user.state !== "offline",
  disconnect: (user) => Boolean(user.sockets),
  clear_busy: (user, { issue }) => Boolean(user.set_busy) || issue?.repair === "clear_busy",
  end_call: (user) => Boolean(user.call_id),
  sign_out: (user) => !user.disabled,
  add_tag: (user, { tagsLimit }) => (user.tags?.length ?? 0) < tagsLimit,
  remove_tag: (user) => Boolean(user.tags?.length),
};

const NO_BREAK = "\u00a0"; // between the parts of a span of days, which stay in one line

const AGO = " ago";

const SECONDS_UNTIL_MINUTES = 120; // as on the server

const twoDigits = (number) => String(number).padStart(2, "0");

/** Milliseconds as on a clock: `00:22`, `12:04`, `1:30:10`, `3 d 4 h`. As in realtime/dashboard/event_text.py. */
export function duration(milliseconds) {
  const seconds = Math.max(0, Math.floor(milliseconds / 1_000));
  const hours = Math.floor(seconds / 3_600);
  if (hours >= 24) return days(hours);
  const rest = `${twoDigits(Math.floor(seconds / 60) % 60)}:${twoDigits(seconds % 60)}`;
  return hours ? `${hours}:${rest}` : rest;
}

/** The same for use in a sentence: `20 s` below a minute, `1:30` without seconds from an hour on. */
export function durationInWords(milliseconds) {
  const seconds = Math.max(0, Math.floor(milliseconds / 1_000));
  if (seconds < 60) return `${seconds} s`;
  const hours = Math.floor(seconds / 3_600);
  return hours >= 1 && hours < 24 ? `${hours}:${twoDigits(Math.floor(seconds / 60) % 60)}` : duration(milliseconds);
}

/** The same where it could be taken for a time of day: `22 s`, `12 min 4 s`, `1 h 30 min 10 s`, `3 d 4 h`. */
export function durationWithUnits(milliseconds) {
  const seconds = Math.max(0, Math.floor(milliseconds / 1_000));
  const hours = Math.floor(seconds / 3_600);
  if (hours >= 24) return days(hours);
  const parts = [[hours, "h"], [Math.floor(seconds / 60) % 60, "min"], [seconds % 60, "s"]];
  return parts.filter(([number]) => number).map((part) => part.join(" ")).join(" ") || "0 s";
}

/** How long ago something was: `74 s ago`, then `12 min ago`, `5 h ago` and `3 d 4 h ago`. */
export function ago(milliseconds) {
  const seconds = Math.max(0, Math.floor(milliseconds / 1_000));
  const [minutes, hours] = [Math.floor(seconds / 60), Math.floor(seconds / 3_600)];
  if (seconds < SECONDS_UNTIL_MINUTES) return `${seconds} s ago`;
  if (hours >= 24) return `${days(hours)} ago`;
  return hours ? `${hours} h ago` : `${minutes} min ago`;
}

function days(hours) {
  const rest = hours % 24;
  return [Math.floor(hours / 24), "d", ...(rest ? [rest, "h"] : [])].join(NO_BREAK);
}

/** Why a state is what it is, at the moment `now`. The argument is an Explanation of the wire. */
export function because({ text, at, counts = "up", tail = "" }, now) {
  if (at === undefined || at === null) return text + tail;
  if (counts === "clock") return `${text} ${moments.short(at, now)}${tail}`;
  if (counts === "down") return `${text} ${durationInWords(Math.ceil((at - now) / 1_000) * 1_000)}${tail}`;
  if (tail === AGO) return `${text} ${ago(now - at)}`;
  return `${text} ${tail ? durationInWords(now - at) : duration(now - at)}${tail}`;
}

/** What is wrong, with everything else that is wrong with the same call. The argument is an Issue of the wire. */
export const faults = (issue, now) => [issue.because, ...(issue.also ?? [])].map((each) => because(each, now)).join("; ");

/** Who deals with an issue, and for how many more minutes: `maya is on it, 10 min`. The argument is an OnIt of the wire. */
export const onIt = ({ operator, until }, now) =>
  `${inSentence(operator)} is on it, ${Math.max(1, Math.ceil((until - now) / 60_000))} min`;

/** One or two letters for an avatar. */
export function initials(name) {
  const parts = name.split(/[\s_.]+/).filter((part) => /^[\p{L}\p{N}]/u.test(part));
  const letters = [parts[0], parts.length > 1 ? parts.at(-1) : ""].map((part) => [...(part ?? "")][0] ?? "");
  return letters.join("").toUpperCase() || "?";
}

/** A name between isolates, so that it keeps its own direction of writing. As in models/direction.py. */
export const isolated = (name) => `\u2068${name.replace(/[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "")}\u2069`;

const TURNING = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;

/** A name for use in a sentence: isolated if it could change the order around it. As in models/direction.py. */
export const inSentence = (name) => (TURNING.test(name) ? isolated(name) : name);

/** A sentence without isolates. */
export const plain = (text) => text.replace(/[\u2068\u2069]/g, "");

/** `1,200` */
export const grouped = (number) => number.toLocaleString("en");

/** `1 user`, `1,200 users` */
export const count = (number, noun) => `${grouped(number)} ${noun}${number === 1 ? "" : "s"}`;

/** A difference with its sign: `+13`, `−50`, `+0`. */
export const signed = (number) => (number < 0 ? `−${-number}` : `+${number}`);

/** A sentence about somebody whose name stands before it. */
export function withoutName(sentence, name) {
  const start = `${inSentence(name)} `;
  return sentence.startsWith(start) ? sentence.slice(start.length) : sentence;
}

/** How a figure has changed: `+13 in 5 min`, `no change in 5 min`. */
export const changeIn = (change, minutes) => `${change ? signed(change) : "no change"} in ${minutes} min`;

/** What a list says in place of events that it may lack. The arguments are times in words. */
export function gapWords(from, to) {
  const when = from === to ? `around ${from}` : `between ${from} and ${to}`;
  return `Events ${when} may be missing here. Reload the page to see them.`;
}
