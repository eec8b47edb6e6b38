/**
 * Prints a line for each change until you press Ctrl-C. Run this program from its folder:
 *
 *   npm install
 *   TOKEN=… node watch.mjs                            # `make run` prints a token
 *   USERNAME=ada PASSWORD=… node watch.mjs            # for another server: ROLLCALL_URL=http://localhost:9000
 */

import WebSocket from "ws"; // not needed from Node 22 on

import { Login } from "../../static/rollcall-login.js";
import { Rollcall } from "../../static/rollcall.js";

const { ROLLCALL_URL: url = "http://localhost:8000", TOKEN: token, USERNAME, PASSWORD } = process.env;
const login = new Login({ url }); // keeps the tokens in memory, and renews them
if (PASSWORD && !(await login.signIn(USERNAME, PASSWORD))) {
  console.error("-- the name or the password is wrong");
  process.exit(1);
}

const rollcall = new Rollcall({ url, WebSocket, ...(PASSWORD ? { getToken: login.getToken } : { token }) });

const wordFor = ({ is_available, is_online }) => (is_available ? "available" : is_online ? "busy" : "offline");

rollcall.on("state", ({ after, reason }) => {
  console.log(`-- ${after}${reason ? `: ${reason}` : ""}`);
  if (after === "signedOut") process.exitCode = 1;
});
rollcall.on("error", ({ code, message }) => console.error(`-- ${code}: ${message}`));
rollcall.on("call", ({ before, after }) => console.log(`-- call ${(after ?? before).call_id}: ${after?.status ?? "over"}`));

process.once("SIGINT", () => rollcall.close()); // a clean close: offline after 1 s instead of 15 s
rollcall.connect();

for await (const { userId, after, reason } of rollcall) {
  console.log(after ? `${after.username} ${wordFor(after)} (${reason})` : `user ${userId} is gone`);
}
