/** How a typed app uses the client. Checked by tsc in types.test.js, never run. */

import RollcallByDefault, { Rollcall, type Call, type Status, type StatusChange } from "./rollcall.js";
import { Login } from "./rollcall-login.js";
import * as hooks from "./rollcall-react.js";
import { FakeRollcall, fakeStatus } from "./rollcall-testing.js";

declare class NodeSocket {
  readyState: 0 | 1 | 2 | 3;
  onmessage: ((event: { data: unknown; type: string }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  onerror: ((event: { message: string }) => void) | null;
  constructor(url: string | URL, protocols?: string | string[]);
  send(data: string | Uint8Array): void;
  close(code?: number, reason?: string): void;
}

const client: Rollcall = new RollcallByDefault({
  url: "http://localhost:8000",
  getToken: async ({ signal }) => (await fetch("/token", { signal })).text(),
  tokenTimeout: 5_000,
  channel: "presence",
  WebSocket: NodeSocket,
  timers: { random: () => 0 },
});
new Rollcall({ token: "a", WebSocket });
const login = new Login({ url: "http://localhost:8000", storage: localStorage });
new Login({ storage: { getItem: async () => null, setItem: async () => {}, removeItem: async () => {} } });
new Rollcall({ getToken: login.getToken });
export const signedIn: Promise<boolean> = login.signIn("ada", "secret");
export const current: Promise<string | null | undefined> = login.getToken();
new Rollcall();
const retryIn: number = (new Rollcall({ channel: "operators" }).retryAt ?? 0) - Date.now();
// @ts-expect-error a channel that is none
new Rollcall({ channel: "calls" });

const stop: () => void = client.on("change", ({ userId, before, after, reason }) => {
  const id: number = userId;
  const name: string | undefined = (after ?? before)?.username;
  if (reason === "call_started") console.log(id, name);
});
client.on("state", ({ after, code, reason }) => after === "signedOut" && (code ?? 0) > 4_000 && reason && stop());
new Rollcall({ getToken: () => "a" }).retryNow();
client.on("stats", ({ online }) => online + 1);
client.on("call", ({ after }) => (after satisfies Call | undefined)?.ended_by);
client.on("error", ({ code, message }) => console.log(code, message));
client.on("message", ({ type, seq }) => console.log(type satisfies string, seq));
// @ts-expect-error an event that is none
client.on("messages", () => {});
// @ts-expect-error the picture is the client's to write
client.users.set(1, client.get(1));
// @ts-expect-error a status does not change: another takes its place
client.users.get(1)!.is_busy = true;

client.subscribe({ userIds: new Set([1, 2]) });
client.subscribe({ userIds: [1] });
client.subscribe({ tags: ["sales"] });
client.subscribe({ userIds: [1], tags: new Set(["sales"]) });
client.subscribe();
// @ts-expect-error ids are numbers
client.subscribe({ userIds: ["1"] });
const sent: boolean = client.heartbeat() && client.send({ type: "subscribe", subscription: "stats" });
// @ts-expect-error a command that is none
client.send({ type: "shout" });

export async function read(): Promise<StatusChange | number> {
  for await (const change of client) return change;
  return sent ? client.ping() : 0;
}

export function Screen(token: string) {
  const { users, stats } = hooks.useFeed();
  const presence: ReadonlyMap<number, Status> = hooks.usePresence([1, 2]);
  const mine: boolean | undefined = hooks.useStatus(1)?.is_available;
  const { state, isLive, error } = hooks.useConnection();
  hooks.configureServer({ url: "wss://rollcall.test" });
  const { statusUpdates, sendMessage, connect, disconnect, ping, connectionError } = hooks.useFeedWebSocket(token);
  const { isConnected, presenceUpdates } = hooks.usePresenceWebSocket(token);
  sendMessage({ type: "ping" });
  void connect().then(disconnect).then(ping);
  const last: Status | undefined = [...statusUpdates, ...presenceUpdates].at(-1)?.status;
  const count: number = users.length + (stats?.online ?? 0) + presence.size;
  const shown = [mine, state === "live" && isLive, error?.message, connectionError?.length, isConnected, last, count, retryIn];
  return hooks.RollcallProvider({ client, children: shown.map(String) });
}

export function inATest(): Rollcall {
  const fake = new FakeRollcall({ users: [fakeStatus(2, { is_busy: true })], state: "connecting" });
  fake.setUser(fakeStatus(3), "call_started");
  fake.setState("offline", { code: 4504, reason: "invalid" });
  // @ts-expect-error availability follows from the other fields
  fakeStatus(2, { is_available: true });
  console.log(fake.sent.at(-1)?.type, fake.called.length);
  return fake;
}
