/** Action lock: actions are disabled while the page shows old figures. */

const root = document.documentElement;

export const mayAct = () => root.dataset.frozen === undefined;

/** Disables the buttons that are in the page now. Rows that are filled later ask `mayAct`. */
export function lockActions(isLocked) {
  if (isLocked) root.dataset.frozen = "";
  else delete root.dataset.frozen;
  for (const button of document.querySelectorAll("[data-acts]")) {
    button.disabled = isLocked || button.closest(".gone") !== null;
  }
}
