/** Action links: on the page of a user or a call, they open the dialog. Without this script, a page asks for the reason. */

import { askedBy } from "./action_addresses.js";
import { ActionDialog } from "./actions.js";
import { byId } from "./live_page.js";
import { faults, plain } from "./formatting.js";

const LINK = "a[data-acts][href]";

/** Viewers have no dialog, and no links to actions. `onSent(action)` is called once one was carried out. */
export function openDialogFromLinks(page, onSent) {
  if (!byId("act")) return;
  let opener = null;
  const dialog = new ActionDialog(byId("act"), {
    onSent,
    tell: (text, options) => page.banner.toast(text, options),
    onToggle: (isOpen) => {
      page.pin("dialog", isOpen);
      if (!isOpen) returnFocus(opener);
    },
  });
  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    const link = event.target.closest(LINK);
    const asked = link && askedBy(link.getAttribute("href"));
    if (!asked) return;
    event.preventDefault();
    opener = link;
    dialog.open(asked.action, asked.targets, { reason: reasonFor(link, page) });
  });
}

/** What is wrong, if the link repairs it. */
function reasonFor(link, page) {
  const key = link.closest("#issues [data-key]")?.dataset.key;
  const issue = key && page.shown?.issues.find((each) => each.key === key);
  return issue ? plain(faults(issue, page.clock.now())) : "";
}

/** Browsers do that, unless the link has lost its address in the meantime because its action would change nothing now. */
function returnFocus(link) {
  if (document.activeElement !== document.body) return;
  const target = link.isConnected ? link : byId("main");
  if (!target.hasAttribute("href")) target.tabIndex = -1;
  target.focus({ preventScroll: true });
}
