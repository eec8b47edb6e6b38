/** Types of rollcall-testing.js, a client for an app's own tests. */

import type { Call, Command, FeedStats, Reason, Rollcall, State, Status } from "./rollcall.js";

/** One user's Status: available, unless `rest` says otherwise. */
export function fakeStatus(userId: number, rest?: Partial<Omit<Status, "user_id" | "is_available">>): Status;

export interface FakeOptions {
  users?: Iterable<Status>;
  /** By default `live`. */
  state?: State;
  /** The signed-in user, by default 1. */
  userId?: number;
}

/** A client that a test controls. Pass it wherever your app takes a `Rollcall`. It sends nothing anywhere. */
export class FakeRollcall implements Rollcall {
  constructor(options?: FakeOptions);

  /** The commands that the app sent while the state was `syncing`, `live` or `stale`. */
  readonly sent: readonly (Command | { type: "subscribe"; user_ids?: number[]; tags?: string[] })[];
  /** The app's calls of these methods. They do nothing else: set the state yourself. */
  readonly called: readonly ("connect" | "close" | "retryNow")[];

  /** Add or change a user. */
  setUser(status: Status, reason?: Reason): void;
  removeUser(userId: number): void;
  setState(state: State, why?: { code: number; reason: string }): void;
  setStats(stats: FeedStats): void;
  /** Begin a call, or end it with another status than `ongoing`. */
  setCall(call: Call): void;
  /** Emit an `error`. */
  fail(code: string | number, message?: string): void;

  readonly users: Rollcall["users"];
  readonly calls: Rollcall["calls"];
  readonly stats: Rollcall["stats"];
  readonly roundTrip: Rollcall["roundTrip"];
  readonly userId: Rollcall["userId"];
  readonly retryAt: Rollcall["retryAt"];
  readonly state: State;
  get: Rollcall["get"];
  connect: Rollcall["connect"];
  close: Rollcall["close"];
  retryNow: Rollcall["retryNow"];
  on: Rollcall["on"];
  off: Rollcall["off"];
  subscribe: Rollcall["subscribe"];
  heartbeat: Rollcall["heartbeat"];
  ping: Rollcall["ping"];
  send: Rollcall["send"];
  [Symbol.asyncIterator]: Rollcall[typeof Symbol.asyncIterator];
  readonly [Symbol.toStringTag]: string;
}
