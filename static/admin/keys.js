/** Keys: one key, one thing to do; not while somebody types, and not when they are switched off. */

const SWITCH = "rollcall-keys";

const isTyping = ({ target }) => target.closest?.("input:not([type=checkbox]), textarea, select, [contenteditable]");

/** `table` has a function for each key. The box in the help switches them off, for those who speak to the computer. */
export function listenToKeys(table, box) {
  box.checked = localStorage.getItem(SWITCH) !== "off";
  box.addEventListener("change", () => localStorage.setItem(SWITCH, box.checked ? "on" : "off"));
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.defaultPrevented) return;
    if (isTyping(event) || document.querySelector("dialog[open], :popover-open") || !box.checked) return;
    const act = table[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
}
