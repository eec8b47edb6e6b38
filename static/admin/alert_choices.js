/** Alert choices: what a person wants to be told of, how, and when not. They are kept in the browser. No DOM. */

const KEY = "rollcall_alerts";
const TIME = /^([01]\d|2[0-3]):[0-5]\d$/;

export const NO_ALERTS = {
  sound: false,
  notification: false,
  connection: true, // tell when the page no longer follows what happens
  kinds: {}, // by kind: { isOn, least }; `least` is in seconds or changes, null if the server's limit is enough
  quiet: { isOn: false, from: "22:00", to: "07:00" },
};

const minutes = (time) => Number(time.slice(0, 2)) * 60 + Number(time.slice(3));

/** Whether a time of day, such as `23:10`, is within quiet hours, which may pass midnight. Equal times are a whole day. */
export function isQuietAt({ isOn, from, to }, time) {
  if (!isOn) return false;
  const [start, end, at] = [from, to, time].map(minutes);
  return start < end ? at >= start && at < end : at >= start || at < end;
}

/** The time of day in a zone, as `23:10`. */
export function timeOfDay(moment, timeZone) {
  return new Intl.DateTimeFormat("en-GB", { timeZone, hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(moment);
}

/** How long a fault has lasted, or how often it has happened, in the unit of its kind's limit. */
function amount(kind, explanation, issue, now) {
  if (kind === "flapping") return issue.changes ?? 0;
  const isMeasured = kind === "long_call" || kind === "silent_socket" || kind === "call_with_offline";
  return (now - ((isMeasured && explanation.at) || issue.since)) / 1_000;
}

/** Whether a person wants to be told of an issue: of one of its faults, as long as nobody deals with it. */
export function isWanted(choices, issue, now) {
  if (issue.acknowledged) return false;
  const faults = [
    [issue.kind, issue.because],
    ...(issue.also_kinds ?? []).map((kind, place) => [kind, issue.also[place]]),
  ];
  return faults.some(([kind, explanation]) => {
    const { isOn = true, least = null } = choices.kinds[kind] ?? {};
    return isOn && (least === null || amount(kind, explanation, issue, now) >= least);
  });
}

/** What was kept, with defaults for everything that is missing or not valid. */
export function readChoices(text) {
  let kept = null;
  try {
    kept = JSON.parse(text);
  } catch {
    // another program wrote it
  }
  const { sound, notification, connection, kinds, quiet } = Object(kept);
  const { isOn, from, to } = Object(quiet);
  return {
    sound: sound === true,
    notification: notification === true,
    connection: connection !== false,
    kinds: Object.fromEntries(Object.entries(Object(kinds)).map(([kind, choice]) => [kind, readKind(choice)])),
    quiet: {
      isOn: isOn === true,
      from: TIME.test(from) ? from : NO_ALERTS.quiet.from,
      to: TIME.test(to) ? to : NO_ALERTS.quiet.to,
    },
  };
}

function readKind(choice) {
  const { isOn, least } = Object(choice);
  return { isOn: isOn !== false, least: Number.isFinite(least) && least > 0 ? least : null };
}

/** What is wrong with an amount in a field with limits, by the field's `validity`; or an empty text. */
export function amountProblem({ badInput, valueMissing, rangeUnderflow, rangeOverflow }, { min, max }) {
  if (badInput || valueMissing) return "Enter a number.";
  if (rangeUnderflow) return `Enter at least ${number(min)}.${Number(min) > 0 ? " Below that, it isn't an issue yet." : ""}`;
  return rangeOverflow ? `Enter at most ${number(max)}.` : "";
}

const number = (text) => Number(text).toLocaleString("en");

/** The choices of this browser, which all its tabs share. */
export class AlertChoices {
  current;
  #storage;

  /** `onChange()` is called after a change here or in another tab. */
  constructor(storage, onChange = () => {}) {
    this.#storage = storage;
    this.current = readChoices(storage.getItem(KEY));
    this.onChange = onChange;
  }

  set(changes) {
    this.current = readChoices(JSON.stringify({ ...this.current, ...changes }));
    this.#storage.setItem(KEY, JSON.stringify(this.current));
    this.onChange();
  }

  /** Another tab has written something. */
  hear({ key, newValue }) {
    if (key !== KEY) return;
    this.current = readChoices(newValue);
    this.onChange();
  }
}

/** The browser's storage, or one that forgets where the browser allows none. */
export function safeStorage() {
  try {
    const { localStorage } = globalThis;
    localStorage.getItem(KEY);
    return localStorage;
  } catch {
    const kept = new Map();
    return { getItem: (key) => kept.get(key) ?? null, setItem: (key, text) => kept.set(key, text) };
  }
}
