"""A table of bad tokens: each is AUTH_ERROR and 4500 on a socket, and 401 over REST."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.clients import RawSocket
from tests.conftest import MakePerson, OpenSocket
from tests.running import RunningServer
from tests.secrets_seen import SecretsSeen

pytestmark = [pytest.mark.gen_test, pytest.mark.any_store]

HEADER = b'{"alg":"HS256","typ":"JWT"}'

Forge = Callable[["Forger"], str]


def encoded(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


class Forger:
    """Makes tokens by hand, as a good library would not allow."""

    def __init__(self, secret: str, user_id: int) -> None:
        self.secret = secret.encode()
        self.user_id = user_id
        now = int(time.time())
        self.claims: dict[str, Any] = {
            "sub": str(user_id), "iat": now, "exp": now + 900, "iss": "rollcall", "aud": "rollcall",
            "jti": secrets.token_hex(8), "typ": "access", "login": secrets.token_hex(8),
        }  # fmt: skip

    def sign(self, header: bytes, payload: bytes, key: bytes | None = None, digest: str = "sha256") -> str:
        """Sign a token made of these parts, unchanged."""
        signed = f"{encoded(header)}.{encoded(payload)}"
        key = self.secret if key is None else key
        return f"{signed}.{encoded(hmac.new(key, signed.encode(), getattr(hashlib, digest)).digest())}"

    def token(self, header: dict[str, Any] | None = None, **claims: Any) -> str:
        """Return a token signed as ours are, with another header or other claims."""
        return self.sign(
            json.dumps({"alg": "HS256", "typ": "JWT"} if header is None else header).encode(),
            json.dumps({**self.claims, **claims}).encode(),
        )

    def without(self, name: str) -> str:
        """Return a token that lacks one claim."""
        del self.claims[name]
        return self.token()

    def written(self, **texts: str) -> str:
        """Return a token with some claims given as JSON text."""
        claims = {name: json.dumps(value) for name, value in self.claims.items()} | texts
        body = ",".join(f'"{name}":{text}' for name, text in claims.items())
        return self.sign(HEADER, f"{{{body}}}".encode())


def unsigned(alg: str) -> Forge:
    """Forge a token without a signature, with any spelling of alg none."""
    return lambda f: (
        f"{encoded(json.dumps({'alg': alg, 'typ': 'JWT'}).encode())}.{encoded(json.dumps(f.claims).encode())}."
    )


def without(name: str) -> Forge:
    """Return a token that lacks one claim."""
    return lambda f: f.without(name)


def header(**extra: Any) -> Forge:
    """Forge a token whose header has additional fields."""
    return lambda f: f.token({"alg": "HS256", "typ": "JWT", **extra})


TOKENS: dict[str, Forge] = {
    "empty": lambda f: "",
    "no token": lambda f: "nonsense",
    "two segments": lambda f: f.token().rpartition(".")[0],
    "four segments": lambda f: f.token() + ".x",
    "five segments": lambda f: f.token() + ".x.y",
    "padded": lambda f: f.token() + "=",
    "padded payload": lambda f: ".".join([f.token().split(".")[0], encoded(b"{}") + "==", f.token().split(".")[2]]),
    "a space behind": lambda f: f.token() + " ",
    "a NUL inside": lambda f: f.token()[:20] + "\0" + f.token()[20:],
    "no base64": lambda f: "!!!.???.###",
    "other letters": lambda f: "é" + f.token(),
    "signature cut": lambda f: f.token()[:-4],
    "signature of another": lambda f: f.token().rpartition(".")[0] + "." + f.token(jti="x").rpartition(".")[2],
    "signature empty": lambda f: f.token().rpartition(".")[0] + ".",
    "payload changed": lambda f: ".".join([
        f.token().split(".")[0], encoded(json.dumps({**f.claims, "sub": "2"}).encode()), f.token().split(".")[2],
    ]),
    "alg none": unsigned("none"),
    "alg None": unsigned("None"),
    "alg NONE": unsigned("NONE"),
    "alg nOnE": unsigned("nOnE"),
    "alg none with a signature": lambda f: f.token({"alg": "none", "typ": "JWT"}),
    "alg RS256 signed with the key": lambda f: f.token({"alg": "RS256", "typ": "JWT"}),
    "alg HS384": lambda f: f.sign(b'{"alg":"HS384","typ":"JWT"}', json.dumps(f.claims).encode(), digest="sha384"),
    "alg HS512": lambda f: f.sign(b'{"alg":"HS512","typ":"JWT"}', json.dumps(f.claims).encode(), digest="sha512"),
    "alg hs256": lambda f: f.token({"alg": "hs256", "typ": "JWT"}),
    "alg missing": lambda f: f.token({"typ": "JWT"}),
    "alg a list": lambda f: f.token({"alg": ["HS256"], "typ": "JWT"}),
    "alg null": lambda f: f.token({"alg": None, "typ": "JWT"}),
    "signed with no key": lambda f: f.sign(HEADER, json.dumps(f.claims).encode(), b""),
    "signed with a short key": lambda f: f.sign(HEADER, json.dumps(f.claims).encode(), b"secret"),
    "kid a path": header(kid="../../../../dev/null"),
    "kid an object": header(kid={"$ne": ""}),
    "kid SQL": header(kid="x' UNION SELECT 'key"),
    "jku": header(jku="https://evil.example/keys"),
    "x5u": header(x5u="https://evil.example/cert"),
    "jwk": header(jwk={"kty": "oct", "k": "AA"}),
    "crit": header(crit=["exp"]),
    "b64 false": header(b64=False),
    "zip": header(zip="DEF"),
    "typ of the header another": lambda f: f.token({"alg": "HS256", "typ": "at+jwt"}),
    "header a list": lambda f: f.sign(b'["HS256"]', json.dumps(f.claims).encode()),
    "header no JSON": lambda f: f.sign(b"HS256", json.dumps(f.claims).encode()),
    "header nested": lambda f: f.sign(b"[" * 1000 + b"]" * 1000, json.dumps(f.claims).encode()),
    "payload a list": lambda f: f.sign(HEADER, b"[]"),
    "payload no JSON": lambda f: f.sign(HEADER, b"\xff\xfe"),
    "payload nested": lambda f: f.sign(HEADER, b"[" * 600 + b"]" * 600),
    **{f"no {name}": without(name) for name in ("sub", "iat", "exp", "iss", "aud", "jti", "typ")},
    "exp text": lambda f: f.token(exp=str(f.claims["exp"])),
    "exp a float": lambda f: f.token(exp=f.claims["exp"] + 0.5),
    "exp 10**400": lambda f: f.written(exp="1" + "0" * 400),
    "exp 1e400": lambda f: f.written(exp="1e400"),
    "exp NaN": lambda f: f.written(exp="NaN"),
    "exp true": lambda f: f.token(exp=True),
    "exp null": lambda f: f.token(exp=None),
    "exp negative": lambda f: f.token(exp=-1),
    "iat text": lambda f: f.token(iat="now"),
    "nbf in the future": lambda f: f.token(nbf=f.claims["iat"] + 600),
    "typ refresh": lambda f: f.token(typ="refresh"),
    "typ unknown": lambda f: f.token(typ="root"),
    "iss another": lambda f: f.token(iss="evil"),
    "iss a list": lambda f: f.token(iss=["rollcall"]),
    "aud another": lambda f: f.token(aud="evil"),
    "aud an object": lambda f: f.token(aud={"rollcall": 1}),
    "sub a number": lambda f: f.token(sub=f.user_id),
    "sub an object": lambda f: f.token(sub={"$gt": ""}),
    "sub true": lambda f: f.token(sub=True),
    "sub padded": lambda f: f.token(sub=f"0{f.user_id}"),
    "sub spaced": lambda f: f.token(sub=f" {f.user_id}"),
    "sub negative": lambda f: f.token(sub="-1"),
    "sub of nobody": lambda f: f.token(sub="987654"),
    "sub too large": lambda f: f.token(sub="9" * 400),
    "sub in other digits": lambda f: f.token(sub="١"),
    "login an object": lambda f: f.token(login={"$ne": ""}),
    "login long": lambda f: f.token(login="x" * 65),
    "jti a number": lambda f: f.token(jti=1),
}  # fmt: skip


@pytest.mark.parametrize("name", TOKENS)
async def test_a_bad_token_opens_nothing(
    server: RunningServer, user: MakePerson, socket: OpenSocket, secrets_seen: SecretsSeen, name: str
) -> None:
    ada = await user("ada")
    bad = TOKENS[name](Forger(server.settings.jwt_secret, ada.user_id))
    secrets_seen.note(bad)
    refused = await socket(None, token=bad, first=True)
    assert await refused.take() == {"type": "error", "message": "Invalid token", "code": "AUTH_ERROR"}
    assert await refused.closed() == 4500
    if bad.isascii() and bad.isprintable() and bad == bad.strip():  # a header can carry it
        assert (await ada.with_token(bad).get("/users/me")).status == 401
    feed = await socket(ada)
    await feed.send({"type": "refresh", "token": bad})
    assert (await feed.next("error"))["code"] == "AUTH_ERROR"
    await feed.ask({"type": "ping"}, "pong")
    assert len(server.sessions) == 1


async def test_what_is_forged_with_nothing_wrong_is_good(
    server: RunningServer, user: MakePerson, socket: OpenSocket
) -> None:
    ada = await user("ada")
    good = Forger(server.settings.jwt_secret, ada.user_id).token()
    assert (await (await socket(None, token=good, first=True)).take())["user_id"] == ada.user_id


async def test_a_token_of_a_megabyte_ends_the_connection(server: RunningServer) -> None:
    with pytest.raises((IndexError, ConnectionError)):
        await RawSocket.open(server.port, f"/ws/feed?token={'a' * 2**20}")


async def test_a_token_longer_than_any_of_ours_is_not_looked_at(socket: OpenSocket) -> None:
    refused = await socket(None, token=f"{'a' * 4000}.{'b' * 4000}.{'c' * 4000}", first=True)
    assert await refused.closed() == 4500


async def test_a_user_who_is_disabled_is_turned_out_and_kept_out(
    server: RunningServer, user: MakePerson, socket: OpenSocket
) -> None:
    ada = await user("ada")
    feed = await socket(ada)
    server.core.presence.disable(ada.user_id)
    await feed.send({"type": "ping"})
    assert (await feed.next("error"))["code"] == "AUTH_ERROR"
    assert await feed.closed() == 4501
    assert await (await socket(ada, first=True)).closed() == 4500
