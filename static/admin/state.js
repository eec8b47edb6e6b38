/** Picture: what the server has told, folded into one state, and what of it has changed since the last look. No DOM. */

export const HISTORY_MS = 15 * 60_000;
const EVENTS_KEPT = 50;

const byAge = (one, other) => one.started_at - other.started_at || (one.call_id < other.call_id ? -1 : 1);

/** What has changed. `users` are ids; `everything` after a whole overview. */
const unchanged = () => ({
  everything: false,
  users: new Set(),
  calls: false,
  events: false,
  figures: false,
  samples: false,
  contradictions: false,
});

/** Rows are never written to: another takes the place of one that changed. So a copy of the maps is a copy. */
export class Picture {
  seq = 0;
  now = 0; // the server's, of the last message
  figures = null;
  users = new Map();
  calls = new Map();
  samples = [];
  events = []; // newest first
  contradictions = [];
  eventsSeen = 0; // since the page was opened
  /** Of users and calls that need attention, the first contradiction. */
  wrongUsers = new Map();
  wrongCalls = new Map();
  #changed = unchanged();

  /** Take a message in. Answers how many rows it changed. */
  fold(message) {
    if (message.type === "overview") return this.#replace(message);
    if (message.type === "overview_update") return this.#update(message);
    return 0;
  }

  /** What has changed since it was taken last. */
  take() {
    const changed = this.#changed;
    this.#changed = unchanged();
    return changed;
  }

  /** Everything counts as changed. */
  changeAll() {
    this.#changed.everything = true;
  }

  /** The picture as it is now; it does not change any more. */
  frozen() {
    const copy = Object.assign(new Picture(), this);
    copy.users = new Map(this.users);
    copy.calls = new Map(this.calls);
    copy.samples = [...this.samples];
    return copy;
  }

  /** Ongoing calls, longest first. */
  callsByAge() {
    return [...this.calls.values()].sort(byAge);
  }

  #replace({ seq, now, figures, users = [], calls = [], history = [], events = [], contradictions = [] }) {
    Object.assign(this, { seq, now, figures, events, samples: history });
    this.users = new Map(users.map((row) => [row.user_id, row]));
    this.calls = new Map(calls.map((row) => [row.call_id, row]));
    this.#contradict(contradictions);
    this.#changed.everything = true;
    return users.length;
  }

  #update({ seq, now, figures, users = [], heard = [], calls = [], ended = [], samples = [], events = [], contradictions }) {
    const changed = this.#changed;
    this.seq = seq ?? this.seq;
    this.now = now;
    if (figures) {
      this.figures = figures;
      changed.figures = true;
    }
    for (const row of users) this.#put(row);
    for (const [userId, at] of heard) if (this.users.has(userId)) this.#put({ ...this.users.get(userId), heard: at });
    for (const row of calls) this.calls.set(row.call_id, row);
    for (const callId of ended) this.calls.delete(callId);
    changed.calls ||= calls.length + ended.length > 0;
    if (samples.length) this.#sample(samples);
    if (events.length) this.#tell(events);
    if (contradictions) this.#contradict(contradictions);
    return users.length + calls.length + ended.length + (contradictions ? 1 : 0);
  }

  #put(row) {
    this.users.set(row.user_id, row);
    this.#changed.users.add(row.user_id);
  }

  #sample(samples) {
    this.samples.push(...samples);
    const since = this.samples.at(-1)[0] - HISTORY_MS;
    while (this.samples[0][0] < since) this.samples.shift();
    this.#changed.samples = true;
  }

  #tell(oldestFirst) {
    this.events = [...oldestFirst].reverse().concat(this.events).slice(0, EVENTS_KEPT);
    this.eventsSeen += oldestFirst.length;
    this.#changed.events = true;
  }

  #contradict(contradictions) {
    const before = this.wrongUsers;
    this.contradictions = contradictions;
    this.wrongUsers = new Map();
    this.wrongCalls = new Map();
    for (const each of contradictions) {
      const { user_id: userId, call_id: callId } = each;
      const call = this.calls.get(callId);
      if (callId && !this.wrongCalls.has(callId)) this.wrongCalls.set(callId, each);
      const about = userId ? [userId] : call ? [call.caller_id, call.callee_id] : [];
      for (const id of about) if (!this.wrongUsers.has(id)) this.wrongUsers.set(id, each);
    }
    for (const id of [...before.keys(), ...this.wrongUsers.keys()]) this.#changed.users.add(id);
    this.#changed.contradictions = this.#changed.calls = true;
  }
}
