/** Day refresh: loads a card that shows today again and again, because the day goes on. */

import { moments } from "./moments.js";
import { writeTimes } from "./times.js";

const REFRESH_MS = 60_000;
const SETTLED_MS = 500; // after a change of state, for what follows from it

/** The same page, as the server prints it now. */
function load() {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("GET", location.href);
    request.responseType = "document";
    request.addEventListener("load", () => resolve(request.response));
    for (const failure of ["error", "abort", "timeout"]) request.addEventListener(failure, reject);
    request.send();
  });
}

/** Whether a dialog asks about an action. The action may delete the user, and with them the page. */
const isAsking = () => Boolean(document.querySelector("dialog[open]"));

/** Whether somebody is reading the card, or the page stands still. Then it stays as it is. */
function isHeld(card) {
  const { feed = "live" } = document.documentElement.dataset;
  return document.hidden || feed !== "live" || card.matches(":hover, :focus-within");
}

async function refresh(enable) {
  const card = document.querySelector("[data-today]");
  if (!card || isHeld(card)) return;
  if (isAsking()) return void setTimeout(() => refresh(enable), SETTLED_MS);
  const page = await load().catch(() => null);
  const loaded = page?.querySelector("[data-today]"); // there is none if the sign-in has ended
  if (!loaded || !card.matches("[data-today]") || isHeld(card)) return; // it may have been stopped meanwhile
  replace(card, loaded, page, enable);
}

/** Where days begin depends on the zone. The server knew another one than the browser's: on a first visit, or after a journey. */
async function moveToZone(enable) {
  const card = document.querySelector("[data-day-zone]");
  if (card.dataset.dayZone === moments.zoneName) return;
  const page = await load().catch(() => null);
  const loaded = page?.querySelector("[data-day-zone]");
  if (loaded && card.isConnected) replace(card, loaded, page, enable);
}

function replace(card, loaded, page, enable) {
  const fresh = document.importNode(loaded, true);
  for (const [index, details] of card.querySelectorAll("details").entries()) {
    const counterpart = fresh.querySelectorAll("details")[index];
    if (counterpart) counterpart.open = details.open;
  }
  const now = Number(page.body.dataset.now);
  writeTimes(fresh, now);
  enable(fresh, now);
  card.replaceWith(fresh);
}

/** Leave the card as it is from now on: the server has no page any more of a user who was deleted. */
export function stopRefreshing() {
  document.querySelector("[data-today]")?.removeAttribute("data-today");
}

/**
 * Load the card each minute, when somebody comes back to the page, and when the page shows another state. `enable` is
 * called with each new card.
 */
export function keepUpToDate(enable) {
  moveToZone(enable);
  const again = () => refresh(enable);
  setInterval(again, REFRESH_MS);
  document.addEventListener("visibilitychange", again);
  const state = document.querySelector("#status [data-f=state]");
  if (state) new MutationObserver(() => setTimeout(again, SETTLED_MS)).observe(state, { characterData: true, childList: true, subtree: true });
}
