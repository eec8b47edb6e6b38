// Copy: buttons that copy the text of a field.

import { copyText } from "./clipboard.js";

for (const button of document.querySelectorAll("[data-copy]")) {
  const field = document.getElementById(button.dataset.copy);
  field.addEventListener("focus", () => field.select());
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await copyText(field.value);
      button.textContent = "Copied";
    } catch {
      field.focus();
      button.textContent = "Copy it from the field";
    }
  });
}
