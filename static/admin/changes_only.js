// Changes only: the button of a form is disabled while its choice is the present one, which would change nothing.

for (const form of document.querySelectorAll("form[data-changes-only]")) {
  const choice = form.querySelector("select");
  const button = form.querySelector("button");
  const check = () => (button.disabled = choice.selectedOptions[0].defaultSelected);
  check();
  choice.addEventListener("change", check);
  addEventListener("pageshow", check); // browsers may bring back what was chosen before
}
