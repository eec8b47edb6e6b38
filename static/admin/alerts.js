/** Alerts: tells of new issues by sound and notification, as the person has chosen, once in all tabs of the browser. */

import { AlertChoices, isQuietAt, isWanted, safeStorage, timeOfDay } from "./alert_choices.js";
import { moments } from "./moments.js";
import { Notifications, notificationsOf } from "./notifications.js";
import { Sound } from "./sound.js";
import { ToldOnce } from "./told_once.js";

const LOST_MS = 30_000; // a shorter loss of the connection is not worth an alert
const CONNECTION = "connection";

export class Alerts {
  choices;
  sound = new Sound();
  notifications = new Notifications();
  /** Called when what `status` says may have changed. */
  onChange = () => {};
  #told;
  #issues = [];
  #now = 0;
  #standing = ""; // why the page doesn't follow what happens
  #hasBegun = false;
  #timer = null;

  constructor(storage = safeStorage(), told = new ToldOnce(storage)) {
    this.#told = told;
    this.choices = new AlertChoices(storage, () => this.#choicesChanged());
    addEventListener("storage", (event) => this.choices.hear(event));
    for (const event of ["click", "keydown"]) addEventListener(event, () => this.#allowSound());
  }

  get isOn() {
    const { sound, notification } = this.choices.current;
    return sound || (notification && this.notifications.isAllowed);
  }

  get isQuiet() {
    const { quiet } = this.choices.current;
    return quiet.isOn && isQuietAt(quiet, timeOfDay(this.#now || Date.now(), moments.zoneName));
  }

  /** Whether the person wants sounds, and the browser waits for a click. */
  get soundWaits() {
    return this.choices.current.sound && this.sound.isPossible && !this.sound.isAllowed;
  }

  /** In a few words, whether there are alerts now. */
  get status() {
    if (!this.isOn) return "Alerts: off";
    if (this.#standing) return `No alerts: ${this.#standing.toLowerCase()}`;
    if (this.isQuiet) return quietWords(this.choices.current.quiet);
    return this.soundWaits ? "Click to allow sound" : "Alerts: on";
  }

  /** The issues as of the server's time `now`, while the page is live. Called with each message, also in hidden tabs. */
  check(issues, now) {
    this.#issues = issues;
    this.#now = now;
    this.#told.forget(issues.filter(({ acknowledged }) => acknowledged).map(({ key }) => key));
    if (!this.#hasBegun) {
      this.#hasBegun = true;
      this.#skipAll(); // they are on the page that was just opened
    }
    if (!this.isQuiet) this.#tell();
    this.onChange();
  }

  /** Why the page doesn't follow what happens, or empty. `isLost`: not because the person has paused it. */
  setStanding(standing, isLost) {
    this.#standing = standing;
    clearTimeout(this.#timer);
    if (isLost) this.#timer = setTimeout(() => this.#tellOfLoss(standing), LOST_MS);
    else this.#told.forget([CONNECTION]);
    this.onChange();
  }

  /** An example of what alerts sound and look like, in the ways that are chosen. */
  try() {
    const { sound, notification } = this.choices.current;
    if (sound) this.sound.play();
    if (notification) this.notifications.show({ title: "Rollcall alerts", body: "This is what an alert looks like.", tag: "rollcall-try" });
  }

  async #tell() {
    const channels = this.#channels();
    if (!channels.length) return;
    const { current } = this.choices;
    const wanted = this.#issues.filter((issue) => isWanted(current, issue, this.#now));
    const keys = wanted.map(({ key }) => key);
    for (const channel of channels) {
      const ours = new Set(await this.#told.take(channel, keys));
      const issues = wanted.filter(({ key }) => ours.has(key));
      if (!issues.length) continue;
      if (channel === "sound") this.sound.play();
      else for (const shown of notificationsOf(issues, this.#now)) this.notifications.show(shown);
    }
  }

  async #tellOfLoss(standing) {
    if (!this.choices.current.connection || this.isQuiet) return;
    for (const channel of this.#channels()) {
      if (!(await this.#told.take(`${channel} of ${CONNECTION}`, [CONNECTION])).length) continue;
      if (channel === "sound") this.sound.play({ isLow: true });
      else {
        const body = "You are not told of issues until this page is live again.";
        this.notifications.show({ title: `Rollcall: ${standing.toLowerCase()}`, body, tag: "rollcall-connection" });
      }
    }
  }

  /** The ways in which this tab can tell now. */
  #channels() {
    const { sound, notification } = this.choices.current;
    return [
      ...(sound && this.sound.isAllowed ? ["sound"] : []),
      ...(notification && this.notifications.isAllowed ? ["notification"] : []),
    ];
  }

  /** What is there already is not new because somebody chooses to be told of more. */
  #choicesChanged() {
    this.#skipAll();
    this.onChange();
  }

  #skipAll(channels = ["sound", "notification"]) {
    const wanted = this.#issues.filter((issue) => isWanted(this.choices.current, issue, this.#now));
    for (const channel of channels) this.#told.skip(channel, wanted.map(({ key }) => key));
  }

  async #allowSound() {
    if (!this.soundWaits) return;
    await this.sound.allow();
    this.#skipAll(["sound"]);
    this.onChange();
  }
}

/** Equal times are a whole day, of which there is no end. */
const quietWords = ({ from, to }) => (from === to ? "Quiet all day" : `Quiet until ${to}`);
