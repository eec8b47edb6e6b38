/** On it: says that the operator deals with an issue, or takes that back, without leaving the page. */

import { answerOf, explain } from "./request.js";

/** `tell(text)` shows the outcome. Without this script, the forms lead to the page that they are on. */
export function sendOnItForms(tell) {
  document.addEventListener("submit", async (event) => {
    const form = event.target.closest("form[data-attention]");
    if (!form) return;
    event.preventDefault();
    const { submitter } = event;
    form.closest(":popover-open")?.hidePopover();
    const body = new URLSearchParams([...new FormData(form), [submitter.name, submitter.value]]);
    try {
      const { message } = await answerOf(form.action, { method: "POST", body });
      tell(message);
    } catch (failure) {
      tell(explain(failure));
    }
  });
}
