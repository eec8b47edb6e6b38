/** Search form: on pages that are loaded anew for each search. Enter goes to the first row, Esc shows everything again. */

const form = document.querySelector("form[role=search]");
const q = form.querySelector("input[type=search]");

// The form leads to this row. Without this script, the next Tab goes to its link. Until the page is loaded, the browser
// may still move there and take the focus away.
addEventListener("load", () => {
  if (location.hash === "#first") document.querySelector("#first a")?.focus({ preventScroll: true });
});

q.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.isComposing) return;
  event.preventDefault();
  q.value = "";
  q.blur();
  if (q.defaultValue !== "") form.requestSubmit();
});
