/** Notifications: what the browser shows outside the page, and why it can't. */

import { count, faults, isolated } from "./formatting.js";

const SEPARATE = 3; // more issues at once are one notification

/** Why there are no notifications here, as a sentence; empty if there can be some. */
export function whyNoNotifications({ isSecureContext, Notification, location }) {
  if (!isSecureContext) {
    return `Browsers allow notifications only on https and on localhost. This page is on ${location.origin}.`;
  }
  if (typeof Notification !== "function") return "This browser has no notifications for pages.";
  if (Notification.permission === "denied") {
    return "This browser blocks notifications from this page. You can allow them in its settings for this site.";
  }
  return "";
}

/** The name of the user; of a call, the names of both participants, which stand in a sentence already. */
const whose = ({ user_id: userId, username }) => (userId ? isolated(username) : `\u2068${username}\u2069`);

/** What to show of some issues, as arguments of `Notification`. Names keep their own direction of writing. */
export function notificationsOf(issues, now) {
  if (issues.length <= SEPARATE) {
    return issues.map((issue) => ({
      title: `Needs attention: ${whose(issue)}`,
      body: faults(issue, now),
      tag: `rollcall-${issue.key}`,
    }));
  }
  const lines = issues.slice(0, SEPARATE).map((issue) => `${whose(issue)}: ${faults(issue, now)}`);
  return [
    {
      title: `${count(issues.length, "issue")} need attention`,
      body: [...lines, `and ${issues.length - SEPARATE} more`].join("\n"),
      tag: "rollcall-issues",
    },
  ];
}

export class Notifications {
  #icon = document.querySelector("link[rel=icon]")?.href; // of the page as it was loaded
  #why = "";

  /** Why there are none, as a sentence, or empty. */
  get why() {
    return this.#why || whyNoNotifications(globalThis);
  }

  get isAllowed() {
    return !this.why && Notification.permission === "granted";
  }

  /** Ask the person, while a click is handled. */
  async allow() {
    if (!this.why && Notification.permission === "default") await Notification.requestPermission();
  }

  show({ title, body, tag }) {
    if (!this.isAllowed) return;
    try {
      const shown = new Notification(title, { body, tag, icon: this.#icon, lang: "en" });
      shown.onclick = () => {
        globalThis.focus();
        shown.close();
      };
    } catch {
      // Chrome on Android has the class, and shows nothing without a service worker.
      this.#why = "This browser shows notifications only of installed apps.";
    }
  }
}
