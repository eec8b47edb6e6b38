/** Subject markup: fills in the rows of pages about one user or one call, which templates/admin/_rows.html describes. */

import { addressOf } from "./action_addresses.js";
import { lock, mayAct } from "./action_lock.js";
import { Row, fillOnIt, write } from "./markup.js";
import { ACTION_LABELS, CUTTING, EVENT_LABELS, STATE_LABELS, ago, duration, faults, gapWords } from "./formatting.js";
import { moments } from "./moments.js";

const iso = (moment) => new Date(moment).toISOString();

/** Where a link to an action leads, also while it is locked. */
export function lead(link, action, target) {
  const address = addressOf(action, target, document.getElementById("subject").dataset.next);
  lock(link, false);
  if (link.getAttribute("href") !== address) link.setAttribute("href", address);
  if (!mayAct()) lock(link, true);
}

/** A time of day, with the date unless it is today's. */
export function writeMoment(element, moment, now) {
  write(element, moments.clock(moment, now));
  element.dateTime = element.title = iso(moment);
}

export function fillSession(element, session, isGone, userId, now) {
  const row = new Row(element);
  row.flag("gone", isGone);
  row.text("device", session.device || "Unknown device");
  for (const name of ["address", "channel", "server"]) row.text(name, session[name]);
  for (const part of row.parts.opened ?? []) writeMoment(part, session.opened_at, now);
  row.text("heard", isGone ? "Closed" : ago(now - session.heard_at));
  const target = { user_id: userId, session_id: session.session_id };
  for (const link of row.parts.disconnect ?? []) isGone ? lock(link, true) : lead(link, "disconnect", target);
}

/** What the server printed stays as it is. */
export function fillTimeline(element, event, callId, now) {
  const row = new Row(element);
  row.flag("gap", Boolean(event.gap));
  if (event.isPrinted) return;
  const at = event.gap ? event.gap[1] : event.at;
  for (const part of row.parts.at) writeMoment(part, at, now);
  row.attribute("then", "href", `/admin/board?at=${iso(at)}`);
  row.text("text", event.gap ? gapText(event.gap, now) : event.text);
  row.attribute("call", "href", `/admin/calls/${event.call_id ?? ""}`);
  row.set("call", "hidden", !event.call_id || event.call_id === callId);
}

const gapText = ([from, to], now) => gapWords(moments.clock(from, now), moments.clock(to, now));

/** What the server printed stays as it is. */
export function fillEventRow(element, event, now) {
  const row = new Row(element);
  row.flag("gap", Boolean(event.gap));
  if (event.isPrinted) return;
  const at = event.gap ? event.gap[1] : event.at;
  for (const part of row.parts.at) writeMoment(part, at, now);
  row.attribute("then", "href", `/admin/board?at=${iso(at)}`);
  row.text("text", event.gap ? gapText(event.gap, now) : event.text);
  row.set("text", "colSpan", event.gap ? element.cells.length - 1 : 1); // but for the time, its other cells are hidden
  row.text("kind", EVENT_LABELS[event.kind] ?? "");
  row.set("kind", "className", event.kind in STATE_LABELS ? `state ${event.kind}` : "soft");
  row.text("cause", event.cause ?? "");
  row.text("operator", event.operator ?? "");
  row.set("by", "hidden", !event.operator);
  row.text("username", event.username ?? "");
  row.attribute("user", "href", `/admin/users/${event.user_id ?? ""}`);
  row.set("user", "hidden", !event.username);
  row.attribute("call", "href", `/admin/calls/${event.call_id ?? ""}`);
  row.set("call", "hidden", !event.call_id);
}

export function fillNotice(element, issue, isGone, now) {
  const row = new Row(element);
  row.flag("gone", isGone);
  fillOnIt(row, issue, isGone, now);
  row.text("onIt", issue.acknowledged ? "Change…" : "I'm on it…");
  row.text("because", faults(issue, now));
  row.text("since", isGone ? "(resolved)" : `for ${duration(now - issue.since)}`);
  row.text("effect", issue.effect);
  row.text("repair", `${ACTION_LABELS[issue.repair]}…`);
  row.set("repair", "className", CUTTING.has(issue.repair) ? "button little risky" : "button little");
  const session = issue.session_id ? { session_id: issue.session_id } : {};
  const target = issue.repair === "end_call" ? { call_id: issue.call_id } : { user_id: issue.user_id, ...session };
  for (const link of row.parts.repair ?? []) isGone ? lock(link, true) : lead(link, issue.repair, target);
}

export function fillTag(element, tag, userId) {
  const row = new Row(element);
  row.text("tag", tag);
  row.attribute("link", "href", `/admin/users?${new URLSearchParams({ tag })}`);
  for (const link of row.parts.remove ?? []) lead(link, "remove_tag", { user_id: userId, tag });
}
