/** Live: the page /admin. Puts together what the other modules do, one noun each. */

import { Rollcall } from "../rollcall.js";
import { ActionDialog, targetsOf } from "./actions.js";
import { Banner } from "./banner.js";
import { Chart } from "./chart.js";
import { ServerClock } from "./clock.js";
import { Connection } from "./connection.js";
import { Cards } from "./figures.js";
import { freeze } from "./action_lock.js";
import { listenToKeys } from "./keys.js";
import { fillCall, fillContradiction, fillEvent, placeInList, write } from "./markup.js";
import { tendMenus } from "./menu.js";
import { Panel } from "./live_list.js";
import { Picture } from "./state.js";
import { Rate } from "./rate.js";
import { Ticker } from "./ticker.js";
import { Users } from "./users.js";
import { because } from "./formatting.js";

const byId = (id) => document.getElementById(id);
const page = byId("live");
const root = document.documentElement;

const clock = new ServerClock(Number(page.dataset.now));
const picture = new Picture();
let shown = picture; // a copy while paused
let waiting = null; // changes, while paused
let isDrawing = false;

const client = new Rollcall({ channel: "operators" });
const connection = new Connection(client, {
  version: document.querySelector("meta[name=version]").content,
  figuresAt: Number(page.dataset.now),
});
const banner = new Banner(document, connection);
const cards = new Cards(byId("figures"));
const chart = new Chart(byId("chart"));
const rate = new Rate();
const ticker = new Ticker(clock, tick);
const bannerTicker = new Ticker({ now: () => Date.now() }, () => banner.draw(waiting));

const users = new Users(byId("users"), picture, { clock, onDue: requestFrame, onChoice: (status) => cards.mark(status) });
const calls = new Panel(byId("calls"), {
  keyOf: (call) => call.call_id,
  fill: (element, call, isGone, place, count) => {
    placeInList(element, place, count);
    fillCall(element, call, shown.wrongCalls.get(call.call_id), isGone, clock.now());
  },
  onDue: requestFrame,
});
const attention = new Panel(byId("attention"), {
  keyOf: ({ key }) => key,
  fill: (element, wrong, isGone, place, count) => {
    placeInList(element, place, count);
    fillContradiction(element, wrong, isGone, clock.now());
  },
  onDue: requestFrame,
});
const events = new Panel(byId("events"), {
  keyOf: (event) => event.event_id,
  fill: (element, event, _isGone, place, count) => {
    placeInList(element, place, count);
    fillEvent(element, event);
  },
  onDue: requestFrame,
  growsAtEnd: false,
});
const panels = [calls, attention, events];
const holds = [users, ...panels].map(({ hold }) => hold);

function requestFrame() {
  if (isDrawing || !shown.figures) return;
  isDrawing = true;
  requestAnimationFrame(draw);
}

function draw() {
  isDrawing = false;
  const now = clock.now();
  const changed = shown.take();
  const isAll = changed.everything;
  if (isAll) users.look(shown);
  else if (changed.users.size) users.note(changed.users);
  if (isAll || changed.calls) calls.show(shown.callsByAge());
  if (isAll || changed.contradictions) attention.show(shown.contradictions);
  if (isAll || changed.events) events.show(shown.events);
  if (isAll || changed.figures) {
    cards.draw(shown, now);
    chart.tell(shown.figures);
  }
  if (isAll || changed.samples) drawLines(now);
  users.draw();
  for (const panel of panels) panel.draw();
}

function drawLines(now) {
  cards.drawLines(shown, now);
  chart.draw(shown, now);
}

/** Each second: what runs, runs on. */
function tick() {
  if (!shown.figures) return;
  const now = clock.now();
  users.tick();
  for (const panel of panels) panel.tick();
  cards.draw(shown, now);
  chart.draw(shown, now);
  const { waiting: newer } = events;
  write(byId("events-rate"), newer ? `${newer} newer` : rate.text(picture.eventsSeen));
  requestFrame();
}

client.on("message", (message) => {
  if (message.type === "overview") clock.restart(message.now);
  if (message.type === "overview_update") clock.hear(message.now);
  const rows = picture.fold(message);
  if (waiting === null) return requestFrame();
  if (rows === 0) return;
  waiting += rows;
  banner.draw(waiting);
});

connection.listen(({ after, absence }) => {
  root.dataset.feed = after;
  const isFrozen = after !== "live" && after !== "connecting";
  freeze(isFrozen);
  if (connection.isLive && waiting === null) ticker.start();
  else ticker.stop();
  if (isFrozen) {
    write(byId("events-rate"), "");
    banner.say(connection.text);
    bannerTicker.start();
  } else bannerTicker.stop();
  if (absence) {
    rate.restart();
    chart.note(absence);
    banner.toast("Back: connected again, and the figures are live.");
    banner.say("");
  }
  banner.draw(waiting);
});

/** Stop the page, not the picture; or go on with all that came meanwhile. */
function pause() {
  const isPaused = waiting === null;
  byId("pause").setAttribute("aria-pressed", String(isPaused));
  write(byId("pause-word"), isPaused ? "Resume" : "Pause");
  waiting = isPaused ? 0 : null;
  shown = isPaused ? picture.frozen() : picture;
  if (isPaused) ticker.stop();
  else {
    picture.changeAll();
    if (connection.isLive) ticker.start();
  }
  users.look(shown);
  banner.draw(waiting);
  banner.say(isPaused ? "Paused" : "Going on");
  requestFrame();
}

/* What the operator does. */

function pinAll(name, isPinned) {
  for (const hold of holds) isPinned ? hold.pin(name) : hold.unpin(name);
  requestFrame();
}

const dialog = byId("act") && new ActionDialog(byId("act"), {
  tell: (text) => banner.toast(text),
  onToggle: (isOpen) => pinAll("dialog", isOpen),
});

/** Forms that lead to the page of an action without a script, lead to a dialog with one. */
document.addEventListener("submit", (event) => {
  const form = event.target.closest("form[data-act]");
  if (!form || !dialog) return;
  event.preventDefault();
  form.closest(":popover-open")?.hidePopover();
  const isBulk = form.dataset.act === "listed";
  const wrong = shown.contradictions.find(({ key }) => key === form.closest("[data-key]")?.dataset.key);
  dialog.open(event.submitter.value, isBulk ? users.listed : targetsOf(form), {
    about: isBulk ? `these ${users.listed.length}` : (form.dataset.about ?? ""),
    why: wrong ? because(wrong.because, clock.now()) : "",
  });
});

for (const card of page.querySelectorAll("[data-figure]")) {
  card.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    users.choose({ status: users.order.status === card.dataset.figure ? "all" : card.dataset.figure });
  });
}
for (const link of byId("users").querySelectorAll("[data-status]")) {
  link.addEventListener("click", (event) => {
    event.preventDefault();
    users.choose({ status: link.dataset.status });
  });
}

tendMenus(byId("users"), (isOpen) => pinAll("menu", isOpen));
const help = byId("help");
for (const button of document.querySelectorAll("[data-help]")) {
  button.hidden = false;
  button.addEventListener("click", () => help.showModal());
}
listenToKeys(
  {
    "/": () => users.search(),
    j: () => users.step(1),
    k: () => users.step(-1),
    p: pause,
    "?": () => help.showModal(),
  },
  byId("keys-on"),
);
byId("users").addEventListener("keydown", (event) => {
  if (event.key === "Escape" && event.target.matches("[type=search]")) event.target.blur();
});
byId("pause").addEventListener("click", pause);
byId("pause").hidden = false;

banner.draw();
connection.open();
