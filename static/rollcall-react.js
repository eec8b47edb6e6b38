"use client";

/**
 * Rollcall's hooks for React 18 and later, and React Native. A component renders again when its values change.
 * Types: rollcall-react.d.ts. The app provides React and connects the client; the hooks only listen to it.
 */

import { createContext, createElement, useCallback, useContext, useEffect } from "react";
import { useMemo, useRef, useState, useSyncExternalStore } from "react";

import { Rollcall } from "./rollcall.js";

const UPDATES_KEPT = 500; // length of the arrays of useFeedWebSocket and usePresenceWebSocket
const ERROR_MS = 10_000; // an error that the connection survives is shown for this long

// What a server renders: it has no connection, and the first rendering in the browser must be the same.
const NO_FEED = Object.freeze({ users: Object.freeze([]), stats: null });
const NO_CONNECTION = Object.freeze({ state: "offline", isLive: false, error: null });
const NO_PRESENCE = new Map();
const noFeed = () => NO_FEED;
const noConnection = () => NO_CONNECTION;
const noPresence = () => NO_PRESENCE;
const noStatus = () => undefined;

const isConnectedIn = (state) => state === "syncing" || state === "live" || state === "stale";

const Watched = createContext(null);
const watches = new WeakMap();

/** Provides the client to the hooks below it. */
export function RollcallProvider({ client, children }) {
  return createElement(Watched.Provider, { value: client }, children);
}

/** Listens to one client on behalf of all hooks. Values stay the same objects until they change. */
class Watch {
  #client;
  #stops = [];
  #everything = new Set();
  #connections = new Set();
  #byUser = new Map();
  #feed = null;
  #connection = null;
  #error = null;
  #errorTimer;
  #isDue = false;

  constructor(client) {
    this.#client = client;
  }

  feed = () => (this.#feed ??= { users: [...this.#client.users.values()], stats: this.#client.stats });

  connection = () => {
    const { state } = this.#client;
    if (this.#connection?.state !== state || this.#connection.error !== this.#error) {
      this.#connection = { state, isLive: state === "live", error: this.#error };
    }
    return this.#connection;
  };

  onFeed = (look) => this.#add(this.#everything, look);

  onConnection = (look) => this.#add(this.#connections, look);

  onUser(userId, look) {
    const looks = this.#byUser.get(userId) ?? new Set();
    this.#byUser.set(userId, looks);
    const remove = this.#add(looks, look);
    return () => {
      remove();
      if (!looks.size && this.#byUser.get(userId) === looks) this.#byUser.delete(userId);
    };
  }

  #add(looks, look) {
    if (!this.#stops.length) this.#start();
    looks.add(look);
    return () => {
      looks.delete(look);
      const isIdle = ![this.#everything, this.#connections, ...this.#byUser.values()].some(({ size }) => size);
      if (!isIdle) return;
      for (const stop of this.#stops.splice(0)) stop();
      clearTimeout(this.#errorTimer);
    };
  }

  #start() {
    const client = this.#client;
    this.#feed = this.#error = null; // what there was may be outdated
    this.#stops = [
      client.on("change", ({ userId }) => {
        for (const look of [...(this.#byUser.get(userId) ?? [])]) look();
        this.#tellFeed();
      }),
      client.on("stats", () => this.#tellFeed()),
      client.on("state", ({ after }) => {
        if (after === "live") this.#error = null;
        this.#tellConnection();
      }),
      client.on("error", (error) => this.#show(error)),
    ];
  }

  /** An error that explains why there is no connection stays until there is one. */
  #show(error) {
    this.#error = error;
    this.#tellConnection();
    clearTimeout(this.#errorTimer);
    this.#errorTimer = setTimeout(() => {
      if (!isConnectedIn(this.#client.state)) return;
      this.#error = null;
      this.#tellConnection();
    }, ERROR_MS);
  }

  #tellConnection() {
    for (const look of [...this.#connections]) look();
  }

  /** Notify once for all changes of one message, so that a snapshot of thousands is one rendering. */
  #tellFeed() {
    if (this.#isDue) return;
    this.#isDue = true;
    queueMicrotask(() => {
      this.#isDue = false;
      this.#feed = null;
      for (const look of [...this.#everything]) look();
    });
  }
}

function useWatch() {
  const client = useContext(Watched);
  if (!client) throw new Error("Rollcall's hooks need a <RollcallProvider client={…}> above them");
  if (!watches.has(client)) watches.set(client, new Watch(client));
  return [watches.get(client), client];
}

/** Everyone's status, and the numbers of users and calls. */
export function useFeed() {
  const [watch] = useWatch();
  return useSyncExternalStore(watch.onFeed, watch.feed, noFeed);
}

/** The state of the connection, and a recent error. */
export function useConnection() {
  const [watch] = useWatch();
  return useSyncExternalStore(watch.onConnection, watch.connection, noConnection);
}

/** One user's Status; undefined while it isn't in the local copy. */
export function useStatus(userId) {
  const [watch, client] = useWatch();
  const subscribe = useCallback((look) => watch.onUser(userId, look), [watch, userId]);
  return useSyncExternalStore(subscribe, () => client.get(userId), noStatus);
}

/** The Statuses of these users by id, as far as they are in the local copy. */
export function usePresence(userIds) {
  const [watch, client] = useWatch();
  const key = [...new Set(userIds)].join();
  const [subscribe, read] = useMemo(() => {
    const ids = key ? key.split(",").map(Number) : [];
    const stopAll = (stops) => () => stops.forEach((stop) => stop());
    let kept = new Map();
    const readAgain = () => {
      const known = ids.filter((id) => client.get(id));
      const isSame = known.length === kept.size && known.every((id) => kept.get(id) === client.get(id));
      return isSame ? kept : (kept = new Map(known.map((id) => [id, client.get(id)])));
    };
    return [(look) => stopAll(ids.map((id) => watch.onUser(id, look))), readAgain];
  }, [watch, client, key]);
  return useSyncExternalStore(subscribe, read, noPresence);
}

let server = { url: "ws://localhost:8000" };

/** Set the address for useFeedWebSocket and usePresenceWebSocket. Call it once, before the first rendering. */
export function configureServer(options) {
  server = { ...server, ...options };
}

/** One client for a component while it is mounted, with the updates as the server sent them. */
function useSocket(channel, token) {
  const [isConnected, setIsConnected] = useState(false);
  const [connectionError, setConnectionError] = useState(null);
  const [updates, setUpdates] = useState([]);
  const clientRef = useRef(null);

  useEffect(() => {
    if (!token) return undefined;
    const client = new Rollcall({ ...server, channel, token });
    clientRef.current = client;
    const stops = [
      client.on("state", ({ after }) => {
        setIsConnected(isConnectedIn(after));
        if (after === "live") setConnectionError(null);
        if (after === "waiting") setConnectionError("WebSocket connection error");
      }),
      client.on("error", ({ message }) => setConnectionError(message)),
      client.on("change", ({ userId, before, after, reason }) => {
        // The first snapshot isn't an update, except for the user's own status. An app that needs it uses useFeed.
        if (!after || (reason === "snapshot" && !before && userId !== client.userId)) return;
        const update = { type: "user_status_update", user_id: userId, status: after, reason };
        setUpdates((updates) => [...updates.slice(1 - UPDATES_KEPT), update]);
      }),
    ];
    client.connect();
    return () => {
      client.close();
      for (const stop of stops) stop();
      clientRef.current = null;
      setIsConnected(false);
    };
  }, [channel, token]);

  return { isConnected, connectionError, updates, clientRef };
}

export function useFeedWebSocket(token) {
  const { isConnected, connectionError, updates, clientRef } = useSocket("feed", token);
  const connect = useCallback(async () => clientRef.current?.connect(), [clientRef]);
  const disconnect = useCallback(() => clientRef.current?.close(), [clientRef]);
  const sendMessage = useCallback((message) => void clientRef.current?.send(message), [clientRef]);
  const ping = useCallback(() => sendMessage({ type: "ping", timestamp: new Date().toISOString() }), [sendMessage]);
  return { isConnected, connectionError, statusUpdates: updates, connect, disconnect, sendMessage, ping };
}

export function usePresenceWebSocket(token) {
  const { isConnected, updates } = useSocket("presence", token);
  return { isConnected, presenceUpdates: updates };
}
