/** Full screen: a button and the key f; the pointer hides while it rests, and the display stays on. */

import { write } from "./markup.js";

const IDLE_MS = 3_000;

/** `isAlways`: whether the pointer hides and the display stays on outside full screen, too. */
export function offerFullScreen(button, { isAlways }) {
  const text = button.querySelector("[data-f=text]");
  const isOn = () => document.fullscreenElement !== null;
  const toggle = () => (isOn() ? document.exitFullscreen() : document.documentElement.requestFullscreen()).catch(() => {}); // the browser may refuse
  button.hidden = !document.fullscreenEnabled;
  button.addEventListener("click", toggle);
  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "f" || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (event.target.closest("input, select, textarea")) return;
    event.preventDefault();
    if (document.fullscreenEnabled) toggle();
  });
  document.addEventListener("fullscreenchange", () => {
    write(text, isOn() ? "Leave full screen" : "Full screen");
    stayOn();
  });
  hideIdlePointer(() => isAlways || isOn());
  const stayOn = keepDisplayOn(() => isAlways || isOn());
}

function hideIdlePointer(isWanted) {
  let timer;
  const wake = () => {
    document.body.classList.remove("idle");
    clearTimeout(timer);
    timer = setTimeout(() => document.body.classList.toggle("idle", isWanted()), IDLE_MS);
  };
  for (const event of ["pointermove", "pointerdown", "keydown", "fullscreenchange"]) document.addEventListener(event, wake, { passive: true });
  wake();
}

/** Returns what to call when it may have become wanted or unwanted. Browsers have it on https and localhost only. */
function keepDisplayOn(isWanted) {
  let lock = null;
  const update = async () => {
    if (!navigator.wakeLock || document.visibilityState !== "visible") return;
    if (!isWanted()) {
      await lock?.release();
      lock = null;
    } else if (!lock || lock.released) {
      lock = await navigator.wakeLock.request("screen").catch(() => null); // such as with an empty battery
    }
  };
  document.addEventListener("visibilitychange", update);
  update();
  return update;
}
