/** Action lock: actions are disabled while the page shows old figures. */

const root = document.documentElement;

export const mayAct = () => root.dataset.frozen === undefined;

/** Disables the buttons that are in the page now. Rows that are filled later ask `mayAct`. */
export function lockActions(isLocked) {
  if (isLocked) root.dataset.frozen = "";
  else delete root.dataset.frozen;
  for (const control of document.querySelectorAll("[data-acts]")) lock(control, isLocked || control.closest(".gone") !== null);
}

/**
 * Links lead to the page that asks for the reason. Without an address they lead nowhere and can't be focused. A link that
 * has the focus keeps it, because otherwise the keyboard would be at the beginning of the page again.
 */
export function lock(control, isLocked) {
  if (control.localName !== "a") control.disabled = isLocked;
  else if (isLocked && control.hasAttribute("href")) {
    control.dataset.href = control.getAttribute("href");
    if (control === document.activeElement) control.tabIndex = -1;
    control.removeAttribute("href");
    control.setAttribute("role", "link");
    control.ariaDisabled = "true";
  } else if (!isLocked && control.dataset.href) {
    control.href = control.dataset.href;
    delete control.dataset.href;
    control.removeAttribute("tabindex");
    control.removeAttribute("role");
    control.ariaDisabled = null;
  }
}
