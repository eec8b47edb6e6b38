/** Results: the dialog that shows what became of an action for each of several users. */

import { onClosed } from "./dialog.js";
import { write } from "./markup.js";
import { withoutName } from "./formatting.js";

const LABELS = { done: "Done", waiting: "Waiting", unchanged: "Nothing to do", refused: "Refused" };

export class ResultsDialog {
  #dialog;
  #parts = {};
  #template;

  constructor(dialog, { onToggle }) {
    this.#dialog = dialog;
    this.#template = dialog.querySelector("template");
    for (const part of dialog.querySelectorAll("[data-results]")) this.#parts[part.dataset.results] = part;
    onClosed(dialog, () => onToggle(false));
    this.onToggle = onToggle;
  }

  show(title, results) {
    write(this.#parts.title, title);
    this.#parts.list.replaceChildren(...results.map((each) => this.#item(each)));
    if (this.#dialog.open) return;
    this.#dialog.showModal();
    this.onToggle(true);
  }

  #item({ outcome, name, message }) {
    const item = this.#template.content.firstElementChild.cloneNode(true);
    const [label, who, what] = ["outcome", "name", "message"].map((part) => item.querySelector(`[data-f=${part}]`));
    write(label, LABELS[outcome]);
    label.dataset.outcome = outcome;
    write(who, name);
    write(what, outcome === "done" ? `now: ${message}` : withoutName(message, name));
    return item;
  }
}
