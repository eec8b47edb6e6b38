/** Figures: the five cards, their recent change, and which of them filters the list of users. */

import { sparkline } from "./chart.js";
import { put, write } from "./markup.js";
import { changeIn, duration, faults, grouped } from "./formatting.js";

const RECENT_MINUTES = 5; // over which a card says how much its figure changed
const INDEX = { available: 1, busy: 2, offline: 3, calls: 4 }; // positions in a sample

export class FigureCards {
  #settings;
  #cards = new Map();

  constructor(list, settings) {
    this.#settings = settings;
    for (const card of list.querySelectorAll("[data-figure]")) {
      const part = (name) => card.querySelector(`[data-f=${name}]`);
      this.#cards.set(card.dataset.figure, { card, figure: part("figure"), note: part("note"), line: part("line") });
    }
  }

  draw(state, now) {
    for (const [name, { figure, note }] of this.#cards) {
      write(figure, grouped(state.figures[name]));
      const text = this.#note(name, state, now);
      write(note, text);
      if (name === "attention") put(note, "title", text); // as long as names are
    }
  }

  drawLines({ samples }, now) {
    for (const [name, { line }] of this.#cards) if (line) sparkline(line, samples, INDEX[name], now, this.#settings);
  }

  /** Mark the card that the list is filtered by. */
  mark(status) {
    for (const [name, { card }] of this.#cards) {
      if (name === status) card.setAttribute("aria-current", "true");
      else card.removeAttribute("aria-current");
    }
  }

  #note(name, state, now) {
    const { figures, samples } = state;
    if (name === "offline") {
      const users = figures.available + figures.busy + figures.offline;
      return users ? `${Math.round((100 * figures.offline) / users)}% of users` : "no users yet";
    }
    if (name === "calls") {
      const [longest] = state.callsByAge();
      return longest ? `longest ${duration(now - longest.started_at)}` : "no calls";
    }
    if (name === "attention") return this.#firstIssue(state.issues, now);
    const then = samples.find(([at]) => at >= now - RECENT_MINUTES * 60_000);
    if (!then) return "";
    return changeIn(figures[name] - then[INDEX[name]], RECENT_MINUTES);
  }

  /** The first issue and how many more there are, or how many of them somebody is on. Both add up to the figure. */
  #firstIssue(issues, now) {
    const [first, ...others] = issues.filter(({ acknowledged }) => !acknowledged);
    if (!first) return issues.length ? "all acknowledged" : "no issues";
    const open = others.length + 1;
    if (open < issues.length) return `${grouped(open)} open, ${grouped(issues.length - open)} acknowledged`;
    const words = faults(first, now).replaceAll(/ \(limit [^)]*\)/g, ""); // there is little room, and the list says it
    return others.length ? `${words}, ${grouped(others.length)} more` : words;
  }
}
