// Views: saves the filter that the page has now, and copies the link to the page as it is.

import { copyText } from "./clipboard.js";

const COPIED_MS = 2_000; // time to read it

/** The filter of the page with its order, which the address doesn't have if the browser remembers it. */
function currentFilter() {
  const query = new URLSearchParams(location.search);
  const sort = document.getElementById("sort");
  const isUsual = !sort || sort.value === sort.options[0].value;
  if (!isUsual && !query.has("sort")) query.set("sort", sort.value);
  return String(query);
}

for (const form of document.querySelectorAll("[data-save-filter]")) {
  form.addEventListener("submit", () => {
    const { query, next } = form.elements;
    query.value = currentFilter(); // scripts change it without a new page
    next.value = location.pathname + location.search;
  });
}

for (const field of document.querySelectorAll("[data-here]")) {
  field.form.addEventListener("submit", () => (field.value = location.pathname + location.search));
}

/** With the order and the columns, which another operator may have chosen otherwise. */
function linkOf({ dataset }) {
  const link = new URL(location.href);
  const sort = document.getElementById("sort");
  for (const [name, value] of [["sort", sort?.value || sort?.dataset.usual], ["columns", dataset.columns]]) {
    if (value && !link.searchParams.has(name)) link.searchParams.set(name, value);
  }
  return String(link);
}

for (const button of document.querySelectorAll("[data-copy-link]")) {
  const label = button.textContent;
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await copyText(linkOf(button));
      button.textContent = "Link copied";
    } catch {
      button.textContent = "Copy the address of this page";
    }
    setTimeout(() => (button.textContent = label), COPIED_MS);
  });
}
