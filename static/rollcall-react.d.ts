/** Types of rollcall-react.js, Rollcall's hooks for React 18 and later. On a server, they return no users. */

import type { ReactElement, ReactNode } from "react";

import type { FeedStats, Reason, Rollcall, RollcallError, RollcallOptions, State, Status } from "./rollcall.js";

/** Provides the client to the hooks below it. The app connects and closes it. */
export function RollcallProvider(props: { client: Rollcall; children?: ReactNode }): ReactElement;

/** Everyone's status, and the numbers of users and calls once known. One message makes at most one new value. */
export function useFeed(): { readonly users: readonly Status[]; readonly stats: FeedStats | null };

/** The Statuses of these users by id, as far as they are in the local copy. To get fewer, use `client.subscribe`. */
export function usePresence(userIds: Iterable<number>): ReadonlyMap<number, Status>;

/** One user's Status; undefined while it isn't in the local copy. */
export function useStatus(userId: number): Status | undefined;

/** The state of the connection, and a recent error: for 10 s, or until the client is live if it isn't connected. */
export function useConnection(): {
  readonly state: State;
  readonly isLive: boolean;
  readonly error: RollcallError | null;
};

/** Set the address for the two hooks below; by default ws://localhost:8000. Call it before the first rendering. */
export function configureServer(options: Omit<RollcallOptions, "token" | "channel">): void;

export interface StatusUpdate {
  readonly type: "user_status_update";
  readonly user_id: number;
  readonly status: Status;
  readonly reason: Reason;
}

/** For apps that already have a hook of this name. Each use opens a connection; `useFeed` shares one. */
export function useFeedWebSocket(token: string | null | undefined): {
  isConnected: boolean;
  connectionError: string | null;
  /** The latest 500 updates. */
  statusUpdates: StatusUpdate[];
  connect: () => Promise<void>;
  disconnect: () => void;
  sendMessage: (message: any) => void;
  ping: () => void;
};

/** For apps that already have a hook of this name. Each use opens a connection; `usePresence` shares one. */
export function usePresenceWebSocket(token: string | null | undefined): {
  isConnected: boolean;
  /** The latest 500 updates. */
  presenceUpdates: StatusUpdate[];
};
