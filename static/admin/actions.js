/** Actions: asks why, says beforehand what it will hit, and sends it once. */

import { mayAct } from "./action_lock.js";
import { write } from "./markup.js";
import { tellProgress } from "./progress.js";
import { ACTION_WORDS } from "./formatting.js";

const URL_OF_ACTIONS = "/admin/actions";
const JSON_ONLY = { Accept: "application/json" };

/** The answer of the server's, or its refusal as an Error with words for the operator. */
async function ask(url, options = {}) {
  const response = await fetch(url, { headers: JSON_ONLY, credentials: "same-origin", redirect: "error", ...options });
  const answer = await response.json().catch(() => null);
  if (response.ok && answer) return answer;
  throw new Error(answer?.error?.message ?? answer?.message ?? `The server answers ${response.status}`);
}

const inWords = (error) => (error instanceof TypeError ? "The server can't be reached, or you are signed out." : error.message);

export class ActionDialog {
  #dialog;
  #form;
  #parts = {};
  #tell;
  #onToggle;
  #asked = null; // what is being asked about: action and targets
  #isSending = false;

  /** `tell(text)` says what came of it; `onToggle(isOpen)` hears of the dialog. */
  constructor(dialog, { tell, onToggle }) {
    this.#dialog = dialog;
    this.#form = dialog.querySelector("form");
    this.#tell = tell;
    this.#onToggle = onToggle;
    for (const part of dialog.querySelectorAll("[data-f]")) this.#parts[part.dataset.f] = part;
    this.#form.addEventListener("submit", (event) => this.#submitted(event));
    this.#parts.cancel.addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => {
      this.#asked = null; // an answer that comes now is nobody's
      onToggle(false);
    });
  }

  /** Ask about an action on these targets, given as form fields; `why` is a first proposal of a reason. */
  async open(action, targets, { about = "", why = "" } = {}) {
    const asked = new URLSearchParams([["action", action], ...targets]);
    const { title, effect, hits, error, request, reason, send, later } = this.#parts;
    this.#asked = asked;
    this.#form.reset();
    request.value = "";
    reason.value = why;
    write(title, about ? `${ACTION_WORDS[action]}: ${about}` : ACTION_WORDS[action]);
    write(effect, "Looking what it would hit…");
    write(send, ACTION_WORDS[action]);
    send.disabled = true;
    hits.hidden = error.hidden = later.hidden = true;
    this.#dialog.showModal();
    this.#onToggle(true);
    reason.focus();
    try {
      const plan = await ask(`${URL_OF_ACTIONS}?${asked}`);
      if (this.#asked === asked) this.#show(plan);
    } catch (failure) {
      if (this.#asked === asked) this.#refuse(inWords(failure), "");
    }
  }

  #show({ title, effect, hits, waits, request_id: requestId }) {
    const parts = this.#parts;
    write(parts.title, title);
    write(parts.effect, effect);
    write(parts.hits, `It hits ${hits.join(", ")}.`);
    parts.hits.hidden = hits.length === 0;
    parts.later.hidden = !waits;
    parts.request.value = requestId;
    parts.send.disabled = !mayAct();
  }

  #refuse(text, effect = null) {
    if (effect !== null) write(this.#parts.effect, effect);
    write(this.#parts.error, text);
    this.#parts.error.hidden = false;
  }

  async #submitted(event) {
    event.preventDefault();
    if (this.#isSending || !this.#parts.request.value) return;
    this.#isSending = this.#parts.send.disabled = true;
    this.#parts.error.hidden = true;
    const body = new URLSearchParams([...this.#asked, ...new FormData(this.#form)]);
    const asked = this.#asked;
    const { send, request } = this.#parts;
    const label = send.textContent;
    const stopTelling = tellProgress(request.value, (text) => this.#asked === asked && write(send, text));
    try {
      const { message } = await ask(URL_OF_ACTIONS, { method: "POST", body });
      this.#tell(message);
      if (this.#asked === asked) this.#dialog.close();
    } catch (failure) {
      if (this.#asked !== asked) return this.#tell(inWords(failure));
      this.#refuse(inWords(failure));
      this.#parts.send.disabled = !mayAct(); // with the same request id: what was done is not done twice
    } finally {
      stopTelling();
      if (this.#asked === asked) write(send, label);
      this.#isSending = false;
    }
  }
}

/** The target fields of a form that names an action by its button. */
export function targetsOf(form) {
  return [...new FormData(form)].filter(([name, value]) => value && ["user_id", "call_id", "session_id"].includes(name));
}
