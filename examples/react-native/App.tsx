/**
 * Who is there, in React Native: a list that stays right in tunnels and in the background. To run it with Expo:
 *
 *   npx create-expo-app@latest people --template blank-typescript && cd people
 *   mkdir rollcall && cp …/static/rollcall*.js …/static/rollcall*.d.ts rollcall/
 *
 * Put this file in place of App.tsx, let the two imports from static/ name ./rollcall/…, write the server's address and a
 * token (`make run` prints one) where it says so, and `npx expo start`. A phone reaches a server on your computer by its
 * address in the network: ROLLCALL_HOST=0.0.0.0 make run, and http://192.168.…:8000.
 */

import { useEffect, useState } from "react";
import { AppState, FlatList, Text, View } from "react-native";

import { Rollcall } from "../../static/rollcall.js";
import type { State, Status } from "../../static/rollcall.js";
import { RollcallProvider, useConnection, useFeed } from "../../static/rollcall-react.js";

const SERVER = "http://192.168.1.10:8000"; // yours

/** An app answers its user's access token, and asks POST /auth/refresh for a new one when that is about to end. */
async function getToken(): Promise<string> {
  return "…";
}

const WORDS: Record<State, string> = {
  connecting: "Connecting …",
  live: "",
  stale: "The server does not answer. What you see may be old.",
  waiting: "The connection was lost. Trying again …",
  offline: "Not connected. What you see may be old.",
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
