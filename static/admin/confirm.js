/** Confirm: the page that asks for a reason works without this; with it, it is sent once and says how far it is. */

import { tellProgress } from "./progress.js";

const form = document.querySelector("form.confirm");

form.addEventListener("submit", (event) => {
  const { submitter } = event;
  if (form.ariaBusy === "true") return event.preventDefault();
  form.ariaBusy = "true";
  tellProgress(form.elements.request_id.value, (text) => (submitter.textContent = text));
});
// Who comes back by the browser's history finds the form as it was.
addEventListener("pageshow", () => (form.ariaBusy = "false"));
