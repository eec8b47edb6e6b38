/**
 * Clients of static/rollcall.js in Node. The first line of stdin is what `drive` takes, as JSON; each further line
 * {id, expression} is answered with a line {event: "answer", id, value}: what the expression on `driven` comes to.
 */

import { createInterface } from "node:readline";
import WebSocket from "ws";
import { Rollcall } from "../../static/rollcall.js";
import { drive } from "./drive_rollcall.mjs";

let driven = null;
createInterface({ input: process.stdin }).on("line", async (line) => {
  const said = JSON.parse(line);
  if (driven === null) {
    driven = drive({ Rollcall, WebSocket, ...said });
    return;
  }
  const value = await new Function("driven", `return ${said.expression}`)(driven);
  process.stdout.write(`${JSON.stringify({ event: "answer", id: said.id, value: value ?? null })}\n`);
});
