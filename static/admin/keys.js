/** Keyboard shortcuts: single keys, ignored while somebody types and when they are turned off. */

const STORAGE_KEY = "rollcall-keys";

const areOn = () => localStorage.getItem(STORAGE_KEY) !== "off";

const isTyping = ({ target }) => target.closest?.("input:not([type=checkbox]), textarea, select, [contenteditable]");

/**
 * `actions` has a function for each key. `checkbox` turns the shortcuts off on all pages, which WCAG 2.1.4 requires: speech
 * input may trigger them by accident.
 */
export function listenToKeys(actions, checkbox) {
  if (checkbox) {
    checkbox.checked = areOn();
    checkbox.addEventListener("change", () => localStorage.setItem(STORAGE_KEY, checkbox.checked ? "on" : "off"));
  }
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.defaultPrevented) return;
    if (isTyping(event) || document.querySelector("dialog[open], :popover-open") || !areOn()) return;
    const act = actions[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
}
