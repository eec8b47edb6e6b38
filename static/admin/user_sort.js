/** User sort: which users are listed, and in which order. Sorts by numbers, at most once a second. No DOM. */

import { BY_PART, Search, searchKey } from "./search.js";

export const SORT_MS = 1_000; // more often would be hard to read, and costly with 10,000 users
const PLACES = 2 ** 20; // more than there are users: a sort key is a rank and, below it, the place by name
const RANK_OF_STATE = { available: 0, busy: 1, offline: 2 };
const BUSY_FIRST = { busy: 1, available: 2, offline: 3 };

const seconds = (milliseconds) => Math.floor(milliseconds / 1_000);

/**
 * The lowest rank comes first, as on the server's pages (realtime/dashboard/user_query.py). A rank has at most 33 bits, so
 * that rank and place fit into a double.
 */
const RANKS = {
  attention: (row, hasIssue) => (hasIssue ? 0 : BUSY_FIRST[row.state]),
  name: (row, hasIssue, place) => place,
  state: (row) => RANK_OF_STATE[row.state],
  since: (row) => seconds(row.since),
  heard: (row) => 2 ** 32 - seconds(row.heard),
};

const HIGHEST_RANK = 2 ** 33 - 1;

/** With a minus, the order is the reverse. Users who are equal are always in the order of their names. */
for (const [name, rank] of Object.entries(RANKS)) {
  if (name !== "attention") RANKS[`-${name}`] = (...about) => HIGHEST_RANK - rank(...about);
}

const MATCHES = {
  all: () => true,
  calls: (row) => Boolean(row.call_id),
  attention: (row, hasIssue) => hasIssue,
};

export class UserSort {
  /** The ids of the listed users, in order. */
  ids = [];
  status = "all";
  sort = "attention";
  tag = "";
  #search = new Search("");
  #state;
  #pinned = null;
  #isDue = true;
  #sortedAt = -Infinity;
  #byName = []; // user ids
  #places = new Map(); // by user id: the place in #byName
  #names = new Map(); // as last sorted
  #searchKeys = new Map(); // by user id

  constructor(state) {
    this.#state = state;
  }

  /** Show another state. */
  use(state) {
    this.#state = state;
    this.#isDue = true;
  }

  get isFiltered() {
    return this.status !== "all" || this.tag !== "" || !this.#search.isEmpty;
  }

  /** The list may no longer be what it should be. */
  get isDue() {
    return this.#isDue;
  }

  /** Another filter or sort order. Follow it with `refresh` and `force`. */
  choose({ status = this.status, sort = this.sort, tag = this.tag, q }) {
    this.tag = tag;
    this.status = Object.hasOwn(MATCHES, status) || Object.hasOwn(RANK_OF_STATE, status) ? status : "all";
    this.sort = Object.hasOwn(RANKS, sort) ? sort : "attention";
    if (q !== undefined) this.#search = new Search(q);
    this.#isDue = true;
  }

  /** Keep this user listed, matching or not, because the row has keyboard focus. */
  pin(userId) {
    this.#pinned = userId;
  }

  /** Rows have changed, which may affect the order. */
  noteChange() {
    this.#isDue = true;
  }

  /** Milliseconds until it may sort again. */
  remaining(now) {
    return Math.max(0, this.#sortedAt + SORT_MS - now);
  }

  /** Sort if necessary and allowed. Returns whether it did. */
  refresh(now, { isLocked = false, force = false } = {}) {
    if (!force && (!this.#isDue || isLocked || this.remaining(now) > 0)) return false;
    this.#isDue = false;
    this.#sortedAt = now;
    this.#updateNames();
    this.ids = this.#listed();
    return true;
  }

  /** Whether a listed user still is what the list is filtered by: while the order is held, nobody leaves it. */
  stillMatches(userId) {
    const { users, issueOfUser } = this.#state;
    return this.#matcher()(users.get(userId), issueOfUser.has(userId)) && this.#rankOfSearch(userId) !== null;
  }

  #matcher() {
    const isOfStatus = MATCHES[this.status] ?? ((row) => row.state === this.status);
    const hasTag = ({ tags }) => this.tag === "" || tags?.includes(this.tag);
    return (row, hasIssue) => isOfStatus(row, hasIssue) && hasTag(row);
  }

  #listed() {
    const { users, issueOfUser } = this.#state;
    const rank = RANKS[this.sort];
    const matches = this.#matcher();
    const found = [[], [], []]; // sort keys, by how well the search finds the user
    for (const [userId, row] of users) {
      const hasIssue = issueOfUser.has(userId);
      const isPinned = userId === this.#pinned;
      let place = isPinned || matches(row, hasIssue) ? this.#rankOfSearch(userId) : null;
      if (isPinned) place ??= BY_PART;
      if (place === null) continue;
      const byName = this.#places.get(userId);
      found[place].push(rank(row, hasIssue, byName) * PLACES + byName);
    }
    return found.flatMap((keys) => Array.from(Float64Array.from(keys).sort(), (key) => this.#byName[key % PLACES]));
  }

  #rankOfSearch(userId) {
    if (this.#search.isEmpty) return 0;
    return this.#search.rank(userId, this.#searchKeys.get(userId));
  }

  /** Names rarely change, and comparing them is the expensive part. */
  #updateNames() {
    const { users } = this.#state;
    let isOutdated = users.size !== this.#names.size;
    for (const [userId, { username }] of users) {
      if (this.#names.get(userId) === username) continue;
      isOutdated = true;
      this.#names.set(userId, username);
      this.#searchKeys.set(userId, searchKey(username));
    }
    if (!isOutdated) return;
    for (const userId of this.#names.keys()) if (!users.has(userId)) this.#forget(userId);
    const keyed = Array.from(this.#searchKeys, ([userId, key]) => ({ userId, key }));
    keyed.sort((one, other) => (one.key < other.key ? -1 : one.key > other.key ? 1 : one.userId - other.userId));
    this.#byName = keyed.map(({ userId }) => userId);
    this.#places = new Map(this.#byName.map((userId, place) => [userId, place]));
  }

  #forget(userId) {
    this.#names.delete(userId);
    this.#searchKeys.delete(userId);
  }
}
