/** Chart ranges: the links that choose the time that the chart shows. The choice is part of the page's address. */

import { rangeOf } from "./chart_history.js";

const URL_OF_SAMPLES = "/admin/samples";

export class ChartRanges {
  #links = new Map();
  #history;
  #onChange;
  #tell;
  #wanted;

  /** `onChange()` is called when there is something else to draw; `tell(text)` says what went wrong. */
  constructor(section, { history, onChange, tell }) {
    this.#history = history;
    this.#onChange = onChange;
    this.#tell = tell;
    for (const link of section.querySelectorAll("[data-range]")) {
      this.#links.set(link.dataset.range, link);
      link.addEventListener("click", (event) => this.#click(event, link));
      // In another tab, the link shows what this page shows, with the filters that were chosen since it was loaded.
      for (const type of ["pointerenter", "focus"]) link.addEventListener(type, () => (link.href = this.#address(link.dataset.range)));
      if (link.hasAttribute("aria-current")) this.#wanted = rangeOf(link);
    }
    history.use(this.#wanted);
    if (!history.isInFeed(this.#wanted)) this.#load();
  }

  /** Load the samples again: the page has missed some. */
  reload() {
    if (!this.#history.isInFeed(this.#wanted)) this.#load();
  }

  #click(event, link) {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return; // opens the link in another tab or window
    event.preventDefault();
    this.#wanted = rangeOf(link);
    this.#showChoice();
    if (this.#history.isInFeed(this.#wanted)) this.#use(null);
    else this.#load();
  }

  /** What was shown before stays until the samples are there. */
  async #load() {
    const wanted = this.#wanted;
    this.#links.get(wanted.name).setAttribute("aria-busy", "true");
    let samples = null;
    try {
      const query = new URLSearchParams({ chart: wanted.name });
      const response = await fetch(`${URL_OF_SAMPLES}?${query}`, { headers: { Accept: "application/json" }, redirect: "error" });
      if (response.ok) ({ samples } = await response.json());
    } catch {
      // no connection: the same as an answer without samples
    }
    this.#links.get(wanted.name).removeAttribute("aria-busy");
    if (wanted !== this.#wanted) return; // another one was chosen in the meantime
    if (samples) return this.#use(samples);
    this.#tell("The older figures couldn't be loaded. Choose the time again to retry.");
    if (this.#history.range.name === wanted.name) return;
    this.#wanted = this.#history.range;
    this.#showChoice();
  }

  #use(samples) {
    this.#history.use(this.#wanted, samples);
    this.#onChange();
  }

  #showChoice() {
    const { name } = this.#wanted;
    for (const link of this.#links.values()) {
      if (link.dataset.range === name) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
    history.replaceState(null, "", this.#address(name));
  }

  /** This page with another time. The usual one is left out. */
  #address(name) {
    const query = new URLSearchParams(location.search);
    if (this.#history.isInFeed(rangeOf(this.#links.get(name)))) query.delete("chart");
    else query.set("chart", name);
    return query.size ? `?${query}` : location.pathname;
  }
}
