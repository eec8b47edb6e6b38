"""Rollcall: what a backend in Python needs to work with it. Copy this file into your app.

`Tokens` signs tokens for your users with a key of your own, and publishes its public half. `Rollcall` calls the server
API with a service key. In both, a user is named by the id that your app has for them.
"""

from __future__ import annotations

import secrets
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from jwt.algorithms import ECAlgorithm

TOKEN_SECONDS = 600
ANSWER_SECONDS = 10.0
BATCH_SECONDS = 60.0

Json = dict[str, Any]


class Tokens:
    """Signs with a private key for ES256.

    `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key.pem` makes one.
    """

    def __init__(self, key_file: str, *, key_id: str, issuer: str, audience: str) -> None:
        key = load_pem_private_key(Path(key_file).read_bytes(), password=None)
        if not isinstance(key, EllipticCurvePrivateKey):
            raise ValueError(f"{key_file} has no key for ES256")
        self._key = key
        self._key_id = key_id
        self._stated = {"iss": issuer, "aud": audience}

    def sign(self, user_id: str, name: str, picture: str | None = None) -> str:
        """A token with which this user's app connects to Rollcall."""
        now = int(time.time())
        claims = {**self._stated, "sub": user_id, "iat": now, "exp": now + TOKEN_SECONDS, "name": name}
        claims["jti"] = secrets.token_hex(16)  # no two tokens are the same, even within a second
        if picture:
            claims["picture"] = picture
        return jwt.encode(claims, self._key, algorithm="ES256", headers={"kid": self._key_id})

    def jwks(self) -> Json:
        """The public key, which Rollcall reads."""
        public = ECAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        return {"keys": [{**public, "kid": self._key_id, "alg": "ES256", "use": "sig"}]}


class Rollcall:
    """The server API. Every method raises httpx.HTTPError if Rollcall refuses, or does not answer."""

    def __init__(self, url: str, service_key: str) -> None:
        self._http = httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {service_key}"})

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def put_user(self, user_id: str, **fields: Any) -> Json:
        """Create the user, or change them. Fields: username, profile_image_url, tags."""
        return await self._ask("PUT", _user(user_id), fields)

    async def put_users(self, users: list[Json]) -> Json:
        """Create or change up to 1,000 users at a time. Each has an external_id."""
        return await self._ask("POST", "/server/users/batch", {"users": users}, seconds=BATCH_SECONDS)

    async def delete_user(self, user_id: str) -> None:
        """Delete the user. Their clients are disconnected, and everyone who watches is told."""
        await self._ask("DELETE", _user(user_id))

    async def act(self, user_id: str, action: str) -> Json:
        """Disable, enable or disconnect the user, or revoke_tokens, or mint a token."""
        return await self._ask("POST", f"{_user(user_id)}/{action}", {})

    async def status(self, user_id: str) -> Json:
        """The user's status."""
        return await self._ask("GET", f"{_user(user_id)}/status")

    async def set_status(self, user_id: str, **fields: Any) -> Json:
        """Set is_busy, busy_until or is_online for the user."""
        return await self._ask("PUT", f"{_user(user_id)}/status", fields)

    async def start_call(self, caller: str, callee: str, call_type: str) -> Json:
        """Start a call between two users. Both become busy."""
        body = {"caller_id": f"external:{caller}", "callee_id": f"external:{callee}", "call_type": call_type}
        return await self._ask("POST", "/server/calls/start", body)

    async def end_call(self, call_id: str) -> Json:
        """End a call."""
        return await self._ask("POST", "/server/calls/end", {"call_id": call_id})

    async def calls(self, user_id: str, which: str) -> Json:
        """The user's calls: `ongoing` or `history`."""
        return await self._ask("GET", f"{_user(user_id)}/calls/{which}")

    async def _ask(self, method: str, path: str, body: Json | None = None, seconds: float = ANSWER_SECONDS) -> Json:
        response = await self._http.request(method, path, json=body, timeout=seconds)
        response.raise_for_status()
        answer: Json = response.json() if response.content else {}
        return answer


def _user(user_id: str) -> str:
    return f"/server/users/external:{quote(user_id, safe='')}"
