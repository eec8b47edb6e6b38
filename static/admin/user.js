/** User: the page of one user, kept up to date over the socket. */

import { openDialogFromLinks } from "./action_links.js";
import { lock } from "./action_lock.js";
import { stopRefreshing } from "./day_refresh.js";
import { listenToKeys } from "./keys.js";
import { byId } from "./live_page.js";
import { Row, write } from "./markup.js";
import { setUpMenus } from "./menu.js";
import { moments } from "./moments.js";
import { sendOnItForms } from "./on_it.js";
import { setUpPause } from "./pause.js";
import { SubjectPage } from "./subject_page.js";
import { fillNotice, fillSession, fillTag, fillTimeline, lead } from "./subject_markup.js";
import { ACTION_LABELS, CUTTING, STATE_LABELS, ago, because, changes, duration } from "./formatting.js";

const EVENTS_SHOWN = 200; // as many as the server prints
const NONE = [];
const OFFERS = ["force_offline", "clear_busy", "disconnect", "end_call", "sign_out"];
const ENABLING = ["enable_user"];
const DISABLING = ["disable_user"];
const ADDING = ["add_tag"];

const subject = byId("subject");
const tagsLimit = Number(subject.dataset.tagsLimit);
const page = new SubjectPage(subject, { draw, limit: EVENTS_SHOWN });
const name = document.querySelector("h1 bdi");
const head = new Row(document.querySelector(".page-head"));
const status = new Row(byId("status"));
const account = new Row(byId("account-state"));

// What appears in a part of the page pushes down what is below.
const whole = page.lockOf(byId("main"));
const aside = page.lockOf(byId("aside"));
const stack = page.lockOf(byId("stack"));

const { waiting: printedWaiting } = head.parts.waiting[0].dataset;

let userId = 0;
const now = () => page.clock.now();

let offered = NONE;
if (byId("actions"))
  page.list("actions", {
    pick: ({ user, call, issues }) => (offered = same(offered, user ? offersFor(user, call, issues) : NONE)),
    keyOf: (action) => action,
    fill: (link, action, isGone) => fillOffer(link, action, isGone, `${ACTION_LABELS[action]}…`),
    lock: whole,
  });
if (byId("enabling"))
  page.list("enabling", {
    pick: ({ user }) => (user?.disabled ? ENABLING : DISABLING),
    keyOf: (action) => action,
    fill: (link, action, isGone) => fillOffer(link, action, isGone, action === "enable_user" ? "Enable…" : "Disable…"),
    lock: aside,
  });
page.list("issues", {
  pick: ({ issues }) => issues,
  keyOf: ({ key }) => key,
  fill: (row, issue, isGone) => fillNotice(row, issue, isGone, now()),
  lock: whole,
});
page.list("sessions", {
  pick: ({ sessions }) => sessions,
  keyOf: (session) => session.session_id,
  fill: (row, session, isGone) => fillSession(row, session, isGone, userId, now()),
  lock: stack,
});
// A timeline of the past stays as it is.
if (byId("timeline"))
  page.list("timeline", {
    pick: ({ events }) => events,
    keyOf: (event) => event.event_id,
    fill: (row, event) => fillTimeline(row, event, "", now()),
    lock: stack,
  });
page.list("tags", {
  pick: ({ user }) => (user ? user.tags ?? NONE : NONE),
  keyOf: (tag) => tag,
  fill: (row, tag) => fillTag(row, tag, userId),
  lock: aside,
});
if (byId("adding"))
  page.list("adding", {
    pick: ({ user }) => (user && changes.add_tag(user, { tagsLimit }) ? ADDING : NONE),
    keyOf: (action) => action,
    fill: (link, action, isGone) => fillOffer(link, action, isGone, `${ACTION_LABELS[action]}…`),
    lock: aside,
  });

function draw({ user, call, events }, at) {
  if (user === undefined) return;
  if (user === null) return drawDeleted();
  userId = user.user_id;
  write(name, user.username);
  head.set("disabled", "hidden", !user.disabled);
  head.text("waiting", user.waiting ? `Pending: ${user.waiting}` : "");
  head.set("waiting", "hidden", !user.waiting);
  for (const part of [head, status]) {
    part.text("state", STATE_LABELS[user.state]);
    part.set("state", "className", `state ${user.state}`);
    part.text("because", because(user.because, at));
  }
  status.text("since", duration(at - user.since));
  status.text("heard", user.heard ? ago(at - user.heard) : "Never");
  status.set("heard", "title", user.heard ? new Date(user.heard).toISOString() : "");
  account.text("signIn", user.disabled ? "Disabled" : "Enabled");
  drawCall(user, call, at);
  const hasBegun = user.waiting && user.waiting !== printedWaiting; // which is in the audit log already
  if (hasBegun || events.some(({ kind, isPrinted }) => kind === "action" && !isPrinted)) byId("new-acts").hidden = false;
}

/** The actions that would change something, in the order of the page. */
function offersFor(user, call, issues) {
  const issue = issues.find(({ repair }) => repair === "clear_busy");
  return OFFERS.filter((action) => changes[action](user, { issue }) && (action !== "end_call" || call));
}

/** The list of before if nothing in it has changed. */
const same = (before, list) => (String(before) === String(list) ? before : list);

function fillOffer(link, action, isGone, text) {
  link.classList.toggle("gone", isGone);
  link.classList.toggle("risky", CUTTING.has(action));
  write(link, text);
  const { user, call } = page.shown;
  if (isGone || !user) return lock(link, true);
  lead(link, action, action === "end_call" ? { call_id: call?.call_id ?? "" } : { user_id: user.user_id });
}

function drawCall(user, call, at) {
  status.set("noCall", "hidden", Boolean(call));
  status.set("call", "hidden", !call);
  if (!call) return;
  const isCaller = call.caller_id === user.user_id;
  status.text("partnerName", isCaller ? call.callee_name : call.caller_name);
  status.attribute("partner", "href", `/admin/users/${isCaller ? call.callee_id : call.caller_id}`);
  status.attribute("callLink", "href", `/admin/calls/${call.call_id}`);
  status.text("callFor", duration(at - call.started_at));
}

function drawDeleted() {
  subject.classList.add("deleted");
  stopRefreshing();
  for (const part of [head, status]) {
    part.text("state", "Deleted");
    part.set("state", "className", "state offline");
  }
  head.text("because", "what follows is from before");
  for (const mark of ["disabled", "waiting"]) head.set(mark, "hidden", true);
  status.text("because", "this user was deleted");
  status.set("lasting", "hidden", true);
  const heard = status.parts.heard[0];
  if (heard.title) write(heard, moments.clock(Date.parse(heard.title), now()));
  account.text("signIn", "Deleted");
  for (const control of document.querySelectorAll("[data-acts]")) lock(control, true);
}

openDialogFromLinks(page, (action) => action === "delete_user" && stopRefreshing());
setUpMenus(byId("issues"), (isOpen) => page.pin("menu", isOpen));
sendOnItForms((text) => page.banner.toast(text));
listenToKeys({ p: setUpPause(page) });
page.open();
