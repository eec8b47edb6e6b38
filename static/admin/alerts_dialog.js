/** Alerts dialog: where a person chooses alerts. Each change counts at once. */

import { amountProblem } from "./alert_choices.js";
import { onClosed } from "./dialog.js";
import { put, write } from "./markup.js";

const SOUND_WAITS = "Click anywhere on the page to allow sound. Browsers ask for that each time a page is opened.";
const NOT_ASKED = "The browser has not been allowed to show notifications. Choose it again to be asked.";

export class AlertsDialog {
  #dialog;
  #alerts;
  #parts = {};
  #kinds = [];

  /** `button` opens it and says how alerts are; `onToggle(isOpen)` is called when it opens or closes. */
  constructor(dialog, button, alerts, onToggle) {
    this.#dialog = dialog;
    this.#alerts = alerts;
    for (const part of dialog.querySelectorAll("[data-alert]")) this.#parts[part.dataset.alert] = part;
    this.#kinds = [...dialog.querySelectorAll("[data-kind]")].map((row) => new KindRow(row));
    alerts.onChange = () => write(button, alerts.status);
    alerts.onChange();
    button.hidden = false;
    button.addEventListener("click", () => {
      this.#fill();
      dialog.showModal();
      onToggle(true);
    });
    onClosed(dialog, () => onToggle(false));
    dialog.addEventListener("change", (event) => this.#changed(event.target));
    this.#parts.try.addEventListener("click", () => alerts.try());
    this.#parts.close.addEventListener("click", () => dialog.close());
  }

  #fill() {
    const { sound, notification, connection, kinds, quiet } = this.#alerts.choices.current;
    const parts = this.#parts;
    put(parts.sound, "checked", sound);
    put(parts.notification, "checked", notification && this.#alerts.notifications.isAllowed);
    put(parts.connection, "checked", connection);
    put(parts.quiet, "checked", quiet.isOn);
    put(parts.from, "value", quiet.from);
    put(parts.to, "value", quiet.to);
    for (const row of this.#kinds) row.fill(kinds[row.kind]);
    this.#explain();
  }

  #explain() {
    const { sound, notifications, choices, soundWaits } = this.#alerts;
    const parts = this.#parts;
    put(parts.sound, "disabled", !sound.isPossible);
    put(parts.notification, "disabled", notifications.why !== "");
    write(parts.soundNote, sound.isPossible ? (soundWaits ? SOUND_WAITS : "") : "This browser makes no sounds for pages.");
    const isNotAsked = choices.current.notification && !notifications.isAllowed;
    write(parts.notificationNote, notifications.why || (isNotAsked ? NOT_ASKED : ""));
    put(parts.try, "disabled", !this.#alerts.isOn); // there would be nothing to hear or see
    for (const part of [parts.from, parts.to]) put(part, "disabled", !choices.current.quiet.isOn);
    const times = [parts.from, parts.to].map((part) => mark(part, part.validity.valid ? "" : "Enter a time, such as 22:00."));
    write(parts.hoursProblem, times.find(Boolean) ?? "");
  }

  async #changed(field) {
    const { choices, sound, notifications } = this.#alerts;
    const parts = this.#parts;
    if (field === parts.sound && field.checked) await sound.allow();
    if (field === parts.notification && field.checked) await notifications.allow();
    const { kinds, quiet } = choices.current;
    choices.set({
      sound: parts.sound.checked,
      notification: parts.notification.checked,
      connection: parts.connection.checked,
      kinds: Object.fromEntries(this.#kinds.map((row) => [row.kind, row.choice(kinds[row.kind])])),
      quiet: { isOn: parts.quiet.checked, from: parts.from.value || quiet.from, to: parts.to.value || quiet.to },
    });
    if (field === parts.notification && field.checked && !notifications.isAllowed) field.checked = false;
    this.#explain();
  }
}

/** Tell assistive technology whether a field is wrong. A field that can't be changed is not. Returns the problem. */
function mark(field, problem) {
  if (problem) field.setAttribute("aria-invalid", "true");
  else field.removeAttribute("aria-invalid");
  return problem;
}

/** One kind of issue: whether to be told of it, and from which amount on. */
class KindRow {
  #isOn;
  #least;
  #limit; // the server's, in seconds or changes; less than that never needs attention
  #unit; // in seconds
  #problem;

  constructor(row) {
    this.kind = row.dataset.kind;
    this.#limit = Number(row.dataset.limit);
    this.#unit = Number(row.dataset.unit);
    this.#isOn = row.querySelector("[type=checkbox]");
    this.#least = row.querySelector("[type=number]");
    this.#problem = row.querySelector(".wrong");
  }

  fill({ isOn = true, least = null } = {}) {
    put(this.#isOn, "checked", isOn);
    put(this.#least, "value", String(Math.max(least ?? 0, this.#limit) / this.#unit));
    put(this.#least, "disabled", !isOn);
    this.#explain();
  }

  /** What the person wants. An amount that is refused leaves the one in `before`. */
  choice({ least: before = null } = {}) {
    put(this.#least, "disabled", !this.#isOn.checked);
    const isRefused = this.#explain();
    const least = isRefused ? before : this.#least.valueAsNumber * this.#unit;
    return { isOn: this.#isOn.checked, least: least > this.#limit ? least : null };
  }

  #explain() {
    const problem = mark(this.#least, amountProblem(this.#least.validity, this.#least));
    write(this.#problem, problem);
    return problem !== "";
  }
}
