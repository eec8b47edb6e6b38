/** Told once: which issues were told of, so that several tabs tell of each only once, and none tells of it again. No DOM. */

const KEY = "rollcall_told";
const LOCK = "rollcall_told";
const FORGET_MS = 60_000; // an issue that comes back within this time is not told again
const RENEW_MS = 20_000;
const SETTLED_MS = 5_000; // by then, one of the tabs has told of an issue
const ARRIVAL_MS = 200; // what one tab stores, another one may read a little later

const platform = {
  now: () => Date.now(),
  locks: globalThis.navigator?.locks, // only on https and localhost
  arrival: () => new Promise((done) => setTimeout(done, ARRIVAL_MS)),
};

/** By channel, such as `sound`: a tab that can't play sounds leaves them to one that can. */
export class ToldOnce {
  #storage;
  #platform;
  #known = new Map(); // by channel: since when and until when each issue was there, by its key
  #renewedAt = 0;
  #id = Math.random().toString(36).slice(2);

  constructor(storage, changed = {}) {
    this.#storage = storage;
    this.#platform = { ...platform, ...changed };
  }

  /** Those of the issues that this tab has to tell of now. `keys` are all that are there and wanted. */
  async take(channel, keys) {
    const known = this.#knownIn(channel);
    const now = this.#platform.now();
    const fresh = keys.filter((key) => !known.has(key));
    this.#note(known, keys, now);
    for (const [key, { until }] of known) if (now - until > FORGET_MS) known.delete(key);
    if (now - this.#renewedAt > RENEW_MS) this.#renew(now);
    return fresh.length ? this.#claim(channel, fresh) : [];
  }

  /** This tab doesn't tell of these. Another one may. */
  skip(channel, keys) {
    this.#note(this.#knownIn(channel), keys, this.#platform.now());
  }

  /** Tell of these again when they are wanted again. */
  forget(keys) {
    const isKnown = (key) => [...this.#known.values()].some((known) => known.has(key));
    const gone = keys.filter(isKnown);
    if (!gone.length) return;
    const ledger = this.#read();
    for (const key of gone) {
      for (const known of this.#known.values()) known.delete(key);
      for (const told of Object.values(ledger)) delete told[key];
    }
    this.#storage.setItem(KEY, JSON.stringify(ledger));
  }

  /** Tabs take turns. Where browsers have no locks, several may claim an issue at once, and the last claim counts. */
  async #claim(channel, keys) {
    const claim = async () => {
      const told = this.#read()[channel] ?? {};
      const claimed = keys.filter((key) => !(key in told));
      if (!claimed.length) return [];
      this.#write(channel, claimed, this.#platform.now(), this.#id);
      await this.#platform.arrival();
      const now = this.#read()[channel] ?? {};
      return claimed.filter((key) => (now[key]?.[1] ?? this.#id) === this.#id);
    };
    const { locks } = this.#platform;
    return locks ? locks.request(LOCK, claim) : claim();
  }

  #note(known, keys, now) {
    for (const key of keys) known.set(key, { since: known.get(key)?.since ?? now, until: now });
  }

  #knownIn(channel) {
    if (!this.#known.has(channel)) this.#known.set(channel, new Map());
    return this.#known.get(channel);
  }

  /** Let tabs that were paused or offline know what is still there and was told of. */
  #renew(now) {
    this.#renewedAt = now;
    for (const [channel, known] of this.#known) {
      const settled = [...known].filter(([, { since, until }]) => now - since > SETTLED_MS && now - until < RENEW_MS);
      this.#write(channel, settled.map(([key]) => key), now);
    }
  }

  #write(channel, keys, now, id) {
    const ledger = this.#read();
    const told = (ledger[channel] ??= {});
    for (const key of keys) told[key] = [now, id ?? told[key]?.[1] ?? this.#id];
    this.#storage.setItem(KEY, JSON.stringify(ledger));
  }

  /** What all tabs have told of lately: by channel and key, when that was last there, and the tab that has told of it. */
  #read() {
    let kept = {};
    try {
      kept = Object(JSON.parse(this.#storage.getItem(KEY)));
    } catch {
      // another program wrote it
    }
    const since = this.#platform.now() - FORGET_MS;
    const recent = (told) => Object.fromEntries(Object.entries(Object(told)).filter(([, entry]) => Array.isArray(entry) && entry[0] >= since));
    return Object.fromEntries(Object.entries(kept).map(([channel, told]) => [channel, recent(told)]));
  }
}
