/** Menu: a popover beside its button, with arrow keys. It works without this too, in the middle of the page. */

const HIGHEST = 240; // pixels; a menu that would not fit below its button opens upwards

/** `onToggle(isOpen)` is told of every menu in `box`. */
export function tendMenus(box, onToggle) {
  // These events do not bubble, but they can be caught on the way down.
  box.addEventListener("beforetoggle", ({ target, newState }) => newState === "open" && place(target), true);
  box.addEventListener(
    "toggle",
    ({ target, newState }) => {
      const isOpen = newState === "open";
      if (isOpen) itemsOf(target)[0]?.focus({ preventScroll: true });
      onToggle(box.querySelector(":popover-open") !== null); // another one may have opened before this one closed
    },
    true,
  );
  box.addEventListener("keydown", (event) => walk(event));
  box.addEventListener("scroll", () => box.querySelector(":popover-open")?.hidePopover(), true);
}

const itemsOf = (menu) => [...menu.querySelectorAll(".item:not(:disabled)")];

function place(menu) {
  const { top, bottom, right } = menu.previousElementSibling.getBoundingClientRect();
  const fits = bottom + HIGHEST < innerHeight;
  menu.classList.add("placed");
  menu.style.setProperty("--top", fits ? `${bottom + 4}px` : "auto");
  menu.style.setProperty("--bottom", fits ? "auto" : `${innerHeight - top + 4}px`);
  menu.style.setProperty("--right", `${document.documentElement.clientWidth - right}px`);
}

function walk(event) {
  const menu = event.target.closest(":popover-open");
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!menu || !step) return;
  event.preventDefault();
  const items = itemsOf(menu);
  const at = items.indexOf(document.activeElement) + step;
  items[(at + items.length) % items.length].focus();
}
