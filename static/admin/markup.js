/** Markup: fills in the rows that the server's macros (templates/admin/_rows.html) describe. Creates no HTML. */

import { mayAct } from "./action_lock.js";
import { ACTION_LABELS, CUTTING, STATE_LABELS, ago, because, changes, duration, faults, inSentence, initials, isolated, onIt } from "./formatting.js";
import { moments } from "./moments.js";

const HUES = 6; // colours of avatars in base.css

const iso = (moment) => new Date(moment).toISOString();

const known = new WeakMap(); // an element's parts, by their `data-f`

export function partsOf(element) {
  let parts = known.get(element);
  if (!parts) {
    parts = {};
    for (const part of element.querySelectorAll("[data-f]")) (parts[part.dataset.f] ??= []).push(part);
    known.set(element, parts);
  }
  return parts;
}

/** Set the text if it differs: a write costs more than a comparison. Markup that the server printed in it goes. */
export function write(part, text) {
  if (part.firstElementChild) part.replaceChildren();
  const node = part.firstChild ?? part.appendChild(document.createTextNode(""));
  if (node.data !== text) node.data = text;
}

/** Set a property if it differs. */
export function put(part, name, value) {
  if (part[name] !== value) part[name] = value;
}

function setAttribute(part, name, value) {
  if (part.getAttribute(name) !== String(value)) part.setAttribute(name, value);
}

/** Writes to the parts of an element, which have names. */
export class Row {
  constructor(element) {
    this.element = element;
    this.parts = partsOf(element);
  }

  text(name, text) {
    for (const part of this.parts[name] ?? []) write(part, text);
  }

  set(name, property, value) {
    for (const part of this.parts[name] ?? []) put(part, property, value);
  }

  attribute(name, attribute, value) {
    for (const part of this.parts[name] ?? []) setAttribute(part, attribute, value);
  }

  flag(className, isOn) {
    this.element.classList.toggle(className, isOn);
  }

  /** Empty fields are disabled, so that the form doesn't send them. */
  input(name, value) {
    this.set(name, "value", value ? String(value) : "");
    this.set(name, "disabled", !value);
  }
}

/** Row 1 of the table is its header. */
export function placeInTable(element, place) {
  setAttribute(element, "aria-rowindex", place + 2);
}

export function placeInList(element, place, count) {
  setAttribute(element, "aria-posinset", place + 1);
  setAttribute(element, "aria-setsize", count);
}

export function fillUser(element, user, issue, now, isPicked = false) {
  const row = new Row(element);
  const { user_id: userId, username, state, sockets = 0, device = "", image = "" } = user;
  setAttribute(element, "data-user", userId);
  row.flag("issue-row", Boolean(issue));
  row.flag("disabled", Boolean(user.disabled));
  row.flag("picked", isPicked);
  row.set("pick", "checked", isPicked);
  row.set("pick", "value", String(userId));
  row.attribute("pick", "aria-label", `Pick ${inSentence(username)}`);
  row.text("state", STATE_LABELS[state]);
  row.set("state", "className", `state ${state}`);
  row.text("username", username);
  row.set("name", "title", isolated(username));
  for (const link of ["name", "open"]) row.attribute(link, "href", `/admin/users/${userId}`);
  row.text("id", `#${userId}`);
  row.text("since", duration(now - user.since));
  row.set("since", "title", iso(user.since));
  const explanation = because(user.because, now);
  row.text("because", explanation);
  row.set("because", "title", explanation);
  const fault = issue ? faults(issue, now) : "";
  row.text("fault", fault);
  row.set("fault", "title", fault);
  const waiting = user.waiting ?? "";
  row.flag("waits", waiting !== "");
  for (const part of ["waiting", "waitingBelow"]) {
    row.text(part, waiting);
    row.set(part, "title", waiting);
  }
  row.text("device", sockets > 1 ? `${device} ×${sockets}` : device);
  row.text("heard", user.heard ? ago(now - user.heard) : "Never");
  row.set("heard", "title", user.heard ? iso(user.heard) : "");
  fillAvatar(row, username, image, userId);
  row.attribute("more", "aria-label", `Actions for ${inSentence(username)}`);
  row.attribute("more", "popovertarget", `menu-${userId}`);
  row.set("menu", "id", `menu-${userId}`);
  for (const part of ["act", "more"]) row.set(part, "disabled", !mayAct());
  const offers = { issue }; // no row offers to add a tag, so none needs the limit
  for (const button of row.parts.act ?? []) put(button, "hidden", !changes[button.value](user, offers));
  row.attribute("openCall", "href", `/admin/calls/${user.call_id ?? ""}`);
  row.set("openCall", "hidden", !user.call_id);
  row.input("user", userId);
  row.input("call", user.call_id);
}

function fillAvatar(row, username, image, userId) {
  row.text("initials", initials(username));
  row.attribute("face", "data-hue", userId % HUES);
  const [picture] = row.parts.picture;
  if ((picture.getAttribute("src") ?? "") === image) return;
  if (image.startsWith("https:")) picture.src = image;
  else picture.removeAttribute("src");
  picture.hidden = !image;
}

export function fillCall(element, call, issue, isGone, now) {
  const row = new Row(element);
  const names = `${inSentence(call.caller_name)} and ${inSentence(call.callee_name)}`;
  row.flag("issue-row", Boolean(issue) && !isGone);
  row.flag("gone", isGone);
  row.text("caller", call.caller_name);
  row.text("callee", call.callee_name);
  row.attribute("link", "href", `/admin/calls/${call.call_id}`);
  row.set("link", "title", `${isolated(call.caller_name)} → ${isolated(call.callee_name)}, ${call.call_type}`);
  const fault = issue && !isGone ? callFaults(issue, now) : "";
  row.text("fault", fault);
  row.set("fault", "title", fault);
  row.text("timer", isGone ? "Ended" : duration(now - call.started_at));
  row.attribute("end", "aria-label", `End the call between ${names}`);
  row.set("end", "disabled", isGone || !mayAct());
  row.input("call", call.call_id);
}

/** An issue of one participant says whose it is. */
const callFaults = (issue, now) => `${issue.user_id ? `${inSentence(issue.username)}: ` : ""}${faults(issue, now)}`;

export function fillIssue(element, issue, isGone, now) {
  const row = new Row(element);
  const userId = issue.user_id;
  const repair = ACTION_LABELS[issue.repair];
  row.flag("gone", isGone);
  fillOnIt(row, issue, isGone, now);
  row.text("onIt", issue.acknowledged ? "Change…" : "On it");
  row.text("username", issue.username);
  for (const part of ["who", "named"]) row.set(part, "title", issue.username);
  row.attribute("who", "href", userId ? `/admin/users/${userId}` : `/admin/calls/${issue.call_id}`);
  row.text("since", isGone ? "Resolved" : `for ${duration(now - issue.since)}`);
  const explanation = faults(issue, now);
  row.text("because", explanation);
  row.set("because", "title", explanation);
  row.text("effect", issue.effect);
  row.set("effect", "title", issue.effect);
  row.text("repair", repair);
  row.set("repair", "value", issue.repair);
  row.set("repair", "className", CUTTING.has(issue.repair) ? "little risky" : "little");
  row.set("repair", "title", issue.effect);
  row.attribute("repair", "aria-label", `${repair}: ${issue.username}. ${issue.effect}`);
  row.set("repair", "disabled", isGone || !mayAct());
  row.input("user", userId);
  row.input("call", issue.call_id);
  row.input("session", issue.session_id);
}

/** Who is on it, and the menu in which the operator says so. */
export function fillOnIt(row, { key, username, acknowledged }, isGone, now) {
  const id = `on-it-${key.replace(":", "-")}`;
  row.flag("acknowledged", Boolean(acknowledged));
  const text = acknowledged ? onIt(acknowledged, now) : "";
  row.text("acknowledged", text);
  row.set("acknowledged", "title", text);
  row.set("acknowledged", "hidden", !acknowledged);
  row.attribute("onIt", "aria-label", `I'm on it: ${inSentence(username)}`);
  row.attribute("onIt", "popovertarget", id);
  row.set("onItMenu", "id", id);
  row.set("takeBack", "hidden", !acknowledged);
  for (const part of ["onIt", "onItFor", "takeBack"]) row.set(part, "disabled", isGone || !mayAct());
  row.input("key", key);
}

export function fillEvent(element, event, now) {
  const row = new Row(element);
  row.text("at", moments.clock(event.at, now));
  row.attribute("at", "datetime", iso(event.at));
  row.set("at", "title", iso(event.at));
  row.text("text", event.text);
  row.set("text", "title", event.text);
}
