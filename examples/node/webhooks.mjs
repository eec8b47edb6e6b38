/**
 * Receives Rollcall's webhooks: verifies each one, skips duplicates, and prints a line for each event.
 *
 *   WEBHOOK_SECRET=whsec_… node webhooks.mjs          # listens on http://127.0.0.1:9000
 *
 * It needs nothing but Node. The ids of webhooks that were processed are in a file, so that a duplicate is recognised
 * after a restart too.
 */

import { createHmac, timingSafeEqual } from "node:crypto";
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";

const { WEBHOOK_SECRET, PORT = "9000", PROCESSED = "webhooks.log" } = process.env;
const key = Buffer.from(WEBHOOK_SECRET.replace(/^whsec_/, ""), "base64");
const toleranceSeconds = 300;
const largestBody = 4 * 1024 * 1024;

const processed = new Set(existsSync(PROCESSED) ? readFileSync(PROCESSED, "utf8").split("\n") : []);

/** Whether Rollcall has sent this body, and not long ago. */
function isGenuine(headers, body) {
  const { "webhook-id": id = "", "webhook-timestamp": timestamp = "", "webhook-signature": given = "" } = headers;
  if (!/^\d+$/.test(timestamp) || Math.abs(Date.now() / 1000 - Number(timestamp)) > toleranceSeconds) return false;
  const expected = createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body).digest();
  // There may be several signatures, while the secret is being replaced.
  return given.split(" ").some((each) => {
    const signature = Buffer.from(each.replace(/^v1,/, ""), "base64");
    return each.startsWith("v1,") && signature.length === expected.length && timingSafeEqual(signature, expected);
  });
}

/** Do here what your app needs. Anything slow belongs into a queue of your own. */
function handle({ type, data }) {
  if (type === "status.changed" || type === "user.created") {
    const { username, is_available, is_online } = data.status;
    console.log(`${username} ${is_available ? "available" : is_online ? "busy" : "offline"}`);
  } else if (type === "call.started" || type === "call.ended") {
    console.log(`${type} ${data.caller.username} ${data.callee.username}`);
  } else if (type === "user.deleted") {
    console.log(`user ${data.user_id} deleted`);
  } else {
    console.log(type);
  }
}

async function bodyOf(request) {
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > largestBody) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

const server = createServer(async (request, response) => {
  const body = await bodyOf(request).catch(() => null);
  if (body === null) return response.writeHead(413).end();
  if (!isGenuine(request.headers, body)) return response.writeHead(401).end();
  const id = request.headers["webhook-id"];
  if (!processed.has(id)) {
    // With a database of your own, save the id and what the events change in one transaction.
    JSON.parse(body).events.forEach(handle);
    processed.add(id);
    appendFileSync(PROCESSED, `${id}\n`);
  }
  response.writeHead(204).end();
});

server.listen(Number(PORT), "127.0.0.1", () => {
  console.log(`-- listening on http://127.0.0.1:${server.address().port}`);
});
