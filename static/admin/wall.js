/** Wall: the page for a large screen: the longest calls, who is available by name, what needs attention, and the time of day. */

import { DashboardPage, byId } from "./dashboard_page.js";
import { FittedList, andMore, rowsIn } from "./fitted_list.js";
import { offerFullScreen } from "./full_screen.js";
import { partsOf, put, write } from "./markup.js";
import { duration, grouped, isolated } from "./formatting.js";
import { moments } from "./moments.js";
import { searchKey } from "./search.js";
import { Ticker } from "./ticker.js";

const wall = byId("wall");
const { tag } = wall.dataset;
const page = new DashboardPage(wall, { draw, tick: drawAll });
const calls = new FittedList(byId("calls"), { fill: fillCall, none: "No calls right now", onResize: () => page.requestDraw() });
const nobody = `Nobody ${tag ? "with this tag " : ""}is available right now`;
const free = new FittedList(byId("free"), { fill: fillFree, none: nobody, onResize: () => page.requestDraw() });
const attention = byId("attention");
const nameKeys = new WeakMap(); // of rows, which are replaced when they change
let available = []; // who has been available for longest comes first

function draw(changed, now) {
  if (changed.everything || changed.users.size) available = whoIsFree();
  drawAll(now);
}

function drawAll(now) {
  const [longest, ...others] = page.shown.callsByAge();
  write(byId("longest-timer"), longest ? duration(now - longest.started_at) : "–");
  put(byId("longest-parties"), "hidden", !longest);
  if (longest) fillParties(byId("longest-parties"), longest);
  byId("longest-timer").classList.toggle("over", needsAttention(longest));
  calls.show(others, page.shown.calls.size);
  const { length } = available;
  free.show(available, length, tag ? `${grouped(length)} of ${grouped(page.shown.figures.available)}` : undefined);
  sayHowManyMoreNeedAttention();
}

/** Nobody scrolls: the entries below the last one that fits are counted. */
function sayHowManyMoreNeedAttention() {
  const left = page.shown.issues.length - rowsIn(attention.querySelector("[data-box]"));
  write(attention.querySelector("[data-more]"), andMore(left));
}

const needsAttention = (call) => Boolean(call) && page.shown.issueOfCall.has(call.call_id);

function whoIsFree() {
  const found = [...page.shown.users.values()].filter(({ state, tags }) => state === "available" && (!tag || tags?.includes(tag)));
  return found.sort((one, other) => one.since - other.since || compared(nameOf(one), nameOf(other)) || one.user_id - other.user_id);
}

const compared = (one, other) => Number(one > other) - Number(one < other);

function nameOf(user) {
  let key = nameKeys.get(user);
  if (key === undefined) nameKeys.set(user, (key = searchKey(user.username)));
  return key;
}

function fillCall(element, call) {
  const { parties, timer } = partsOf(element);
  fillParties(parties[0], call);
  timer[0].classList.toggle("over", needsAttention(call));
  write(timer[0], duration(page.clock.now() - call.started_at));
}

function fillParties(element, { caller_name: caller, callee_name: callee }) {
  const part = partsOf(element);
  write(part.caller[0], caller);
  write(part.callee[0], callee);
  put(element, "title", `${isolated(caller)} → ${isolated(callee)}`);
}

function fillFree(element, user) {
  const part = partsOf(element);
  write(part.username[0], user.username);
  put(part.name[0], "title", isolated(user.username));
}

/** It goes on while nothing else does, so that everybody sees how old the figures are. */
function drawTime() {
  write(byId("time"), moments.time(page.clock.timeOfDay()));
}

drawTime();
new Ticker({ now: () => page.clock.timeOfDay() }, drawTime).start();
new ResizeObserver(() => page.requestDraw()).observe(attention.querySelector("[data-box]"));
offerFullScreen(byId("full-screen"), { isAlways: document.body.classList.contains("screen-page") });
page.open();
