/** Figures: the five cards, what changed in the last five minutes, and which one filters the list. */

import { sparkline } from "./chart.js";
import { write } from "./markup.js";
import { because, signed, span } from "./formatting.js";

const RECENT_MS = 5 * 60_000;
const INDEX = { available: 1, busy: 2, offline: 3, calls: 4 };

export class Cards {
  #cards = new Map();

  constructor(list) {
    for (const card of list.querySelectorAll("[data-figure]")) {
      const part = (name) => card.querySelector(`[data-f=${name}]`);
      this.#cards.set(card.dataset.figure, { card, figure: part("figure"), note: part("note"), line: part("line") });
    }
  }

  draw(picture, now) {
    for (const [name, { figure, note }] of this.#cards) {
      write(figure, picture.figures[name].toLocaleString("en"));
      write(note, this.#note(name, picture, now));
    }
  }

  drawLines({ samples }, now) {
    for (const [name, { line }] of this.#cards) if (line) sparkline(line, samples, INDEX[name], now);
  }

  /** Which figure's users are listed. */
  mark(status) {
    for (const [name, { card }] of this.#cards) {
      if (name === status) card.setAttribute("aria-current", "true");
      else card.removeAttribute("aria-current");
    }
  }

  #note(name, picture, now) {
    const { figures, samples, contradictions } = picture;
    if (name === "offline") {
      const users = figures.available + figures.busy + figures.offline;
      return users ? `${Math.round((100 * figures.offline) / users)}% of users` : "no users yet";
    }
    if (name === "calls") {
      const [longest] = picture.callsByAge();
      return longest ? `longest ${span(now - longest.started_at)}` : "none";
    }
    if (name === "attention") return this.#first(contradictions, now);
    const then = samples.find(([at]) => at >= now - RECENT_MS);
    return then ? `${signed(figures[name] - then[INDEX[name]])} in 5 min` : "";
  }

  #first([first, ...others], now) {
    if (!first) return "all is well";
    return others.length ? `${because(first.because, now)} +${others.length}` : because(first.because, now);
  }
}
