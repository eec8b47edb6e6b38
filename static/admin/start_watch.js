/** Start watch: if the scripts that keep a page up to date could not be loaded, says so and disables the actions. */

import { moments } from "./moments.js";

const PATIENCE_MS = 20_000; // for a slow line, on which the scripts are still on their way

/** `renderedAt` is the server's time when it made the page. */
export function watchStart(renderedAt) {
  const part = (name) => document.querySelector(`[data-banner=${name}]`);
  if (!part("chip")) return; // the other pages stay as they were loaded
  const hasStarted = () => Boolean(document.documentElement.dataset.feed);
  setTimeout(async () => {
    if (hasStarted()) return;
    document.documentElement.dataset.frozen = ""; // grey
    part("chip").textContent = "Not live";
    part("chip").className = "connection down";
    part("text").textContent = `This page could not start. It shows the state at ${moments.clock(renderedAt)}.`;
    part("retry").textContent = "Reload";
    part("retry").addEventListener("click", () => location.reload());
    part("bar").classList.add("bad");
    part("bar").hidden = false;
    const { lockActions } = await import("./action_lock.js"); // pages that have started have it already
    if (!hasStarted()) lockActions(true);
  }, PATIENCE_MS);
}
