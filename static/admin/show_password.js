// Show password: boxes that make what is typed into a password field readable.

for (const box of document.querySelectorAll("[data-show-password]")) {
  const label = box.closest("label");
  const form = box.closest("form");
  const show = () => {
    const field = form.elements[box.dataset.showPassword];
    label.hidden = field.disabled;
    field.type = box.checked ? "text" : "password";
  };
  show();
  box.addEventListener("change", show);
  form.addEventListener("submit", () => {
    box.checked = false; // so that browsers store the field as a password
    show();
  });
  form.addEventListener("reset", () => setTimeout(show)); // once the box is reset
}
