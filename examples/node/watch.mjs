/**
 * Prints a line for each change until you press Ctrl-C. `make run` prints a token. Run this program from its folder:
 *
 *   npm install
 *   TOKEN=… node watch.mjs                            # or ROLLCALL_URL=http://localhost:9000 TOKEN=… node watch.mjs
 */

import WebSocket from "ws"; // not needed from Node 22 on

import { Rollcall } from "../../static/rollcall.js";

const url = process.env.ROLLCALL_URL ?? "http://localhost:8000";
const rollcall = new Rollcall({ url, token: process.env.TOKEN, WebSocket });

const wordFor = ({ is_available, is_online }) => (is_available ? "available" : is_online ? "busy" : "offline");

rollcall.on("state", ({ after }) => {
  console.log(`-- ${after}`);
  if (after === "signedOut") process.exitCode = 1;
});
rollcall.on("error", ({ code, message }) => console.error(`-- ${code}: ${message}`));
rollcall.on("call", ({ before, after }) => console.log(`-- call ${(after ?? before).call_id}: ${after?.status ?? "over"}`));

process.once("SIGINT", () => rollcall.close()); // a clean close: offline after 1 s instead of 15 s
rollcall.connect();

for await (const { userId, after, reason } of rollcall) {
  console.log(after ? `${after.username} ${wordFor(after)} (${reason})` : `user ${userId} is gone`);
}
