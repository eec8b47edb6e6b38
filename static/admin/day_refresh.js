/** Day refresh: loads a card that shows today again and again, because the day goes on. */

import { writeTimes } from "./times.js";

const REFRESH_MS = 60_000;

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

/** Whether somebody is reading the card, or the page stands still. Then it stays as it is. */
function isHeld(card) {
  const { feed = "live" } = document.documentElement.dataset;
  return document.hidden || feed !== "live" || card.matches(":hover, :focus-within");
}

/** `enable` is called with each new card. Without today in it, the card never changes. */
export function keepUpToDate(enable) {
  setInterval(async () => {
    const card = document.querySelector("[data-today]");
    if (!card || isHeld(card)) return;
    const page = await load().catch(() => null);
    const loaded = page?.querySelector("[data-today]"); // there is none if the sign-in has ended
    if (!loaded || isHeld(card)) return;
    const fresh = document.importNode(loaded, true);
    for (const [index, details] of card.querySelectorAll("details").entries()) {
      const counterpart = fresh.querySelectorAll("details")[index];
      if (counterpart) counterpart.open = details.open;
    }
    const now = Number(page.body.dataset.now);
    writeTimes(fresh, now);
    enable(fresh, now);
    card.replaceWith(fresh);
  }, REFRESH_MS);
}
