/** Live: the page /admin, with the chart, the lists of users, calls and events, actions and keyboard shortcuts. */

import { ActionDialog, targetsOf } from "./actions.js";
import { AlertsDialog } from "./alerts_dialog.js";
import { Chart } from "./chart.js";
import { ChartHistory } from "./chart_history.js";
import { ChartRanges } from "./chart_ranges.js";
import { DashboardPage, byId } from "./dashboard_page.js";
import { listenToKeys } from "./keys.js";
import { LiveList } from "./live_list.js";
import { fillCall, fillEvent, write } from "./markup.js";
import { setUpMenus } from "./menu.js";
import { sendOnItForms } from "./on_it.js";
import { countsOf, resultsOf } from "./outcomes.js";
import { setUpPause } from "./pause.js";
import { Rate } from "./rate.js";
import { ResultsDialog } from "./results.js";
import { UserList } from "./user_list.js";
import { ACTION_LABELS, TAG_ACTIONS, count, faults, plain } from "./formatting.js";

const page = new DashboardPage(byId("live"), { draw, tick, onConnection });
const { clock, state, settings } = page;
const onDue = () => page.requestDraw();

const chartHistory = new ChartHistory(settings.historyMs);
const chartRanges = new ChartRanges(byId("chart"), {
  history: chartHistory,
  onChange: () => {
    if (!state.figures) return;
    // While the page is paused or not live, its figures are not those of now.
    const isCurrent = !page.isPaused && document.documentElement.dataset.feed === "live";
    chart.draw(page.shown, isCurrent ? clock.now() : page.shown.now);
    page.banner.announce(chartHistory.range.title);
  },
  tell: (text) => page.banner.toast(text, { isRefusal: true }),
});
const chart = new Chart(byId("chart"), chartHistory);
const eventRate = new Rate();
const users = new UserList(byId("users"), {
  state,
  clock,
  targetsLimit: settings.targetsLimit,
  tagsLimit: settings.tagsLimit,
  onDue,
  onFilter: (status) => page.cards.mark(status),
  announce: (text) => page.banner.announce(text),
});
const calls = new LiveList(byId("calls"), {
  keyOf: (call) => call.call_id,
  fill: (row, call, isGone) => fillCall(row, call, page.shown.issueOfCall.get(call.call_id), isGone, clock.now()),
  onDue,
});
const events = new LiveList(byId("events"), {
  keyOf: (event) => event.event_id,
  fill: (row, event) => fillEvent(row, event, clock.now()),
  onDue,
  growsAtEnd: false, // new events come first
});
const lists = [users, calls, events];

function draw(changed, now) {
  const { shown } = page;
  if (changed.everything) users.use(shown);
  else if (changed.users.size) users.noteChanges(changed.users);
  if (changed.calls) calls.show(shown.callsByAge());
  if (changed.events) events.show(shown.events);
  if (changed.figures) chart.drawFigures(shown.figures);
  if (changed.samples) chart.draw(shown, now);
  for (const list of lists) list.draw();
}

function tick(now) {
  for (const list of lists) list.tick();
  chart.draw(page.shown, now);
  write(byId("events-rate"), events.waiting ? `${events.waiting} new` : eventRate.text(state.eventsReceived));
}

function onConnection({ isFrozen, absence }) {
  if (isFrozen) write(byId("events-rate"), "");
  if (document.documentElement.dataset.feed === "live") makeChartReadable();
  if (!absence) return;
  eventRate.restart();
  chart.noteAbsence(absence);
  chartRanges.reload();
}

function makeChartReadable() {
  chart.offerReading();
  if (state.figures && !page.isPaused) chart.draw(page.shown, clock.now());
}

const togglePause = setUpPause(page, () => users.use(page.shown));

/** Keep all lists still while a menu or a dialog is open. */
function pinAll(name, isPinned) {
  for (const { lock } of [...lists, page.issues]) isPinned ? lock.pin(name) : lock.unpin(name);
  page.requestDraw();
}

const dialog = byId("act") && new ActionDialog(byId("act"), {
  tell: (text, options) => page.banner.toast(text, options),
  onToggle: (isOpen) => pinAll("dialog", isOpen),
  onDone: showResults,
});
const results = dialog && new ResultsDialog(byId("results"), { onToggle: (isOpen) => pinAll("results", isOpen) });

/** Of several users, those who need nothing more are no longer picked. The others are shown with the reason. */
function showResults(action, { results: answered }, unchanged) {
  const all = resultsOf(answered, unchanged);
  const isOver = ({ outcome }) => outcome !== "refused";
  users.picking.remove(all.filter(isOver).map(({ userId }) => userId));
  const show = () => results.show(`${ACTION_LABELS[action]}: ${countsOf(all)}`, all);
  const again = byId("results-again");
  again.hidden = false;
  again.onclick = show;
  if (all.some(({ outcome }) => outcome !== "done")) show();
}

/** A page of its own asks which tag, and comes back here. */
function askForTag(action, targets) {
  const next = location.pathname + location.search;
  location.assign(`/admin/actions?${new URLSearchParams([["action", action], ...targets, ["next", next]])}`);
}

/** Without this script, these forms lead to a page that asks for the reason. */
document.addEventListener("submit", (event) => {
  const form = event.target.closest("form[data-act]");
  if (!form || !dialog) return;
  event.preventDefault();
  form.closest(":popover-open")?.hidePopover();
  const isPicked = form.dataset.act === "picked";
  const isBulk = isPicked || form.dataset.act === "listed";
  const issue = page.shown.issues.find(({ key }) => key === form.closest("[data-key]")?.dataset.key);
  const action = event.submitter.value;
  const targets = isPicked ? users.picking.targets : isBulk ? users.targets(action) : targetsOf(form);
  if (TAG_ACTIONS.includes(action)) return askForTag(action, targets);
  dialog.open(action, targets, {
    about: isBulk ? count(isPicked ? users.picking.affected(action) : targets.length, "user") : "",
    reason: issue ? plain(faults(issue, clock.now())) : "",
  });
});

for (const card of document.querySelectorAll("[data-figure]")) {
  card.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return; // opens the link in another tab or window
    event.preventDefault();
    const { figure } = card.dataset;
    users.choose({ status: users.sort.status === figure ? "all" : figure });
    users.reveal();
  });
}

setUpMenus(byId("users"), (isOpen) => pinAll("menu", isOpen));
setUpMenus(byId("attention"), (isOpen) => pinAll("on it", isOpen));
sendOnItForms((text) => page.banner.toast(text));

new AlertsDialog(byId("alerts"), byId("alerts-open"), page.alerts, (isOpen) => pinAll("alerts", isOpen));

/** Go to the actions for the picked users or, if nobody is picked, open what the row with the focus offers. */
function goToActions() {
  if (users.picking?.pick.size) return byId("pick").querySelector("[name=action]:not([hidden])")?.focus();
  const row = document.activeElement.closest("[data-key]");
  row?.querySelector("[data-f=more], [data-f=repair], [data-f=end]")?.click();
}

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
    n: () => page.issues.step(1),
    a: goToActions,
    p: togglePause,
    "?": () => help.showModal(),
  },
  byId("keys-on"),
);

page.open();
