"""Foreign tokens: access tokens of another issuer, verified with the keys that it publishes."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import msgspec

from models.compact_tokens import CompactToken, issuer_of, read_token
from models.errors import Invalid, TokenExpired, Unauthenticated, Undecided
from models.external_ids import checked_external_id
from models.field_types import ImageUrl
from models.key_set import ALGORITHMS, KeySet, VerificationKey
from models.tokens import Signer, verified_claims
from models.usernames import LONGEST_AS_GIVEN
from models.verified_tokens import VerifiedTokens
from settings import FOREIGN_TOKEN_LIMIT, Settings

_REQUIRED = ["sub", "iat", "exp", "iss", "aud"]
_LATEST = 253_402_300_799
"""The last second of the year 9999. Dates in milliseconds are beyond it."""

_REFUSED_HEADERS = {"jku", "jwk", "x5u", "x5c", "crit", "b64", "zip", "enc"}
"""They name other keys, or ask for what is not done here. Other unknown fields have no meaning (RFC 7515 §4)."""

_TYPES = {"jwt", "at+jwt", "application/jwt", "application/at+jwt"}
"""RFC 7519 §5.1 and RFC 9068 §2.1. Tokens for other purposes, such as a logout, have other types (RFC 8725 §3.11)."""


class UnknownKey(Undecided):
    """The token names a key that was not there when the keys were read. A later read may find it."""

    def __init__(self) -> None:
        super().__init__("Invalid token: the issuer has no such key")


class KeysMissing(Unauthenticated):
    """The issuer's keys could not be read, so nobody knows yet whether the token is valid."""

    def __init__(self) -> None:
        super().__init__("The keys of this token's issuer could not be read yet. Try again.")


class ForeignToken(msgspec.Struct, frozen=True):
    """What a verified token states. `issued_at` and `expires_at` are Unix seconds."""

    external_id: str
    login_id: str
    issued_at: int
    expires_at: int
    name: str | None
    picture: str | None
    key: str
    """The fingerprint of the key that verified it."""


class ForeignTokens:
    """The tokens of one other issuer. `now` returns Unix seconds."""

    def __init__(self, settings: Settings, *, now: Callable[[], float]) -> None:
        self._issuer = settings.foreign_token_issuer
        self._audience = settings.foreign_token_audience
        self._leeway_seconds = settings.foreign_token_leeway_seconds
        self._name_claim = settings.foreign_token_name_claim
        self._picture_claim = settings.foreign_token_picture_claim
        self._now = now
        self.keys = KeySet()
        """The keys that are used now."""
        self._verified = VerifiedTokens[ForeignToken]()
        """Of this issuer alone, and each with its key. A client sends the same token with every request."""
        self.is_behind = True
        """Whether the keys could not be read the last time, so that an unknown one may be a new one."""
        self.read_keys: Callable[[], Awaitable[None]] = _nothing_to_read
        """Reads the keys again, unless that was done a moment ago."""

    def use(self, keys: KeySet) -> None:
        """Verify with these keys from now on, and refuse what only earlier ones verify."""
        self.keys, self.is_behind = keys, False
        known = keys.fingerprints
        self._verified.keep(lambda token: token.key in known)

    def is_theirs(self, token: str) -> bool:
        """Whether the token names this issuer, which has yet to be verified."""
        if len(token) > FOREIGN_TOKEN_LIMIT or not token.isascii():
            return False
        return self._verified.find(token.encode()) is not None or issuer_of(token) == self._issuer

    def verify(self, token: str) -> ForeignToken:
        """What the token states. Raises TokenExpired, UnknownKey, KeysMissing, or Unauthenticated for anything else."""
        found = self.find(token)
        if found is None:
            found = self._verify(token)
            self._verified.add(token.encode(), found)
        return found

    def find(self, token: str) -> ForeignToken | None:
        """What the token states, if it was verified before. Raises TokenExpired, Unauthenticated."""
        if len(token) > FOREIGN_TOKEN_LIMIT or not token.isascii():
            raise Unauthenticated
        found = self._verified.find(token.encode())
        if found is not None and found.expires_at <= self._now():
            self._verified.forget(token.encode())
            raise TokenExpired("Token expired")
        return found

    def forget(self, token: str) -> None:
        """Verify the token again the next time."""
        self._verified.forget(token.encode())

    def verified_of(self, external_id: str) -> list[ForeignToken]:
        """The tokens of a user that were seen here and have not expired."""
        now = self._now()
        return [each for each in self._verified if each.external_id == external_id and each.expires_at > now]

    def _verify(self, token: str) -> ForeignToken:
        read = read_token(token)
        key = self._key(read)
        signer = Signer(self._issuer, self._audience, key.algorithm, key.material)
        return self._stated(verified_claims(token, signer, _REQUIRED, checks_nbf=False), token, key)

    def _key(self, read: CompactToken) -> VerificationKey:
        """The key that must have signed the token."""
        header = read.header
        key_id, algorithm, kind = header.get("kid"), header.get("alg"), header.get("typ", "JWT")
        if (
            header.keys() & _REFUSED_HEADERS
            or not (key_id is None or isinstance(key_id, str))
            or not isinstance(algorithm, str)
            or not (isinstance(kind, str) and kind.lower() in _TYPES)
            or read.claims.get("iss") != self._issuer
        ):
            raise Unauthenticated
        key = self.keys.find(key_id, algorithm)
        if key is None:
            raise self._refusal(key_id, algorithm)
        return key

    def _refusal(self, key_id: str | None, algorithm: str) -> Unauthenticated:
        """Why there is no key for a token."""
        if algorithm not in ALGORITHMS or any(each.key_id == key_id for each in self.keys.keys if key_id):
            return Unauthenticated()
        if self.is_behind:
            return KeysMissing()
        return UnknownKey() if key_id else Unauthenticated("Invalid token: it names no key")

    def _stated(self, claims: dict[str, Any], token: str, key: VerificationKey) -> ForeignToken:
        issued, expires, since = (_seconds(claims.get(each, 0)) for each in ("iat", "exp", "nbf"))
        token_id = claims.get("jti")
        # An `iat` in the future is no reason to refuse: the clock may have been put right since.
        if (
            issued is None
            or expires is None
            or since is None
            or not (token_id is None or (isinstance(token_id, str) and token_id))
        ):
            raise Unauthenticated
        now = self._now()
        if since > now + self._leeway_seconds:
            raise Unauthenticated("Invalid token: it is not valid yet")
        if expires <= now:
            raise TokenExpired("Token expired")
        external_id = _external_id(claims["sub"])
        return ForeignToken(
            external_id=external_id,
            login_id=_login_id(external_id, token_id, token),
            issued_at=int(issued),
            expires_at=int(expires),
            name=_name(_claim(claims, self._name_claim)),
            picture=_picture(_claim(claims, self._picture_claim)),
            key=key.fingerprint,
        )


def open_foreign_tokens(settings: Settings) -> ForeignTokens | None:
    """What verifies tokens of another issuer, if the settings name one. It has no keys yet."""
    return ForeignTokens(settings, now=time.time) if settings.foreign_token_keys else None


def is_cut_off(after: datetime | None, issued_at: int, leeway_seconds: float) -> bool:
    """Whether a token was issued before the moment after which a user's tokens count.

    The issuer's clock may be behind, so a token that seems to be a little too old is still accepted. Those that were in
    use at that moment are revoked one by one.
    """
    return after is not None and issued_at + leeway_seconds < after.timestamp()


async def _nothing_to_read() -> None:
    """Keys that were given in memory do not change."""


def _seconds(value: object) -> float | None:
    """A date as Unix seconds, which may have a fraction (RFC 7519 §2), or None if it is no real date."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if 0 <= value <= _LATEST and math.isfinite(value) else None


def _login_id(external_id: str, token_id: str | None, token: str) -> str:
    """The login is the token itself, as we know nothing of the sign-in behind it. No login of ours has such an id.

    A token's id counts for its user alone: some issuers count anew for each. A token without an id counts by what is
    signed: of some signatures there are several spellings.
    """
    signed = token.rpartition(".")[0] if token_id is None else f"{external_id}\0{token_id}"
    return f"foreign:{hashlib.sha256(signed.encode(errors='surrogatepass')).hexdigest()}"


def _claim(claims: dict[str, Any], name: str) -> object:
    """A claim by its name, or else by its path through objects, such as user_metadata.full_name."""
    if name in claims:
        return claims[name]
    found: object = claims
    for part in name.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found


def _external_id(subject: str) -> str:
    try:
        return checked_external_id(subject)
    except Invalid:
        raise Unauthenticated("Invalid token: its sub cannot be stored") from None


def _name(value: object) -> str | None:
    """The beginning of a name, which has yet to be brought into line with the rule for names."""
    return value[:LONGEST_AS_GIVEN] or None if isinstance(value, str) else None


def _picture(value: object) -> str | None:
    """The URL of a picture if it may be one here. No store can hold half of a surrogate pair."""
    try:
        url = msgspec.convert(value, ImageUrl)
        url.encode()
    except (msgspec.ValidationError, UnicodeEncodeError):
        return None
    return url
