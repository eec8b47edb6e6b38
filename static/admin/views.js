// Views: saves the filter that the page has now, and copies the link to the page as it is.

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

/** Browsers give pages the clipboard only on https and on localhost. Elsewhere, the text of a field can be copied. */
async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const field = document.createElement("textarea");
  field.value = text;
  (document.querySelector("dialog[open], :popover-open") ?? document.body).append(field);
  field.select();
  const isCopied = document.execCommand("copy");
  field.remove();
  if (!isCopied) throw new Error("The browser doesn't allow it");
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
      await copy(linkOf(button));
      button.textContent = "Link copied";
    } catch {
      button.textContent = "Copy the address of this page";
    }
    setTimeout(() => (button.textContent = label), COPIED_MS);
  });
}
