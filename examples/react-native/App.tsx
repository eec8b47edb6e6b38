/**
 * A list of people in React Native. It recovers after the app was in the background or without a network.
 *
 * To run it with Expo:
 *
 *   npx create-expo-app@latest people --template blank-typescript && cd people
 *   npm install http://localhost:8000/static/rollcall-client.tgz
 *
 * Replace App.tsx with this file. In its imports, write rollcall, rollcall/login and rollcall/react in place of the paths.
 * Enter your server's address below. Then run `npx expo start`, and sign in with a user who registered at your server.
 *
 * A phone reaches a server on your computer by the computer's address in the network: make run HOST=0.0.0.0 prints it.
 */

import { useEffect, useState } from "react";
import { AppState, Button, FlatList, Text, TextInput, View } from "react-native";

import { Login } from "../../static/rollcall-login.js";
import { Rollcall } from "../../static/rollcall.js";
import type { State, Status } from "../../static/rollcall.js";
import { RollcallProvider, useConnection, useFeed } from "../../static/rollcall-react.js";

const SERVER = "http://192.168.1.10:8000"; // your server

/** Renews the user's token. Pass it a `storage`, such as expo-secure-store's, and the user stays signed in. */
const login = new Login({ url: SERVER });

const WORDS: Record<State, string> = {
  connecting: "Connecting …",
  syncing: "Connecting …",
  live: "",
  stale: "The server does not answer. This list may be out of date.",
  waiting: "Connection lost. Trying again …",
  offline: "Not connected. This list may be out of date.",
  signedOut: "Please sign in.",
};

export default function App() {
  const [client] = useState(() => new Rollcall({ url: SERVER, getToken: login.getToken, appState: AppState }));

  useEffect(() => {
    client.connect();
    return () => client.close();
  }, [client]);

  return (
    <RollcallProvider client={client}>
      <Screen onSignedIn={() => client.connect()} />
    </RollcallProvider>
  );
}

function Screen({ onSignedIn }: { onSignedIn: () => void }) {
  const { state } = useConnection();
  return state === "signedOut" ? <SignIn onSignedIn={onSignedIn} /> : <People />;
}

function SignIn({ onSignedIn }: { onSignedIn: () => void }) {
  const [username, setUsername] = useState("");
  const [password, setPassword] = useState("");
  const [message, setMessage] = useState("");

  async function submit() {
    try {
      if (await login.signIn(username, password)) onSignedIn();
      else setMessage("The name or the password is wrong.");
    } catch (error) {
      setMessage(String(error));
    }
  }

  return (
    <View style={{ flex: 1, padding: 48 }}>
      <TextInput placeholder="Name" value={username} onChangeText={setUsername} autoCapitalize="none" />
      <TextInput placeholder="Password" value={password} onChangeText={setPassword} secureTextEntry />
      <Button title="Sign in" onPress={submit} />
      <Text accessibilityLiveRegion="polite">{message}</Text>
    </View>
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
