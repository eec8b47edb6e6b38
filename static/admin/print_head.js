/** Print head: what is on paper above a page that goes on after it was loaded. */

import { moments } from "./moments.js";

/** `now` is the server's time when it made the page. */
export function keepPrintHead(now) {
  const head = document.querySelector(".print-head");
  const chip = document.querySelector("[data-banner=chip]");
  if (!head || !chip) return; // the other pages stay as they were loaded
  const loadedAt = Date.now();
  addEventListener("beforeprint", () => {
    head.querySelector("time").textContent = moments.full(now + Date.now() - loadedAt);
    head.querySelector("[data-print-state]").textContent = chip.classList.contains("live") ? "" : ` · ${chip.textContent}`;
    const form = document.querySelector("[data-users=form]");
    if (form) head.querySelector("[data-print-filter]").replaceChildren(...filterOf(form));
  });
}

/** How the users on Live are filtered and sorted now, as the server writes it. */
function filterOf(form) {
  const chosen = (select) => (select.value ? select.selectedOptions[0].textContent : "");
  const status = form.querySelector(".choices [aria-current]");
  const values = [
    ["Status", status?.dataset.status === "all" ? "" : status?.textContent],
    ["Search", form.elements.q.value.trim()],
    ["Tag", form.elements.tag.value],
    ["Sort", chosen(form.elements.sort)],
  ];
  const parts = values.filter(([, value]) => value);
  return parts.flatMap(([label, value]) => {
    const text = document.createElement("bdi");
    text.textContent = value;
    return [`${label}: `, text, " · "];
  });
}
