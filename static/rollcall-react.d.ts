/** Types of rollcall-react.js, Rollcall's hooks for React 18 and later. */

import type { ReactElement, ReactNode } from "react";

import type { FeedStats, Reason, Rollcall, RollcallError, RollcallOptions, State, Status } from "./rollcall.js";

/** Gives the client to the hooks below it. The app connects and closes it. */
export function RollcallProvider(props: { client: Rollcall; children?: ReactNode }): ReactElement;

/** Everyone, and the figures once told. One new value for all that one message changed. */
export function useFeed(): { readonly users: readonly Status[]; readonly stats: FeedStats | null };

/** These users' Statuses by id, of those whom the picture has. It narrows nothing: that is `client.subscribe`. */
export function usePresence(userIds: Iterable<number>): ReadonlyMap<number, Status>;

/** One user's Status; undefined while the picture hasn't it. */
export function useStatus(userId: number): Status | undefined;

/** The state of the connection, and the last error since it was live. */
export function useConnection(): {
  readonly state: State;
  readonly isLive: boolean;
  readonly error: RollcallError | null;
};

/** Where the two hooks below connect to; ws://localhost:8000 if never called. Call it before the first rendering. */
export function configureServer(options: Omit<RollcallOptions, "token" | "channel">): void;

export interface StatusUpdate {
  readonly type: "user_status_update";
  readonly user_id: number;
  readonly status: Status;
  readonly reason: Reason;
}

/** For apps that have this hook of their own already. Each use is a connection; `useFeed` shares one. */
export function useFeedWebSocket(token: string | null | undefined): {
  isConnected: boolean;
  connectionError: string | null;
  /** The latest 500. */
  statusUpdates: StatusUpdate[];
  connect: () => Promise<void>;
  disconnect: () => void;
  sendMessage: (message: any) => void;
  ping: () => void;
};

/** For apps that have this hook of their own already. Each use is a connection; `usePresence` shares one. */
export function usePresenceWebSocket(token: string | null | undefined): {
  isConnected: boolean;
  /** The latest 500. */
  presenceUpdates: StatusUpdate[];
};
