/** Pause: the button in the header that pauses and resumes a live page. */

import { write } from "./markup.js";

/** Returns what the shortcut does. `onToggle(isPaused)` is called after each change. */
export function setUpPause(page, onToggle = () => {}) {
  const button = document.getElementById("pause");
  const toggle = () => {
    page.setPaused(!page.isPaused);
    button.setAttribute("aria-pressed", String(page.isPaused));
    write(document.getElementById("pause-label"), page.isPaused ? "Resume" : "Pause");
    onToggle(page.isPaused);
  };
  button.hidden = false;
  button.addEventListener("click", toggle);
  return toggle;
}
