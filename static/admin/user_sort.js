/** Order: which users are listed, and in which order. Sorts on numbers, at most once a second. No DOM. */

import { folded, sortKey } from "./formatting.js";

export const SORT_MS = 1_000;
const PLACES = 2 ** 20; // more than there are names: a key is a rank, then the place by name
const RANK_OF_STATE = { available: 0, busy: 1, offline: 2 };
const BUSY_FIRST = { busy: 1, available: 2, offline: 3 };

const seconds = (milliseconds) => Math.floor(milliseconds / 1_000);

/** Lower comes first, as on pages without a script (realtime/dashboard/user_query.py). At most 33 bits: key and place make a double. */
const RANKS = {
  attention: (row, isWrong) => (isWrong ? 0 : BUSY_FIRST[row.state]),
  name: () => 0,
  state: (row) => RANK_OF_STATE[row.state],
  since: (row) => seconds(row.since),
  heard: (row) => 2 ** 32 - seconds(row.heard),
};

const IN_FILTER = {
  all: () => true,
  calls: (row) => Boolean(row.call_id),
  attention: (row, isWrong) => isWrong,
};

export class Order {
  /** User ids, as listed. */
  ids = [];
  status = "all";
  sort = "attention";
  q = "";
  #picture;
  #pinned = null;
  #isDue = true;
  #sortedAt = -Infinity;
  #byName = []; // user ids
  #places = new Map(); // of users, by name
  #names = new Map(); // what was compared last
  #searched = new Map(); // what a search looks into, of those it has looked at

  constructor(picture) {
    this.#picture = picture;
  }

  /** Another picture is shown. */
  look(picture) {
    this.#picture = picture;
    this.#isDue = true;
  }

  get isFiltered() {
    return this.status !== "all" || this.q !== "";
  }

  /** What is listed differs from what would be listed by now. */
  get isDue() {
    return this.#isDue;
  }

  /** The operator asks for other users or another order. Sort by `refresh` with `force`. */
  choose({ status = this.status, sort = this.sort, q = this.q }) {
    this.status = Object.hasOwn(IN_FILTER, status) || Object.hasOwn(RANK_OF_STATE, status) ? status : "all";
    this.sort = Object.hasOwn(RANKS, sort) ? sort : "attention";
    this.q = folded(q.trim());
    this.#isDue = true;
  }

  /** This user stays listed, matching or not: the keyboard is there. */
  pin(userId) {
    this.#pinned = userId;
  }

  /** Rows have changed, which may concern the order. */
  note() {
    this.#isDue = true;
  }

  /** Milliseconds until it may be sorted again. */
  rest(now) {
    return Math.max(0, this.#sortedAt + SORT_MS - now);
  }

  /** Sort if there is reason to, and if it is time. Answers whether it did. */
  refresh(now, { isHeld = false, force = false } = {}) {
    if (!force && (!this.#isDue || isHeld || this.rest(now) > 0)) return false;
    this.#isDue = false;
    this.#sortedAt = now;
    this.#learnNames();
    this.ids = this.#listed();
    return true;
  }

  #listed() {
    const { users, wrongUsers } = this.#picture;
    const rank = RANKS[this.sort];
    const isIn = IN_FILTER[this.status] ?? ((row) => row.state === this.status);
    const keys = new Float64Array(users.size);
    let size = 0;
    for (const [userId, row] of users) {
      const isWrong = wrongUsers.has(userId);
      if (userId !== this.#pinned && !(isIn(row, isWrong) && this.#isFound(userId))) continue;
      keys[size++] = rank(row, isWrong) * PLACES + this.#places.get(userId);
    }
    return Array.from(keys.subarray(0, size).sort(), (key) => this.#byName[key % PLACES]);
  }

  #isFound(userId) {
    if (this.q === "" || this.q.replace("#", "") === String(userId)) return true;
    if (!this.#searched.has(userId)) this.#searched.set(userId, folded(this.#names.get(userId)));
    return this.#searched.get(userId).includes(this.q);
  }

  /** Names rarely change, and comparing them is the dear part. */
  #learnNames() {
    const { users } = this.#picture;
    let isOld = users.size !== this.#names.size;
    for (const [userId, { username }] of users) {
      if (this.#names.get(userId) === username) continue;
      isOld = true;
      this.#names.set(userId, username);
      this.#searched.delete(userId);
    }
    if (!isOld) return;
    for (const userId of this.#names.keys()) if (!users.has(userId)) this.#names.delete(userId);
    const keyed = Array.from(this.#names, ([userId, name]) => ({ userId, key: sortKey(name) }));
    keyed.sort((one, other) => (one.key < other.key ? -1 : one.key > other.key ? 1 : one.userId - other.userId));
    this.#byName = keyed.map(({ userId }) => userId);
    this.#places = new Map(this.#byName.map((userId, place) => [userId, place]));
  }
}
