/** Types of rollcall.js, Rollcall's client. What the messages mean: docs/protocol.md. */

/** One user's status, the same value everywhere. */
export interface Status {
  readonly user_id: number;
  readonly username: string;
  readonly profile_image_url: string | null;
  readonly is_online: boolean;
  /** RFC 3339, UTC. */
  readonly last_seen: string;
  readonly is_busy: boolean;
  /** RFC 3339, UTC; null for a call, or for "until I say so". */
  readonly busy_until: string | null;
  readonly is_available: boolean;
}

/** The figures of the feed. Online is available plus busy. */
export interface FeedStats {
  readonly total_users: number;
  readonly online: number;
  readonly available: number;
  readonly busy: number;
  readonly ongoing_calls: number;
}

export type CallStatus = "ongoing" | "completed" | "dropped" | "cancelled";

export interface Call {
  readonly call_id: string;
  readonly caller_id: number;
  readonly callee_id: number;
  readonly call_type: "audio" | "video";
  readonly status: CallStatus;
  readonly started_at: string;
  readonly ended_at: string | null;
  readonly duration_seconds: number | null;
  readonly end_reason: string | null;
  /** A user id; null while it goes on, or when the server ended it. */
  readonly ended_by: number | null;
}

/** `operators` is the dashboard's: the operator's cookie signs in, and every message is an event `message`. */
export type Channel = "feed" | "presence" | "operators";

/**
 * - `connecting`: a token or a socket is under way.
 * - `live`: connected; the picture is the server's.
 * - `stale`: connected, but the server has not answered for a while; the picture may be old.
 * - `waiting`: the connection was lost; the next attempt comes by itself.
 * - `offline`: not connected, and not trying: before `connect()`, after `close()`, or told by the server to stay away.
 * - `signedOut`: the server refuses the token, and there is no better one. Sign in, then `connect()`.
 */
export type State = "connecting" | "live" | "stale" | "waiting" | "offline" | "signedOut";

/** Why a status changed. `snapshot`: learnt after an absence, or by another choice of users. */
export type Reason =
  | "connected"
  | "heartbeat"
  | "disconnected"
  | "timed_out"
  | "set"
  | "busy_expired"
  | "call_started"
  | "call_ended"
  | "operator"
  | "snapshot";

export interface StateChange {
  readonly before: State;
  readonly after: State;
}

export interface StatusChange {
  readonly userId: number;
  /** Undefined when the user was not in the picture. */
  readonly before: Status | undefined;
  /** Undefined when the user left the picture. */
  readonly after: Status | undefined;
  readonly reason: Reason;
}

export interface CallChange {
  readonly before: Call | undefined;
  /** Undefined when the call ended while the client was away. */
  readonly after: Call | undefined;
}

export interface RollcallError {
  /**
   * The server's own (`AUTH_ERROR`, `RATE_LIMIT_ERROR`, `INVALID_MESSAGE_ERROR`, `FORBIDDEN_ERROR`, `SERVER_ERROR`);
   * a close code after which the client stays away until `connect()`; or `TOKEN_ERROR` (getToken failed; it is asked
   * again), `TOKEN_EXPIRING` (and there is no getToken), `CONNECT_ERROR` (this platform, url or token cannot open a
   * socket at all; the client stays away).
   */
  readonly code: string | number;
  readonly message: string;
}

export interface RollcallEvents {
  state: StateChange;
  change: StatusChange;
  stats: FeedStats;
  call: CallChange;
  error: RollcallError;
  /** Every message of the server's as it came, after the client has taken what it needs. */
  message: Message;
}

/** See docs/reference.md. */
export interface Message {
  readonly type: string;
  readonly [field: string]: any;
}

/** What may be sent by `send`. For `subscribe` to users there is a method, which keeps the picture right. */
export type Command =
  | { type: "ping"; timestamp?: string | number }
  | { type: "heartbeat" }
  | { type: "subscribe"; subscription: Channel | "stats" | "calls"; snapshot?: boolean; updates_only?: boolean }
  | { type: "unsubscribe"; subscription: Channel | "stats" | "calls" }
  | { type: "refresh"; token: string };

/** The part of WebSocket that the client uses: a browser's, React Native's, Node's, or the `ws` package's. */
export interface WebSocketLike {
  readonly readyState: number;
  onmessage: ((event: any) => void) | null;
  onclose: ((event: any) => void) | null;
  onerror: ((event: any) => void) | null;
  send(text: string): void;
  close(code?: number): void;
}

/** React Native's `AppState`. */
export interface AppStateLike {
  addEventListener(event: "change", listener: (state: any) => void): { remove(): void } | undefined;
}

/** Time and chance, for tests. Milliseconds. */
export interface Timers {
  now(): number;
  set(fn: () => void, ms: number): any;
  clear(id: any): void;
  random(): number;
}

export interface RollcallOptions {
  /** The server's address, `ws://host:port` or `http://host:port`. In a browser: the page's own, if left out. */
  url?: string;
  /** An access token. */
  token?: string;
  /**
   * Gives a new access token when there is none, when the server refuses the present one, or a minute before it ends;
   * nothing when the user has to sign in. It is asked once at a time and should settle: give its request a timeout.
   */
  getToken?: () => string | null | undefined | Promise<string | null | undefined>;
  /** `feed` (the default) has `stats` too. `operators` needs no token, subscribes to nothing and keeps no picture. */
  channel?: Channel;
  /** Node before 22: the class of the `ws` package. */
  WebSocket?: new (url: string, protocols: string[]) => WebSocketLike;
  /** React Native: `AppState`, so that the client wakes up with the app. */
  appState?: AppStateLike;
  timers?: Partial<Timers>;
}

export class Rollcall implements AsyncIterable<StatusChange> {
  constructor(options?: RollcallOptions);

  /** Everyone's Status by user id, or that of the users watched (see `subscribe`). Kept while not connected. */
  readonly users: ReadonlyMap<number, Status>;
  /** The own ongoing calls by call id. */
  readonly calls: ReadonlyMap<string, Call>;
  /** The figures of the feed, once told. */
  readonly stats: FeedStats | null;
  /** The last round trip in milliseconds, once measured. */
  readonly roundTrip: number | null;
  /** The own user's id, once told. */
  readonly userId: number | null;
  /** When the next attempt comes, while `waiting`; milliseconds since 1970. */
  readonly retryAt: number | null;
  readonly state: State;

  get(userId: number): Status | undefined;

  /** Be connected from now on, whatever the network does. Again after `offline` or `signedOut`; else nothing. */
  connect(): void;
  /** Say goodbye. No timer, socket or listener of the client's is left; `connect()` starts it again. */
  close(): void;

  /** Listen; the function returned stops it. A listener that throws is reported by the platform, and stops nothing. */
  on<Event extends keyof RollcallEvents>(event: Event, fn: (value: RollcallEvents[Event]) => void): () => void;
  off<Event extends keyof RollcallEvents>(event: Event, fn: (value: RollcallEvents[Event]) => void): void;

  /**
   * Watch these users only; without `userIds`, everyone. The others leave the picture at once, the new ones come with
   * the server's answer. It may be called as often as a list scrolls: the server is asked once a second at most. Throws
   * TypeError for what is no user id.
   */
  subscribe(choice?: { userIds?: Iterable<number> | null }): void;

  /** Tell the server that the user is there; it brings back a user who was set offline. False while not connected. */
  heartbeat(): boolean;
  /** The round trip in milliseconds. Rejects while not connected, when the connection is lost, or when refused. */
  ping(): Promise<number>;
  /** Send a command as it is. False while not connected: nothing waits for a connection. */
  send(command: Command): boolean;

  /**
   * Changes as they come, from now until `close()`. Of each user the latest waits for a slow reader, of at most 10,000
   * users. Of a client that was not told to connect, or was closed, there are none.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<StatusChange>;
}

export default Rollcall;
