/** Call: the page of one ongoing call, kept up to date over the socket, also when the call ends. */

import { openDialogFromLinks } from "./action_links.js";
import { lock as lockLink } from "./action_lock.js";
import { listenToKeys } from "./keys.js";
import { byId } from "./live_page.js";
import { Row } from "./markup.js";
import { setUpMenus } from "./menu.js";
import { sendOnItForms } from "./on_it.js";
import { setUpPause } from "./pause.js";
import { SubjectPage } from "./subject_page.js";
import { fillNotice, fillTimeline, writeMoment } from "./subject_markup.js";
import { CALL_LABELS, duration, durationWithUnits } from "./formatting.js";

const EVENTS_SHOWN = 200; // more than a call has

const page = new SubjectPage(byId("subject"), { draw, limit: EVENTS_SHOWN });
const head = new Row(document.querySelector(".page-head"));
const status = new Row(byId("status"));
const actions = byId("actions");
const lock = page.lockOf(byId("main"));
const now = () => page.clock.now();

let callId = "";
let shownEvents = null;
let oldestFirst = [];

page.list("issues", {
  pick: ({ issues }) => issues,
  keyOf: ({ key }) => key,
  fill: (row, issue, isGone) => fillNotice(row, issue, isGone, now()),
  lock,
});
page.list("timeline", {
  pick: ({ events }) => reversed(events),
  keyOf: (event) => event.event_id,
  fill: (row, event) => fillTimeline(row, event, callId, now()),
  growsAtEnd: true,
});

/** The timeline of a call begins with its start. */
function reversed(events) {
  if (events !== shownEvents) oldestFirst = [...events].reverse();
  shownEvents = events;
  return oldestFirst;
}

function draw({ call }, at) {
  if (!call) return;
  const isOngoing = call.status === "ongoing";
  callId = call.call_id;
  head.text("caller", call.caller_name);
  head.text("callee", call.callee_name);
  const lasted = (call.ended_at ?? at) - call.started_at;
  head.set("ongoing", "hidden", !isOngoing);
  head.set("over", "hidden", isOngoing);
  const ended = call.ended_by && !call.ended_by_id ? "Ended by an operator" : CALL_LABELS[call.status];
  head.text(isOngoing ? "lasts" : "over", isOngoing ? duration(lasted) : `${ended} after ${durationWithUnits(lasted)}`);
  if (isOngoing) return;
  drawEnd(call, at);
  if (actions) withdrawActions();
}

/** There is nothing left to end. The link keeps its place while the page is in use, and the keyboard if it has it. */
function withdrawActions() {
  const link = actions.querySelector("a");
  link.classList.add("gone");
  lockLink(link, true);
  if (!lock.isLocked && document.activeElement !== link) actions.hidden = true;
}

function drawEnd(call, at) {
  const isUser = Boolean(call.ended_by_id);
  for (const name of ["ended", "endedAt", "why"]) status.set(name, "hidden", false);
  for (const part of status.parts.endedAt) writeMoment(part, call.ended_at, at);
  status.set("endedByUser", "hidden", !isUser);
  status.set("endedByOther", "hidden", isUser);
  if (isUser) status.attribute("endedByUser", "href", `/admin/users/${call.ended_by_id}`);
  status.text("endedByName", call.ended_by || `user #${call.ended_by_id}`);
  status.text("endedBy", call.ended_by ?? "The server");
  status.set("operator", "hidden", isUser || !call.ended_by);
  status.text("why", call.why ?? "");
}

openDialogFromLinks(page);
setUpMenus(byId("issues"), (isOpen) => page.pin("menu", isOpen));
sendOnItForms((text) => page.banner.toast(text));
listenToKeys({ p: setUpPause(page) });
page.open();
