/** Action dialog: asks for a reason, shows what the action affects, and sends it once. */

import { urlOf } from "./action_addresses.js";
import { mayAct } from "./action_lock.js";
import { onClosed } from "./dialog.js";
import { write } from "./markup.js";
import { countsOf, resultsOf } from "./outcomes.js";
import { tellProgress } from "./progress.js";
import { answerOf, explain } from "./request.js";
import { ACTION_LABELS, CUTTING, bulkWords, count, withoutName } from "./formatting.js";

const NAMES_SHOWN = 12; // in the dialog; the others can be opened
const MORE_FIELDS = { delete_user: "nameField", set_password: "passwordField" }; // asked for besides the reason
const UNANSWERED = "The server has not answered, so it isn't known whether this was done. Try again: nothing is done twice.";
const TARGET_FIELDS = ["user_id", "call_id", "session_id"];

export class ActionDialog {
  #dialog;
  #form;
  #parts = {};
  #tell;
  #onToggle;
  #onDone;
  #onSent;
  #ids = []; // of several, those whom the action would change
  #unchanged = []; // the others
  #asked = null; // the action and the targets that the dialog is about
  #isSending = false;

  /**
   * `tell(text, { isRefusal })` shows the outcome; `onToggle(isOpen)` is called when the dialog opens or closes; `onDone(action,
   * answer, unchanged)` gets the result of each if there are several; `onSent(action)` is called once the action was carried out.
   */
  constructor(dialog, { tell, onToggle, onDone = () => {}, onSent = () => {} }) {
    this.#dialog = dialog;
    this.#form = dialog.querySelector("form");
    this.#tell = tell;
    this.#onToggle = onToggle;
    this.#onDone = onDone;
    this.#onSent = onSent;
    for (const part of dialog.querySelectorAll("[data-f]")) this.#parts[part.dataset.f] = part;
    this.#form.addEventListener("submit", (event) => this.#submit(event));
    this.#parts.cancel.addEventListener("click", () => dialog.close());
    onClosed(dialog, () => {
      this.#asked = null; // answers that are still on their way are ignored
      onToggle(false);
    });
  }

  /** Open it for an action on `targets`, which are form fields. `reason` is a suggestion that can be edited. */
  async open(action, targets, { about = "", reason = "" } = {}) {
    const asked = new URLSearchParams([["action", action], ...targets]);
    const parts = this.#parts;
    this.#asked = asked;
    this.#form.reset();
    this.#askFor(MORE_FIELDS[action]);
    parts.request.value = "";
    parts.reason.value = reason;
    write(parts.title, about ? `${ACTION_LABELS[action]}: ${about}` : ACTION_LABELS[action]);
    write(parts.effect, "Checking what this affects…");
    write(parts.send, ACTION_LABELS[action]);
    parts.send.className = CUTTING.has(action) ? "danger" : "primary";
    parts.send.disabled = true;
    for (const part of ["hits", "names", "more", "unchanged", "error", "later", "progress"]) parts[part].hidden = true;
    this.#offer(true);
    this.#dialog.showModal();
    this.#onToggle(true);
    parts.reason.focus();
    try {
      const preview = await answerOf(`${urlOf(action)}?${asked}`);
      if (this.#asked === asked) this.#show(preview);
    } catch (failure) {
      if (this.#asked !== asked) return;
      this.#offer(false);
      this.#showError(failure);
    }
  }

  /** An action that can't be carried out has nothing to enter and nothing to send. */
  #offer(isPossible) {
    this.#form.classList.toggle("impossible", !isPossible);
    write(this.#parts.cancel, isPossible ? "Cancel" : "Close");
    if (isPossible) return;
    write(this.#parts.effect, "");
    for (const part of ["hits", "names", "more", "unchanged"]) this.#parts[part].hidden = true;
    this.#parts.cancel.focus();
  }

  #show(preview) {
    const { title, count: size, names = [], ids = [], unchanged = [], waits, request_id: requestId } = preview;
    const parts = this.#parts;
    this.#ids = ids;
    this.#unchanged = unchanged;
    write(parts.title, title);
    this.#showEffect(preview);
    this.#showNames(names);
    this.#showUnchanged(unchanged);
    if (size > 1) write(parts.send, bulkWords(this.#asked.get("action"), size));
    parts.later.hidden = !waits;
    parts.request.value = requestId;
    parts.send.disabled = !mayAct();
  }

  /** While the box is not ticked, the action waits for the end of a call. The style sheet shows what holds. */
  #showEffect({ effect, effect_now: effectNow = "", hits, hits_now: hitsNow = [] }) {
    const { effect: text, hits: affects } = this.#parts;
    if (effectNow) text.replaceChildren(span("later", effect), span("at-once", effectNow));
    else write(text, effect);
    const always = hits.slice(0, hits.length - hitsNow.length).join(", ");
    const joins = always ? [", waits for ", ", "] : ["Waits for ", "Affects "];
    const more = hitsNow.length > 0 ? [span("later", joins[0]), span("at-once", joins[1]), hitsNow.join(", ")] : [];
    affects.replaceChildren(always ? `Affects ${always}` : "", ...more, ".");
    affects.hidden = hits.length === 0;
  }

  /** Only admins have such fields. */
  #askFor(field) {
    for (const name of Object.values(MORE_FIELDS)) {
      const part = this.#parts[name];
      if (!part) continue;
      part.hidden = name !== field;
      part.querySelector("input").disabled = part.hidden;
      part.querySelector("input").ariaInvalid = null;
    }
  }

  #showNames(names) {
    const { names: first, more, moreCount, moreNames } = this.#parts;
    const others = names.slice(NAMES_SHOWN);
    first.hidden = names.length === 0;
    first.replaceChildren(...names.slice(0, NAMES_SHOWN).map((name) => nameItem(name)));
    more.hidden = others.length === 0;
    more.open = false;
    write(moreCount, `and ${others.length} more`);
    moreNames.replaceChildren(...others.map((name) => nameItem(name)));
  }

  #showUnchanged(unchanged) {
    const { unchanged: part, unchangedCount, unchangedNames } = this.#parts;
    part.hidden = unchanged.length === 0;
    part.open = false;
    write(unchangedCount, `Unchanged: ${count(unchanged.length, "user")}`);
    unchangedNames.replaceChildren(...unchanged.map(({ name, reason }) => nameItem(name, withoutName(reason, name))));
  }

  #showProgress({ done, count: total }) {
    const { progress, send } = this.#parts;
    progress.hidden = false;
    progress.max = total;
    progress.value = done;
    write(send, `${done} of ${total}…`);
  }

  /** Several are named one by one, without those for whom there is nothing to do. */
  #body(asked) {
    const fields = [...asked].filter(([name]) => this.#ids.length === 0 || name !== "user_id");
    return new URLSearchParams([...fields, ...this.#ids.map((id) => ["user_id", id]), ...new FormData(this.#form)]);
  }

  /** The field that the action asks for besides the reason is the likely one that is wrong. */
  #showError(failure) {
    write(this.#parts.error, sentence(failure));
    this.#parts.error.hidden = false;
    const field = this.#parts[MORE_FIELDS[this.#asked.get("action")]]?.querySelector("input");
    if (!field || !this.#parts.request.value || failure instanceof TypeError) return;
    field.ariaInvalid = "true";
    field.focus();
  }

  async #submit(event) {
    event.preventDefault();
    const { send, request: requestId, error, progress } = this.#parts;
    if (this.#isSending || !requestId.value) return;
    this.#isSending = send.disabled = error.hidden = true;
    this.#form.classList.add("sending");
    const [asked, unchanged] = [this.#asked, this.#unchanged];
    const body = this.#body(asked);
    const label = send.textContent;
    write(this.#parts.cancel, "Close"); // which stops nothing any more
    const stopTelling = tellProgress(requestId.value, (state) => this.#asked === asked && this.#showProgress(state));
    try {
      const action = asked.get("action");
      const answer = await answerOf(urlOf(action), { method: "POST", body });
      this.#onSent(action);
      this.#tell(summaryOf(action, answer, unchanged), { isRefusal: answer.results.some(isRefused) });
      if (this.#asked === asked) this.#dialog.close();
      if (answer.results.length + unchanged.length > 1) this.#onDone(action, answer, unchanged);
    } catch (failure) {
      if (this.#asked !== asked) return this.#tell(`${ACTION_LABELS[asked.get("action")]}: ${sentence(failure)}`, { isRefusal: true });
      this.#offer(failure.code !== "NOTHING_TO_DO");
      if (failure instanceof TypeError) write(this.#parts.cancel, "Close"); // for it may have been done
      this.#showError(failure instanceof TypeError ? new Error(UNANSWERED) : failure);
      send.disabled = !mayAct(); // trying again sends the same request id, so nothing is done twice
    } finally {
      stopTelling();
      this.#form.classList.remove("sending");
      if (this.#asked === asked) {
        write(send, label);
        progress.hidden = true;
      }
      this.#isSending = false;
    }
  }
}

const sentence = (failure) => `${explain(failure).replace(/\.$/, "")}.`;

const isRefused = ({ outcome, code }) => outcome === "refused" && code !== "NOTHING_TO_DO";

/** The server's sentence. Of several, it doesn't know those for whom nothing was asked. */
function summaryOf(action, { message, results }, unchanged) {
  return unchanged.length > 0 ? `${ACTION_LABELS[action]}: ${countsOf(resultsOf(results, unchanged))}.` : message;
}

function span(className, text) {
  const part = document.createElement("span");
  part.className = className;
  part.textContent = text;
  return part;
}

function nameItem(name, reason = "") {
  const item = document.createElement("li");
  item.appendChild(document.createElement("bdi")).textContent = name;
  if (reason) {
    item.append(" ");
    item.append(span("soft", reason));
  }
  return item;
}

/** The target of a form whose buttons name the action, as form fields. */
export function targetsOf(form) {
  return [...new FormData(form)].filter(([name, value]) => value && TARGET_FIELDS.includes(name));
}
