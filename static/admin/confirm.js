/** Confirmation: the page that asks for a reason. This sends its form only once and shows the progress. */

import { tellProgress } from "./progress.js";

const form = document.querySelector("form.confirm");

form.addEventListener("submit", (event) => {
  const { submitter } = event;
  if (form.ariaBusy === "true") return event.preventDefault();
  form.ariaBusy = "true";
  tellProgress(form.elements.request_id.value, ({ done, count }) => {
    submitter.textContent = `${done} of ${count}…`;
    const bar = form.querySelector("progress");
    if (bar) Object.assign(bar, { hidden: false, value: done });
  });
});
// The browser's Back button may restore the page as it was while sending.
addEventListener("pageshow", () => (form.ariaBusy = "false"));
