/** Dialog: what the page's dialogs have in common. */

/** Runs when the dialog was closed, unless it is open again by then: browsers tell of it only after the next event or two. */
export function onClosed(dialog, run) {
  dialog.addEventListener("close", () => dialog.open || run());
}
