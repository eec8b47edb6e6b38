/** Types of rollcall.js, Rollcall's client. docs/protocol.md describes the messages. */

/** One user's status, the same value everywhere. */
export interface Status {
  readonly user_id: number;
  readonly username: string;
  readonly profile_image_url: string | null;
  readonly is_online: boolean;
  /** RFC 3339, UTC. */
  readonly last_seen: string;
  readonly is_busy: boolean;
  /** RFC 3339, UTC; null during a call, or if there is no end. */
  readonly busy_until: string | null;
  readonly is_available: boolean;
  /** The id that the user has in your own system. Absent unless the user has one. */
  readonly external_id?: string;
}

/** The numbers of users and calls. `online` is available plus busy. */
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
  /** A user id; null while the call is ongoing, or if the server ended it. */
  readonly ended_by: number | null;
}

/** `operators` is for the dashboard: the operator's cookie signs in, and each message is a `message` event. */
export type Channel = "feed" | "presence" | "operators";

/**
 * - `connecting`: a token or a socket is being requested.
 * - `syncing`: connected; the local copy isn't complete yet.
 * - `live`: connected; the local copy is complete and in sync with the server.
 * - `stale`: connected, but the server hasn't answered for a while; the local copy may be out of date.
 * - `waiting`: the connection was lost; the next attempt is automatic.
 * - `offline`: not connected and not trying: before `connect()`, after `close()`, or refused by the server.
 * - `signedOut`: the server refuses the token, and no other is available. Sign in, then call `connect()`.
 */
export type State = "connecting" | "syncing" | "live" | "stale" | "waiting" | "offline" | "signedOut";

/**
 * Why a status changed. `snapshot`: found after reconnecting, or after other users were chosen. `removed`: the user was
 * deleted, or has none of the chosen tags any more.
 */
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
  | "removed"
  | "snapshot";

export interface StateChange {
  readonly before: State;
  readonly after: State;
  /** The close code and reason, if the connection was closed. */
  readonly code?: number;
  readonly reason?: string;
}

export interface StatusChange {
  readonly userId: number;
  /** Undefined if the user was not in the local copy. */
  readonly before: Status | undefined;
  /** Undefined if the user left the local copy. */
  readonly after: Status | undefined;
  readonly reason: Reason;
}

export interface CallChange {
  readonly before: Call | undefined;
  /** Undefined if the call ended while the client was disconnected. */
  readonly after: Call | undefined;
}

export interface RollcallError {
  /**
   * Server error (`AUTH_ERROR`, `INVALID_MESSAGE_ERROR`, `FORBIDDEN_ERROR`, `SERVER_ERROR`); a close code after which the
   * client doesn't reconnect until `connect()`, or with 4503 until the user returns to the page; or `TOKEN_ERROR` (getToken failed and is called again),
   * `TOKEN_EXPIRING` (and there is no getToken), `CONNECT_ERROR` (no socket can be opened with this platform, url or
   * token; the client doesn't reconnect), `UNREACHABLE` (the server has never answered; the client keeps trying).
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
  /** Every message of the server as received, after the client has processed it. */
  message: Message;
}

/** See docs/reference.md. */
export interface Message {
  readonly type: string;
  readonly [field: string]: any;
}

/** Commands for `send`. To subscribe to users, call `subscribe`, which keeps the local copy in sync. */
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

/** Clock, timers and random numbers, for tests. Milliseconds. */
export interface Timers {
  now(): number;
  set(fn: () => void, ms: number): any;
  clear(id: any): void;
  random(): number;
}

type Signal = typeof globalThis extends { AbortSignal: { prototype: infer Signal } } ? Signal : any;

/** What `getToken` receives. */
export interface TokenRequest {
  /** Aborted when the client no longer waits for the token: after `tokenTimeout`, or because of `close()`. */
  readonly signal: Signal;
  /** The token that the server refused, if there was one. Returning it again signs the client out. */
  readonly refused: string | undefined;
}

export interface RollcallOptions {
  /** The server's address, `ws://host:port` or `http://host:port`. In a browser, the default is the page's own. */
  url?: string;
  /** An access token. */
  token?: string;
  /**
   * Returns a new access token: called if there is none, if the server refuses the current one, or a minute before it
   * expires. Return nothing if the user has to sign in. Calls don't overlap.
   */
  getToken?: (request: TokenRequest) => string | null | undefined | Promise<string | null | undefined>;
  /** How long to wait for `getToken`, in milliseconds; by default 10,000. */
  tokenTimeout?: number;
  /** `feed` (the default) also has `stats`. `operators` needs no token and keeps no local copy. */
  channel?: Channel;
  /** Node before 22: the class of the `ws` package. */
  WebSocket?: new (url: string, protocols: string[]) => WebSocketLike;
  /** React Native: `AppState`, so that the client reconnects when the app becomes active. */
  appState?: AppStateLike;
  timers?: Partial<Timers>;
}

export class Rollcall implements AsyncIterable<StatusChange> {
  constructor(options?: RollcallOptions);

  /** The Status of everyone, or of the watched users (see `subscribe`), by user id. Kept while disconnected. */
  readonly users: ReadonlyMap<number, Status>;
  /** The user's own ongoing calls by call id. */
  readonly calls: ReadonlyMap<string, Call>;
  /** The numbers of users and calls, once known. */
  readonly stats: FeedStats | null;
  /** The last round trip in milliseconds, once measured. */
  readonly roundTrip: number | null;
  /** The id of the signed-in user, once known. Null with a service key, which is no user. */
  readonly userId: number | null;
  /** The time of the next attempt while `waiting`, in milliseconds since 1970; null while the page is left. */
  readonly retryAt: number | null;
  readonly state: State;

  get(userId: number): Status | undefined;

  /** Connect and stay connected. Call it again after `offline` or `signedOut`. While `waiting`, it tries at once. */
  connect(): void;
  /** While `waiting`, try at once; otherwise do nothing. */
  retryNow(): void;
  /** Disconnect. The client leaves no timer, socket or listener behind; `connect()` starts it again. */
  close(): void;

  /** Add a listener; the returned function removes it. Errors of listeners are reported and stop nothing. */
  on<Event extends keyof RollcallEvents>(event: Event, fn: (value: RollcallEvents[Event]) => void): () => void;
  off<Event extends keyof RollcallEvents>(event: Event, fn: (value: RollcallEvents[Event]) => void): void;

  /**
   * Watch only these users, or only users who have any of these tags, or everyone without either. With both, a user must
   * be among both. Users without one of the ids leave the local copy at once; those without one of the tags, and new
   * users, with the server's answer. Call it as often as you like, such as while a list scrolls: the server gets at most
   * one request a second. Throws TypeError if a value isn't a user id.
   */
  subscribe(choice?: { userIds?: Iterable<number> | null; tags?: Iterable<string> | null }): void;

  /** Tell the server that the user is there, which brings back a user who was set offline. False if not connected. */
  heartbeat(): boolean;
  /** The round trip in milliseconds. Rejects if not connected, if the connection is lost, or if refused. */
  ping(): Promise<number>;
  /**
   * Send a command as it is, within the rate that the server allows: further commands wait, up to 100. Returns false
   * while not connected: commands don't wait for a connection.
   */
  send(command: Command): boolean;
  readonly [Symbol.toStringTag]: string;

  /**
   * Changes from now until `close()`. For a slow reader, the latest change of each user is kept, for at most 10,000
   * users. There are none before `connect()` or after `close()`.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<StatusChange>;
}

export default Rollcall;
