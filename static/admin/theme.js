// Theme: the system's, light or dark. Kept in a cookie, so that the server renders it and the page doesn't flash.

const LABELS = { "": "system", light: "light", dark: "dark" };
const NEXT = { "": "dark", dark: "light", light: "" };
const YEAR_SECONDS = 365 * 86_400;

const root = document.documentElement;
const button = document.querySelector("[data-theme-switch]");

if (button) {
  const label = button.querySelector("[data-theme-name]");
  const showLabel = () => {
    label.textContent = `Theme: ${LABELS[root.dataset.theme ?? ""]}`;
    button.title = label.textContent;
  };
  button.addEventListener("click", () => {
    const theme = NEXT[root.dataset.theme ?? ""];
    if (theme) root.dataset.theme = theme;
    else delete root.dataset.theme;
    document.cookie = `rollcall_theme=${theme}; Path=/admin; SameSite=Lax; Max-Age=${theme ? YEAR_SECONDS : 0}`;
    showLabel();
  });
  showLabel();
  button.hidden = false;
}
