"""Tokens: mint and verify. A token states a user, a login and an expiry."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import jwt
import msgspec

from models.errors import TokenExpired, Unauthenticated
from models.verified_tokens import VerifiedTokens
from settings import Settings

TokenType = Literal["access", "refresh"]

TOKEN_LENGTH_LIMIT = 2048
"""In characters. Our tokens have about 330; longer ones than the limit are not parsed at all."""

_REQUIRED = ["sub", "iat", "exp", "iss", "aud", "jti", "typ"]
_SHAPE = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_SUBJECT = re.compile(r"[1-9][0-9]{0,15}")
_NUMBER_LIMIT = 2**40
"""As seconds this is the year 36812. Anything beyond is not a real date."""


_UNREADABLE = (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError)
"""What PyJWT raises for tokens that it refuses, and for some that it cannot read."""


class Identity(msgspec.Struct, frozen=True, gc=False):
    """What a token states: the user, the login, and when it was issued and expires (Unix seconds)."""

    user_id: int
    login_id: str
    token_id: str
    issued_at: int
    expires_at: int
    version: int | None = None
    """The user's token version when the token was issued. Tokens of older servers have none, which counts as 0."""
    is_foreign: bool = False
    """Whether another issuer signed the token."""


class Signer(NamedTuple):
    """Who signs tokens, for whom, and how to verify that. A key is only ever used with its own algorithm."""

    issuer: str
    audience: str
    algorithm: str
    key: Any


class Tokens:
    """HS256 tokens of one key. `now` returns Unix seconds, `new_id` returns a unique text."""

    def __init__(
        self, secret: str, issuer: str, audience: str, *, now: Callable[[], float], new_id: Callable[[], str]
    ) -> None:
        self._secret = secret
        self._issuer = issuer
        self._audience = audience
        self._now = now
        self._new_id = new_id
        self._verified = VerifiedTokens[Identity]()
        """Access tokens that are in use. A client sends the same one with every request."""

    def mint(
        self, user_id: int, login_id: str, kind: TokenType, life_seconds: int, version: int = 0
    ) -> tuple[str, Identity]:
        """A new token, and the identity it states."""
        now = int(self._now())
        identity = Identity(user_id, login_id, self._new_id(), now, now + life_seconds, version)
        return self.sign(identity, kind), identity

    def sign(self, identity: Identity, kind: TokenType) -> str:
        """The token that states this identity. The same identity always gives the same text."""
        claims = {
            "sub": str(identity.user_id),
            "iat": identity.issued_at,
            "exp": identity.expires_at,
            "iss": self._issuer,
            "aud": self._audience,
            "jti": identity.token_id,
            "typ": kind,
            "login": identity.login_id,
            "ver": identity.version or 0,
        }
        return jwt.encode(claims, self._secret, algorithm="HS256")

    def refresh_id(self, login_id: str, generation: int) -> str:
        """The id of a login's refresh token of a generation, which nobody can guess.

        No token contains a NUL, so this never equals the signature of one.
        """
        return hmac.new(
            self._secret.encode(), f"refresh\0{login_id}\0{generation}".encode(), hashlib.sha256
        ).hexdigest()[:32]

    def verify(self, token: str, kind: TokenType) -> Identity:
        """The identity that the token states. Raises TokenExpired, or Unauthenticated if anything else is wrong."""
        if len(token) > TOKEN_LENGTH_LIMIT or not token.isascii():
            raise Unauthenticated
        if kind != "access":
            return self._verify(token, kind)
        key = token.encode()
        identity = self._verified.find(key)
        if identity is None:
            identity = self._verify(token, kind)
            self._verified.add(key, identity)
        elif identity.expires_at <= self._now():
            self._verified.forget(key)
            raise TokenExpired("Token expired")
        return identity

    def has_verified(self, token: str) -> bool:
        """Whether this is an access token that was verified before."""
        return len(token) <= TOKEN_LENGTH_LIMIT and token.isascii() and self._verified.find(token.encode()) is not None

    def _verify(self, token: str, kind: TokenType) -> Identity:
        """Check the signature and all claims.

        PyJWT alone accepts tokens without `exp`, dates as text or as 10**400, and headers that name other keys.
        """
        if not _SHAPE.fullmatch(token):
            raise Unauthenticated
        try:
            header = jwt.get_unverified_header(token)
        except _UNREADABLE:
            raise Unauthenticated from None
        if header.keys() - {"alg", "typ"} or header.get("typ", "JWT") != "JWT":
            raise Unauthenticated
        signer = Signer(self._issuer, self._audience, "HS256", self._secret)
        return self._identity(verified_claims(token, signer, _REQUIRED), kind)

    def _identity(self, claims: dict[str, Any], kind: TokenType) -> Identity:
        subject, login_id = claims["sub"], claims.get("login", claims["jti"])
        issued, expires, version = claims["iat"], claims["exp"], claims.get("ver", 0)
        # An `iat` in the future is no reason to refuse: the clock may have been put right since.
        if (
            claims["typ"] != kind
            or not (isinstance(subject, str) and _SUBJECT.fullmatch(subject))
            or not all(isinstance(each, str) and 0 < len(each) <= 64 for each in (login_id, claims["jti"]))
            or not all(type(each) is int and 0 < each < _NUMBER_LIMIT for each in (issued, expires))
            or not (type(version) is int and 0 <= version < _NUMBER_LIMIT)
        ):
            raise Unauthenticated
        if expires <= self._now():
            raise TokenExpired("Token expired")
        return Identity(int(subject), login_id, claims["jti"], issued, expires, claims.get("ver"))


def verified_claims(token: str, signer: Signer, required: list[str], *, checks_nbf: bool = True) -> dict[str, Any]:
    """The claims of a token that this signer issued. The caller checks `exp` and `iat`. Raises Unauthenticated."""
    try:
        return jwt.decode(
            token,
            signer.key,
            algorithms=[signer.algorithm],
            issuer=signer.issuer,
            audience=signer.audience,
            options={"require": required, "verify_exp": False, "verify_iat": False, "verify_nbf": checks_nbf},
        )
    except _UNREADABLE:
        raise Unauthenticated from None


def open_tokens(settings: Settings) -> Tokens:
    """What mints and verifies tokens under these settings."""
    return Tokens(
        settings.jwt_secret,
        settings.token_issuer,
        settings.token_audience,
        now=time.time,
        new_id=lambda: secrets.token_hex(12),
    )
