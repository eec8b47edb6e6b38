/** Guard: what acts cannot be pressed while what it shows is old. */

const root = document.documentElement;

export const mayAct = () => root.dataset.frozen === undefined;

/** Really disabled, in every row and dialog; rows that come later ask `mayAct`. */
export function freeze(isFrozen) {
  if (isFrozen) root.dataset.frozen = "";
  else delete root.dataset.frozen;
  for (const button of document.querySelectorAll("[data-acts]")) {
    button.disabled = isFrozen || button.closest(".gone") !== null;
  }
}
