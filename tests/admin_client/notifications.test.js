// Notifications, the title and the icon: what they say.

import assert from "node:assert/strict";
import { test } from "node:test";
import { notificationsOf, whyNoNotifications } from "../../static/admin/notifications.js";
import { tabIcon, tabTitle } from "../../static/admin/tab.js";

const NOW = 1_000_000;
const issue = (number, username = `user${number}`) => ({
  key: `silent_socket:${number}`,
  kind: "silent_socket",
  because: { text: "Silent for", at: NOW - 40_000 },
  since: NOW,
  username,
  user_id: number,
});

test("names stand between isolates, so that they keep their own direction", () => {
  const [shown] = notificationsOf([issue(1, "محمد \u202eevil")], NOW);
  assert.equal(shown.title, "Needs attention: \u2068محمد evil\u2069");
  assert.equal(shown.body, "Silent for 00:40");
  assert.equal(shown.tag, "rollcall-silent_socket:1");
});

test("the participants of a call keep their order", () => {
  const username = "\u2068محمد\u2069 and Bob";
  const call = { ...issue(0, username), key: "long_call:c", call_id: "c" };
  assert.equal(notificationsOf([call], NOW)[0].title, `Needs attention: \u2068${username}\u2069`);
});

test("many issues at once are one notification", () => {
  assert.equal(notificationsOf([1, 2, 3].map((number) => issue(number)), NOW).length, 3);
  const [shown, ...others] = notificationsOf([1, 2, 3, 4, 5].map((number) => issue(number)), NOW);
  assert.deepEqual(others, []);
  assert.equal(shown.title, "5 issues need attention");
  assert.equal(shown.body.split("\n").length, 4);
  assert.match(shown.body, /^\u2068user1\u2069: Silent for 00:40\n/);
  assert.match(shown.body, /and 2 more$/);
});

test("a page says why it has no notifications", () => {
  const page = { isSecureContext: true, Notification: Object.assign(() => {}, { permission: "default" }) };
  assert.equal(whyNoNotifications(page), "");
  const origin = "http://rollcall.lan:8000";
  assert.equal(
    whyNoNotifications({ ...page, isSecureContext: false, location: { origin } }),
    `Browsers allow notifications only on https and on localhost. This page is on ${origin}.`,
  );
  assert.match(whyNoNotifications({ ...page, Notification: undefined }), /no notifications/);
  assert.match(whyNoNotifications({ ...page, Notification: Object.assign(() => {}, { permission: "denied" }) }), /blocks/);
});

test("the title has the number, or says why there is none", () => {
  assert.equal(tabTitle("Live · Rollcall", 0, ""), "Live · Rollcall");
  assert.equal(tabTitle("Live · Rollcall", 3, ""), "(3) Live · Rollcall");
  assert.equal(tabTitle("Live · Rollcall", 1200, ""), "(1,200) Live · Rollcall");
  assert.equal(tabTitle("Live · Rollcall", 3, "Signed out"), "Signed out · Live · Rollcall");
});

test("the icon has the number, as far as there is room", () => {
  const textOf = (icon) => decodeURIComponent(icon).match(/>([^<]*)<\/text>/)[1];
  assert.equal(textOf(tabIcon(7, "")), "7");
  assert.equal(textOf(tabIcon(99, "")), "99");
  assert.equal(textOf(tabIcon(100, "")), "99+");
  assert.equal(textOf(tabIcon(7, "Paused")), "–");
});
