/** Markup: what the server's macros (templates/admin/_rows.html) left open in a row, filled in. No HTML is made here. */

import { mayAct } from "./action_lock.js";
import { ACTION_WORDS, STATE_WORDS, because, clock, initials, span } from "./formatting.js";

const known = new WeakMap(); // the parts of an element, by their `data-f`

function partsOf(element) {
  let parts = known.get(element);
  if (!parts) {
    parts = {};
    for (const part of element.querySelectorAll("[data-f]")) (parts[part.dataset.f] ??= []).push(part);
    known.set(element, parts);
  }
  return parts;
}

/** Text, written only if it is another. */
export function write(part, text) {
  const node = part.firstChild ?? part.appendChild(document.createTextNode(""));
  if (node.data !== text) node.data = text;
}

/** An attribute or property, likewise. */
export function put(part, name, value) {
  if (part[name] !== value) part[name] = value;
}

function setAttribute(part, name, value) {
  if (part.getAttribute(name) !== String(value)) part.setAttribute(name, value);
}

class Row {
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

  /** An input that says nothing is not sent. */
  input(name, value) {
    this.set(name, "value", value ? String(value) : "");
    this.set(name, "disabled", !value);
  }
}

/** A row of a table counts from its head, an item from 1. */
export function placeInTable(element, place) {
  setAttribute(element, "aria-rowindex", place + 2);
}

export function placeInList(element, place, count) {
  setAttribute(element, "aria-posinset", place + 1);
  setAttribute(element, "aria-setsize", count);
}

export function fillUser(element, user, wrong, now) {
  const row = new Row(element);
  const { user_id: userId, username, state, sockets = 0, device = "", image = "" } = user;
  setAttribute(element, "data-user", userId);
  row.flag("wrong-row", Boolean(wrong));
  row.flag("disabled", Boolean(user.disabled));
  row.text("state", STATE_WORDS[state]);
  row.set("state", "className", `state ${state}`);
  row.text("name", username);
  for (const link of ["name", "open"]) row.attribute(link, "href", `/admin/users/${userId}`);
  row.text("id", `#${userId}`);
  row.text("since", span(now - user.since));
  const cause = because(wrong ? wrong.because : user.because, now);
  row.text("because", cause);
  row.set("because", "title", cause);
  row.text("waiting", user.waiting ?? "");
  row.text("device", sockets > 1 ? `${device} ×${sockets}` : device);
  row.text("heard", user.heard ? span(now - user.heard) : "");
  fillFace(row, username, image, userId);
  row.attribute("more", "aria-label", `Actions for ${username}`);
  row.attribute("more", "popovertarget", `menu-${userId}`);
  row.set("menu", "id", `menu-${userId}`);
  for (const part of ["act", "more"]) row.set(part, "disabled", !mayAct());
  row.input("user", userId);
}

function fillFace(row, username, image, userId) {
  row.text("initials", initials(username));
  row.attribute("face", "data-hue", userId % 6);
  const [picture] = row.parts.picture;
  if ((picture.getAttribute("src") ?? "") === image) return;
  if (image.startsWith("https:")) picture.src = image;
  else picture.removeAttribute("src");
  picture.hidden = !image;
}

export function fillCall(element, call, wrong, isGone, now) {
  const row = new Row(element);
  const names = `${call.caller_name} and ${call.callee_name}`;
  row.flag("wrong-row", Boolean(wrong) && !isGone);
  row.flag("gone", isGone);
  row.text("caller", call.caller_name);
  row.text("callee", call.callee_name);
  row.attribute("link", "href", `/admin/calls/${call.call_id}`);
  row.set("link", "title", wrong ? because(wrong.because, now) : `${names}, ${call.call_type}`);
  row.text("timer", isGone ? "ended" : span(now - call.started_at));
  row.attribute("end", "aria-label", `End the call of ${names}`);
  row.set("end", "disabled", isGone || !mayAct());
  row.input("call", call.call_id);
}

export function fillContradiction(element, wrong, isGone, now) {
  const row = new Row(element);
  const userId = wrong.user_id;
  row.flag("gone", isGone);
  row.text("who", wrong.username);
  row.attribute("who", "href", userId ? `/admin/users/${userId}` : `/admin/calls/${wrong.call_id}`);
  row.text("since", isGone ? "gone" : span(now - wrong.since));
  row.text("because", because(wrong.because, now));
  row.text("effect", wrong.effect);
  row.text("repair", ACTION_WORDS[wrong.repair]);
  row.set("repair", "value", wrong.repair);
  row.set("repair", "title", wrong.effect);
  row.attribute("repair", "aria-label", `${ACTION_WORDS[wrong.repair]}: ${wrong.username}. ${wrong.effect}`);
  row.set("repair", "disabled", isGone || !mayAct());
  row.input("user", userId);
  row.input("call", wrong.call_id);
  row.input("session", wrong.session_id);
}

export function fillEvent(element, event) {
  const row = new Row(element);
  row.text("at", clock(event.at));
  row.attribute("at", "datetime", new Date(event.at).toISOString());
  row.text("text", event.text);
  row.set("text", "title", event.text);
}
