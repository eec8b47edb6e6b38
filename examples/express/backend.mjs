/**
 * An app in Express with users of its own, which shows who of the team is available and lets them call.
 *
 *   npm install
 *   PORT=9000 node backend.mjs
 *
 * docs/your-own-users.md has the settings for both sides. The users and their statuses are in memory here; in your app
 * they are in your database.
 */

import { randomBytes, timingSafeEqual } from "node:crypto";

import express from "express";
import { Webhook, WebhookVerificationError } from "standardwebhooks";

import { Refused, Rollcall, Tokens } from "./rollcall.mjs";

const { PORT = "9000", STAFF_PASSWORD, KEY_FILE, SERVICE_KEY, WEBHOOK_SECRET } = process.env;
const { OWN_URL = `http://localhost:${PORT}`, PRESENCE_URL = "http://localhost:8000" } = process.env;

const tokens = new Tokens(KEY_FILE, { keyId: "2026-11", issuer: OWN_URL, audience: "rollcall" });
const rollcall = new Rollcall(PRESENCE_URL, SERVICE_KEY);
const webhook = new Webhook(WEBHOOK_SECRET);

/** User id to user. Keep a hash of the password in your app. */
const people = new Map();
/** Session to user id. */
const sessions = new Map();
/** User id to the latest status, from webhooks. */
const statuses = new Map();
const seenWebhooks = new Set();

const newId = () => randomBytes(8).toString("hex");
const bearer = (request) => (request.headers.authorization ?? "").replace(/^Bearer /, "");

/** Compare two secrets in constant time. */
function equal(one, other) {
  const [a, b] = [one, other].map((each) => Buffer.from(String(each)));
  return a.length === b.length && timingSafeEqual(a, b);
}

function signedIn(request, response, next) {
  request.me = people.get(sessions.get(bearer(request)));
  if (!request.me || request.me.suspended) return response.sendStatus(401);
  next();
}

function staff(request, response, next) {
  if (!equal(bearer(request), STAFF_PASSWORD)) return response.sendStatus(403);
  next();
}

const app = express();

// Webhooks: Rollcall tells this app what has changed. The signature is over the body as it arrived, so this comes first.

app.post("/rollcall-webhooks", express.raw({ type: "application/json", limit: "4mb" }), (request, response) => {
  try {
    webhook.verify(request.body, request.headers);
  } catch (error) {
    if (!(error instanceof WebhookVerificationError)) throw error;
    return response.sendStatus(401);
  }
  const id = request.headers["webhook-id"];
  if (!seenWebhooks.has(id)) {
    // A webhook may come twice.
    for (const { type, data } of JSON.parse(request.body).events) note(type, data);
    seenWebhooks.add(id);
  }
  response.sendStatus(204);
});

function note(type, data) {
  if (type === "status.changed" || type === "user.created") {
    if (data.status.external_id) statuses.set(data.status.external_id, data.status);
  } else if (type === "user.deleted") {
    statuses.delete(data.external_id);
  }
}

app.use(express.json({ limit: "1mb" }));

// Users: this app has the accounts, and tells Rollcall of them.

app.post("/signup", async ({ body: { name, password } }, response) => {
  const person = { id: newId(), name, password, suspended: false };
  await rollcall.putUser(person.id, { username: name });
  people.set(person.id, person);
  response.status(201).json({ id: person.id });
});

app.post("/login", ({ body: { name, password } }, response) => {
  const person = [...people.values()].find((each) => each.name === name && equal(each.password, password));
  if (!person) return response.sendStatus(401);
  const session = randomBytes(32).toString("base64url");
  sessions.set(session, person.id);
  response.json({ session });
});

app.put("/me/name", signedIn, async ({ me, body: { name } }, response) => {
  await rollcall.putUser(me.id, { username: name });
  me.name = name;
  response.json({ name });
});

app.delete("/me", signedIn, async ({ me }, response) => {
  await rollcall.deleteUser(me.id);
  people.delete(me.id);
  response.sendStatus(204);
});

app.post("/staff/import", staff, async ({ body }, response) => {
  const added = body.people.map(({ name, password }) => ({ id: newId(), name, password, suspended: false }));
  const answer = await rollcall.putUsers(added.map(({ id, name }) => ({ external_id: id, username: name })));
  const accepted = new Set(answer.results.filter((each) => each.outcome !== "refused").map((each) => each.external_id));
  for (const person of added) if (accepted.has(person.id)) people.set(person.id, person);
  response.json(answer);
});

app.post("/staff/people/:id/:action", staff, async ({ params: { id, action } }, response) => {
  const person = people.get(id);
  if (!person || !["disable", "enable", "disconnect", "revoke_tokens", "token"].includes(action)) {
    return response.sendStatus(404);
  }
  if (action === "disable" || action === "enable") person.suspended = action === "disable";
  response.json(await rollcall.act(id, action));
});

// Tokens: the app in the browser gets one here, and connects to Rollcall with it.

app.get("/me/rollcall-token", signedIn, async ({ me }, response) => {
  response.json({ token: await tokens.sign(me.id, me.name) });
});

app.get("/.well-known/jwks.json", (request, response) => response.json(tokens.jwks()));

// Presence and calls

app.get("/team", signedIn, (request, response) => {
  const shown = ({ id, name }) => ({ id, name, is_available: statuses.get(id)?.is_available ?? false });
  response.json([...people.values()].map(shown));
});

app.get("/me/status", signedIn, async ({ me }, response) => response.json(await rollcall.status(me.id)));

/** Such as when a meeting begins in your calendar. */
app.put("/me/status", signedIn, async ({ me, body }, response) => {
  response.json(await rollcall.setStatus(me.id, { is_busy: body.is_busy }));
});

app.post("/calls", signedIn, async ({ me, body: { callee } }, response) => {
  response.status(201).json(await rollcall.startCall(me.id, callee, "video"));
});

/** End my call, if I am in one. */
app.post("/me/calls/end", signedIn, async ({ me }, response) => {
  const ongoing = await rollcall.calls(me.id, "ongoing");
  response.json(await Promise.all(ongoing.items.map(({ call_id }) => rollcall.endCall(call_id))));
});

app.get("/me/calls/:which", signedIn, async ({ me, params: { which } }, response) => {
  if (!["ongoing", "history"].includes(which)) return response.sendStatus(404);
  response.json(await rollcall.calls(me.id, which));
});

/** Pass on what Rollcall refused, such as a call to somebody who is busy. */
app.use((error, request, response, next) => {
  if (error instanceof Refused && [404, 409].includes(error.status)) return response.status(error.status).json(error.body);
  if (error instanceof Refused || error instanceof TypeError || error.name === "TimeoutError") {
    console.warn(`Rollcall: ${error.message}`);
    return response.status(502).json({ error: "Rollcall cannot do this now." });
  }
  next(error);
});

app.listen(Number(PORT), "127.0.0.1", () => console.log(`listening on ${OWN_URL}`));
