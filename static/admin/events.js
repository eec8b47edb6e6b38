/** Events: the newest page of events, to which new ones are added at the top as they happen. */

import { listenToKeys } from "./keys.js";
import { byId } from "./live_page.js";
import { write } from "./markup.js";
import { setUpPause } from "./pause.js";
import { SubjectPage } from "./subject_page.js";
import { fillEventRow } from "./subject_markup.js";
import { count, grouped } from "./formatting.js";
import { moments } from "./moments.js";

const EVENTS_SHOWN = 200; // older ones leave the page at its end
const COUNT_LIMIT = 10_000; // longer lists are not counted to their end

const subject = byId("subject");
const page = new SubjectPage(subject, { draw, limit: EVENTS_SHOWN, noun: "new event", onConnection: sayWhatComes });
const list = byId("list");
const lock = page.lockOf(byId("timeline"));
const total = Number(subject.dataset.total);
const hasOlder = total > list.querySelectorAll("[data-key]").length; // on further pages
const isMoving = "isMoving" in subject.dataset; // the range goes on with the clock
const asOf = moments.clock(Number(subject.dataset.now), Number(subject.dataset.now));
const places = document.querySelector(".pages > span");

page.list("timeline", {
  pick: ({ events }) => events,
  keyOf: (event) => event.event_id,
  fill: (row, event) => fillEventRow(row, event, page.clock.now()),
  lock,
});

/** While the page is scrolled down, new rows at the top would move what is read. */
function holdWhileScrolled() {
  if (list.getBoundingClientRect().top < 0) lock.pin("scroll");
  else lock.unpin("scroll");
}

/** How many events are in the range. Nobody tells when those leave it that were never on this page. */
function sum({ added, size, isCut }) {
  if (!hasOlder && !isCut) return grouped(size);
  return isMoving ? `${grouped(total)} at ${asOf}` : grouped(total + added);
}

function sayWhatComes() {
  const waiting = page.isPaused ? page.waiting : page.held;
  const words = `${count(waiting, "new event")} waiting.`;
  if (page.isPaused) write(byId("tail"), `Paused. ${words}`);
  else if (waiting) write(byId("tail"), words);
  else write(byId("tail"), page.isFrozen ? "New events appear here when the page is live again." : "New events appear here as they happen.");
}

function draw(shown) {
  sayWhatComes();
  if (total >= COUNT_LIMIT) return;
  const all = sum(shown);
  write(document.querySelector("h1 .count"), all);
  if (places) write(places, `1–${grouped(list.rows.length)} of ${all}`);
}

byId("held").addEventListener("click", () => list.getBoundingClientRect().top < 0 && scrollTo({ top: 0 }));
addEventListener("scroll", holdWhileScrolled, { passive: true });
holdWhileScrolled();
listenToKeys({ p: setUpPause(page, () => page.requestDraw()) });
page.open();
