// The theme: as the system, light or dark. Kept in a cookie, so that the server prints it and nothing flashes.

const NAMES = { "": "as the system", light: "light", dark: "dark" };
const NEXT = { "": "dark", dark: "light", light: "" };
const YEAR_SECONDS = 365 * 86400;

const root = document.documentElement;
const button = document.querySelector("[data-theme-switch]");

if (button) {
  const name = button.querySelector("[data-theme-name]");
  const tell = () => {
    name.textContent = `Theme: ${NAMES[root.dataset.theme ?? ""]}`;
    button.title = name.textContent;
  };
  button.addEventListener("click", () => {
    const theme = NEXT[root.dataset.theme ?? ""];
    if (theme) root.dataset.theme = theme;
    else delete root.dataset.theme;
    document.cookie = `rollcall_theme=${theme}; Path=/admin; SameSite=Lax; Max-Age=${theme ? YEAR_SECONDS : 0}`;
    tell();
  });
  tell();
  button.hidden = false;
}
