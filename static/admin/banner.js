/** Banner: shows the state of the connection, updated each second, and announces each change once. */

import { put, write } from "./markup.js";
import { count } from "./formatting.js";

const TOAST_MS = 6_000; // time to read two short sentences
const CLASSES = { live: "live", stale: "stale", connecting: "", paused: "paused" };
const BAD = new Set(["down", "signedOut", "away"]);

export class Banner {
  #connection;
  #noun;
  #parts = {};
  #toastTimer;

  /** `noun`: what waits while the page is paused. */
  constructor(page, connection, noun = "change") {
    this.#connection = connection;
    this.#noun = noun;
    for (const part of page.querySelectorAll("[data-banner]")) this.#parts[part.dataset.banner] = part;
    this.#parts.retry.addEventListener("click", () => (connection.name === "away" ? location.reload() : connection.retry()));
    this.#parts.reload.addEventListener("click", () => location.reload());
  }

  /** `waiting`: how many changes are waiting while the page is paused, else null; `since`: when it was paused, in words. */
  draw(waiting = null, since = "") {
    const { name, text, isOutdated } = this.#connection;
    const { bar, text: message, retry, signIn, chip, since: pausedSince, outdated } = this.#parts;
    put(bar, "hidden", text === "");
    bar.classList.toggle("bad", BAD.has(name));
    write(message, text);
    put(retry, "hidden", name === "signedOut");
    write(retry, name === "away" ? "Reload" : "Retry now");
    if (signIn) put(signIn, "hidden", name !== "signedOut");
    put(outdated, "hidden", !isOutdated);
    const isPaused = waiting !== null && name === "live";
    put(chip, "hidden", false);
    put(chip, "className", `connection ${CLASSES[isPaused ? "paused" : name] ?? "down"}`);
    if (pausedSince) {
      put(pausedSince, "hidden", !isPaused);
      write(pausedSince, `since ${since}`);
    }
    if (isPaused) writePaused(chip, waiting, this.#noun);
    else write(chip, this.#connection.label);
  }

  /** Announce to screen readers. */
  announce(text) {
    write(this.#parts.announcement, text);
  }

  /** Show for a few seconds, and announce. */
  toast(text, { isRefusal = false } = {}) {
    const { toast } = this.#parts;
    write(toast, text);
    toast.classList.toggle("refused", isRefusal);
    toast.classList.add("shown");
    clearTimeout(this.#toastTimer);
    this.#toastTimer = setTimeout(() => toast.classList.remove("shown"), TOAST_MS);
  }
}

/** `Paused, 37 changes waiting`, of which a phone leaves out the noun. */
function writePaused(chip, waiting, noun) {
  const [number, ...words] = count(waiting, noun).split(" ");
  const text = `Paused, ${number} ${words.join(" ")} waiting`;
  if (chip.textContent === text) return;
  const [whole, wide] = [document.createElement("span"), document.createElement("span")];
  wide.className = "wide";
  wide.append(`${words.join(" ")} `);
  whole.append(`Paused, ${number} `, wide, "waiting");
  chip.replaceChildren(whole);
}
