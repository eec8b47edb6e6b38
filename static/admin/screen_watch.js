// Screen watch: loads the page of a screen again where an operator would do it, but only while the server answers. It
// imports nothing, and its URL has no version, so that it also helps when the other scripts could not be loaded.

const LOOK_MS = 1_000;
const SCRIPTS_MS = 30_000; // until the page's scripts must have begun
const AGAIN_MS = 5_000; // between two reloads, whatever the reason
const BETWEEN_MS = 60_000; // between two reloads by themselves: servers with two versions may take turns
const LONGEST_MS = 24 * 3_600_000; // a new page each day, unless that would end the full screen
const KEY = "rollcall_reloaded_at";

const startedAt = Date.now();
const reloadedAt = Number(sessionStorage.getItem(KEY) ?? 0);
let isAsking = false;

/** The page is of an old version, was sent away, did not start, or is a day old. */
function isDue() {
  const { feed } = document.documentElement.dataset;
  const sinceReload = Math.abs(Date.now() - reloadedAt);
  if (sinceReload < AGAIN_MS) return false;
  if (feed === "signedOut" || feed === "away") return true;
  if (sinceReload < BETWEEN_MS) return false;
  const age = Date.now() - startedAt;
  const isOutdated = document.querySelector("[data-banner=outdated]")?.hidden === false;
  return isOutdated || (feed === undefined && age > SCRIPTS_MS) || (age > LONGEST_MS && !document.fullscreenElement);
}

async function look() {
  if (isAsking || !isDue()) return;
  isAsking = true;
  try {
    const { ok } = await fetch(location.pathname, { method: "HEAD", cache: "no-store" });
    if (!ok) return;
    sessionStorage.setItem(KEY, Date.now());
    location.reload();
  } catch {
    // the server or the network is away: look again
  } finally {
    isAsking = false;
  }
}

setInterval(look, LOOK_MS);
