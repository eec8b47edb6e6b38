/**
 * What a backend in Node needs to work with Rollcall. Copy this file into your app.
 *
 * `Tokens` signs tokens for your users with a key of your own, and publishes its public half. `Rollcall` calls the server
 * API with a service key. In both, a user is named by the id that your app has for them.
 */

import { createPrivateKey, createPublicKey, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";

import { SignJWT } from "jose";

const tokenSeconds = 600;
const answerMilliseconds = 10_000;
const batchMilliseconds = 60_000;

/** Signs with a private key for EdDSA. `openssl genpkey -algorithm ed25519 -out key.pem` makes one. */
export class Tokens {
  #key;
  #keyId;
  #issuer;
  #audience;

  constructor(keyFile, { keyId, issuer, audience }) {
    this.#key = createPrivateKey(readFileSync(keyFile));
    this.#keyId = keyId;
    this.#issuer = issuer;
    this.#audience = audience;
  }

  /** A token with which this user's app connects to Rollcall. */
  sign(userId, name, picture) {
    return new SignJWT({ name, picture })
      .setProtectedHeader({ alg: "EdDSA", kid: this.#keyId })
      .setIssuer(this.#issuer)
      .setAudience(this.#audience)
      .setSubject(userId)
      .setJti(randomUUID()) // no two tokens are the same, even within a second
      .setIssuedAt()
      .setExpirationTime(`${tokenSeconds}s`)
      .sign(this.#key);
  }

  /** The public key, which Rollcall reads. */
  jwks() {
    const key = createPublicKey(this.#key).export({ format: "jwk" });
    return { keys: [{ ...key, kid: this.#keyId, alg: "EdDSA", use: "sig" }] };
  }
}

/** Rollcall refused a request. `status` and `body` are its answer. */
export class Refused extends Error {
  constructor(status, body) {
    super(body.error?.message ?? `Rollcall answered with ${status}`);
    this.status = status;
    this.body = body;
  }
}

/** The server API. Every method rejects with `Refused` if Rollcall refuses, or with the error of `fetch`. */
export class Rollcall {
  #url;
  #headers;

  constructor(url, serviceKey) {
    this.#url = url;
    this.#headers = { Authorization: `Bearer ${serviceKey}` };
  }

  /** Create the user, or change them. Fields: username, profile_image_url, tags. */
  putUser = (userId, fields) => this.#ask("PUT", user(userId), fields);

  /** Create or change up to 1,000 users at a time. Each has an external_id. */
  putUsers = (users) => this.#ask("POST", "/server/users/batch", { users }, batchMilliseconds);

  /** Delete the user. Their clients are disconnected, and everyone who watches is told. */
  deleteUser = (userId) => this.#ask("DELETE", user(userId));

  /** Disable, enable or disconnect the user, or revoke_tokens, or mint a token. */
  act = (userId, action) => this.#ask("POST", `${user(userId)}/${action}`, {});

  /** The user's status. */
  status = (userId) => this.#ask("GET", `${user(userId)}/status`);

  /** Set is_busy, busy_until or is_online for the user. */
  setStatus = (userId, fields) => this.#ask("PUT", `${user(userId)}/status`, fields);

  /** Start a call between two users. Both become busy. */
  startCall = (caller, callee, callType) =>
    this.#ask("POST", "/server/calls/start", {
      caller_id: `external:${caller}`,
      callee_id: `external:${callee}`,
      call_type: callType,
    });

  /** End a call. */
  endCall = (callId) => this.#ask("POST", "/server/calls/end", { call_id: callId });

  /** The user's calls: `ongoing` or `history`. */
  calls = (userId, which) => this.#ask("GET", `${user(userId)}/calls/${which}`);

  async #ask(method, path, body, milliseconds = answerMilliseconds) {
    const response = await fetch(this.#url + path, {
      method,
      headers: { ...this.#headers, ...(body && { "Content-Type": "application/json" }) },
      body: body && JSON.stringify(body),
      signal: AbortSignal.timeout(milliseconds),
    });
    const text = await response.text();
    const answer = text ? JSON.parse(text) : {};
    if (!response.ok) throw new Refused(response.status, answer);
    return answer;
  }
}

const user = (userId) => `/server/users/external:${encodeURIComponent(userId)}`;
