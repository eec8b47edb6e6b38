/** Menus: popovers next to their buttons, with arrow keys. Without this script they open in the middle of the page. */

const TALLEST_PX = 240; // a menu that may not fit below its button opens upwards

/** `onToggle(isOpen)` is called whenever a menu in `box` opens or closes. */
export function setUpMenus(box, onToggle) {
  // These events don't bubble, but they can be captured.
  box.addEventListener("beforetoggle", ({ target, newState }) => newState === "open" && isOfRow(target) && place(target), true);
  box.addEventListener(
    "toggle",
    ({ target, newState }) => {
      if (newState === "open" && isOfRow(target)) itemsOf(target)[0]?.focus({ preventScroll: true });
      onToggle(box.querySelector(":popover-open") !== null); // another one may have opened before this one closed
    },
    true,
  );
  box.addEventListener("keydown", (event) => moveFocus(event));
  box.addEventListener("scroll", ({ target }) => closeIfAround(target), true);
  document.addEventListener("scroll", ({ target }) => closeIfAround(target)); // the page itself
  addEventListener("resize", () => {
    const menu = box.querySelector(":popover-open");
    if (menu && isOfRow(menu)) place(menu);
  });

  // A menu doesn't move with the page. What scrolls inside or beside it, such as a field with a long text, leaves it open.
  function closeIfAround(scrolled) {
    const menu = box.querySelector(":popover-open");
    if (scrolled !== menu && scrolled.contains(menu)) menu.hidePopover();
  }
}

/** Other menus stand where their style says. */
const isOfRow = (menu) => menu.previousElementSibling?.matches("button");

const itemsOf = (menu) => [...menu.querySelectorAll(".item:not(:disabled, [hidden])")];

/** Next to its button, and below the row, whose words it leaves free. */
function place(menu) {
  const button = menu.previousElementSibling;
  const { top, bottom: end, right } = button.getBoundingClientRect();
  const bottom = Math.max(end, (button.closest(".row") ?? button).getBoundingClientRect().bottom - 4);
  const fits = bottom + TALLEST_PX < innerHeight;
  menu.classList.add("placed");
  menu.style.setProperty("--top", fits ? `${bottom + 4}px` : "auto");
  menu.style.setProperty("--bottom", fits ? "auto" : `${innerHeight - top + 4}px`);
  menu.style.setProperty("--right", `${document.documentElement.clientWidth - right}px`);
}

function moveFocus(event) {
  const menu = event.target.closest(":popover-open");
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!menu || !step) return;
  event.preventDefault();
  const items = itemsOf(menu);
  const at = items.indexOf(document.activeElement) + step;
  items[(at + items.length) % items.length].focus();
}
