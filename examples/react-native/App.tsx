/**
 * A list of people in React Native. It recovers after the app was in the background or without a network.
 *
 * To run it with Expo:
 *
 *   npx create-expo-app@latest people --template blank-typescript && cd people
 *   mkdir rollcall && cp …/static/rollcall*.js …/static/rollcall*.d.ts rollcall/
 *
 * Replace App.tsx with this file. In its imports, replace ../../static/ by ./rollcall/. Enter your server's address and a
 * token (`make run` prints one) below. Then run `npx expo start`.
 *
 * A phone reaches a server on your computer by the computer's address in the network. Start the server with
 * ROLLCALL_HOST=0.0.0.0 make run, and use http://192.168.…:8000.
 */

import { useEffect, useState } from "react";
import { AppState, FlatList, Text, View } from "react-native";

import { Rollcall } from "../../static/rollcall.js";
import type { State, Status } from "../../static/rollcall.js";
import { RollcallProvider, useConnection, useFeed } from "../../static/rollcall-react.js";

const SERVER = "http://192.168.1.10:8000"; // your server

/** A real app returns its user's access token here. It gets a new one with POST /auth/refresh. */
async function getToken(): Promise<string> {
  return "…";
}

const WORDS: Record<State, string> = {
  connecting: "Connecting …",
  live: "",
  stale: "The server does not answer. This list may be out of date.",
  waiting: "Connection lost. Trying again …",
  offline: "Not connected. This list may be out of date.",
  signedOut: "Please sign in.",
};

export default function App() {
  const [client] = useState(() => new Rollcall({ url: SERVER, getToken, appState: AppState }));

  useEffect(() => {
    client.connect();
    return () => client.close();
  }, [client]);

  return (
    <RollcallProvider client={client}>
      <People />
    </RollcallProvider>
  );
}

function People() {
  const { users, stats } = useFeed();
  const { state } = useConnection();
  return (
    <View style={{ flex: 1, padding: 48 }}>
      <Text>{stats ? `${stats.available} available, ${stats.busy} busy` : "…"}</Text>
      <Text accessibilityLiveRegion="polite">{WORDS[state]}</Text>
      <FlatList
        data={users}
        keyExtractor={(user) => String(user.user_id)}
        renderItem={({ item }) => <Row user={item} />}
        style={{ opacity: state === "live" ? 1 : 0.5 }}
      />
    </View>
  );
}

function Row({ user }: { user: Status }) {
  const mark = user.is_available ? "● available" : user.is_online ? "◐ busy" : "○ offline";
  return <Text>{`${mark} ${user.username}`}</Text>;
}
