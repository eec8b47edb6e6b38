/** Dashboard state: the server's messages folded into one state, and what in it changed since it was last drawn. No DOM. */

const byAge = (one, other) => one.started_at - other.started_at || (one.call_id < other.call_id ? -1 : 1);

/** `users` has the ids of changed users; `everything` covers all of them. */
const changes = (isChanged) => ({
  everything: isChanged,
  users: new Set(),
  calls: isChanged,
  events: isChanged,
  figures: isChanged,
  samples: isChanged,
  issues: isChanged,
});

const TIMES = new Set(["at", "heard", "since"]); // which differ a little each time they are computed

const lasting = (value) => JSON.stringify(value, (name, each) => (TIMES.has(name) ? undefined : each));

/** Whether two rows differ in more than the times in them. Most values are texts and numbers, and compared as such. */
function differ(one, other) {
  const names = Object.keys(one);
  if (names.length !== Object.keys(other).length) return true;
  return names.some((name) => {
    const [value, was] = [one[name], other[name]];
    return value !== was && !TIMES.has(name) && (typeof value !== "object" || lasting(value) !== lasting(was));
  });
}

/** Rows are never modified, only replaced, so a shallow copy of the maps is a full copy. */
export class DashboardState {
  seq = 0;
  now = 0; // the server's time of the last message
  figures = null;
  users = new Map();
  calls = new Map();
  samples = [];
  events = []; // newest first
  issues = []; // `contradictions` in the messages
  eventsReceived = 0; // since the page was opened
  /** The first issue of each user and call that has one. */
  issueOfUser = new Map();
  issueOfCall = new Map();
  #settings;
  #changed = changes(false);

  /** `eventsShown` events and `historyMs` milliseconds of samples are kept. */
  constructor(settings) {
    this.#settings = settings;
  }

  /** Apply a message. Returns how many rows it changed. */
  fold(message) {
    if (message.type === "overview") return this.#replace(message);
    if (message.type === "overview_update") return this.#update(message);
    return 0;
  }

  /** What changed since the last call. */
  takeChanges() {
    const changed = this.#changed;
    this.#changed = changes(false);
    return changed;
  }

  markAllChanged() {
    this.#changed = changes(true);
  }

  /** A copy of the state as it is now, which no longer changes. */
  frozenCopy() {
    const copy = Object.assign(new DashboardState(this.#settings), this);
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
    const before = this.users;
    this.users = new Map(users.map((row) => [row.user_id, row]));
    this.calls = new Map(calls.map((row) => [row.call_id, row]));
    this.#setIssues(contradictions);
    this.markAllChanged();
    return this.#differences(before);
  }

  /** How many users are new, gone or different. */
  #differences(before) {
    const isOther = (row) => !before.has(row.user_id) || differ(row, before.get(row.user_id));
    const gone = [...before.keys()].filter((userId) => !this.users.has(userId));
    return [...this.users.values()].filter(isOther).length + gone.length;
  }

  #update(message) {
    const { seq, now, figures, users = [], removed = [], heard = [], calls = [], ended = [] } = message;
    const { samples = [], events = [], all_events: allEvents, contradictions } = message;
    const changed = this.#changed;
    this.seq = seq ?? this.seq;
    this.now = now;
    if (figures) {
      this.figures = figures;
      changed.figures = true;
    }
    for (const row of users) this.#setUser(row);
    for (const userId of removed) this.#removeUser(userId);
    for (const [userId, at] of heard) if (this.users.has(userId)) this.#setUser({ ...this.users.get(userId), heard: at });
    for (const row of calls) this.calls.set(row.call_id, row);
    for (const callId of ended) this.calls.delete(callId);
    changed.calls ||= calls.length + ended.length > 0;
    if (samples.length) this.#addSamples(samples);
    if (events.length) this.#addEvents(events);
    if (allEvents) {
      this.events = allEvents;
      changed.events = true;
    }
    if (contradictions) this.#setIssues(contradictions);
    return users.length + removed.length + calls.length + ended.length + (contradictions ? 1 : 0);
  }

  #setUser(row) {
    this.users.set(row.user_id, row);
    this.#changed.users.add(row.user_id);
  }

  #removeUser(userId) {
    this.users.delete(userId);
    this.#changed.users.add(userId);
  }

  #addSamples(samples) {
    this.samples.push(...samples);
    const since = this.samples.at(-1)[0] - this.#settings.historyMs;
    while (this.samples[0][0] < since) this.samples.shift();
    this.#changed.samples = true;
  }

  #addEvents(oldestFirst) {
    this.events = [...oldestFirst].reverse().concat(this.events).slice(0, this.#settings.eventsShown);
    this.eventsReceived += oldestFirst.length;
    this.#changed.events = true;
  }

  #setIssues(issues) {
    const before = this.issueOfUser;
    this.issues = issues;
    this.issueOfUser = new Map();
    this.issueOfCall = new Map();
    for (const issue of issues) {
      const { user_id: userId, call_id: callId } = issue;
      const call = this.calls.get(callId);
      if (callId && !this.issueOfCall.has(callId)) this.issueOfCall.set(callId, issue);
      const ofCall = call && (!userId || issue.also) ? [call.caller_id, call.callee_id] : [];
      const userIds = userId ? [userId, ...ofCall] : ofCall;
      for (const id of userIds) if (!this.issueOfUser.has(id)) this.issueOfUser.set(id, issue);
    }
    for (const id of [...before.keys(), ...this.issueOfUser.keys()]) this.#changed.users.add(id);
    this.#changed.issues = this.#changed.calls = true;
  }
}
