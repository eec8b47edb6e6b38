"""Foreign tokens: only intact, unexpired tokens of the other issuer, signed by one of its keys, state a user."""

from __future__ import annotations

import json
from typing import Any

import pytest

from models.errors import TokenExpired, Unauthenticated
from models.foreign_tokens import ForeignTokens, KeysMissing, UnknownKey
from models.key_set import KeySet, read_key_set
from settings import FOREIGN_TOKEN_LIMIT, Settings
from tests.bad_foreign_tokens import BAD, EXPIRED, Forger
from tests.issuer import AUDIENCE, ISSUER, KINDS, Issuer, IssuerKey, signed

NOW = 1_900_000_000


class Clock:
    """The time, which a test may advance."""

    now = float(NOW)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def issuer() -> Issuer:
    return Issuer(now=lambda: NOW)


def verifier(*keys: IssuerKey, clock: Clock | None = None, **changes: Any) -> ForeignTokens:
    """What verifies tokens with these keys."""
    settings = Settings(
        foreign_token_keys="jwks.json", foreign_token_issuer=ISSUER, foreign_token_audience=AUDIENCE, **changes
    )
    tokens = ForeignTokens(settings, now=lambda: (clock or Clock).now)
    tokens.use(key_set(*keys))
    return tokens


def key_set(*keys: IssuerKey) -> KeySet:
    return read_key_set(json.dumps({"keys": [key.jwk for key in keys]}).encode(), strict=True)


@pytest.fixture
def tokens(issuer: Issuer, clock: Clock) -> ForeignTokens:
    return verifier(*issuer.keys.values(), clock=clock)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("forge", BAD.values(), ids=BAD.keys())
def test_a_bad_token_says_nobody_is_there(tokens: ForeignTokens, issuer: Issuer, kind: str, forge: Any) -> None:
    with pytest.raises(Unauthenticated) as refusal:
        tokens.verify(forge(Forger(issuer, kind)))
    assert not isinstance(refusal.value, TokenExpired)
    assert refusal.value.message.startswith("Invalid token")
    assert len(tokens.verified_of("user-1")) == 0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("forge", EXPIRED.values(), ids=EXPIRED.keys())
def test_an_expired_token_says_so(tokens: ForeignTokens, issuer: Issuer, kind: str, forge: Any) -> None:
    with pytest.raises(TokenExpired):
        tokens.verify(forge(Forger(issuer, kind)))


@pytest.mark.parametrize("kind", KINDS)
def test_no_single_changed_character_goes_unnoticed(tokens: ForeignTokens, issuer: Issuer, kind: str) -> None:
    good = issuer.token(kind=kind)
    for place, old in enumerate(good):
        with pytest.raises(Unauthenticated):
            tokens.verify(good[:place] + ("A" if old != "A" else "B") + good[place + 1 :])


@pytest.mark.parametrize("kind", KINDS)
def test_a_good_token_says_who_and_until_when(tokens: ForeignTokens, issuer: Issuer, kind: str) -> None:
    token = issuer.token("auth0|7", kind, name="Ada", picture="https://example.com/ada.png", jti="token-1")
    assert tokens.is_theirs(token)
    found = tokens.verify(token)
    assert (found.external_id, found.issued_at, found.expires_at) == ("auth0|7", NOW, NOW + 900)
    assert (found.name, found.picture) == ("Ada", "https://example.com/ada.png")
    assert tokens.verify(token) is found


@pytest.mark.parametrize("kind", KINDS)
def test_the_id_of_a_token_counts_for_its_user_alone(tokens: ForeignTokens, issuer: Issuer, kind: str) -> None:
    ada, ben = (tokens.verify(issuer.token(sub, kind, jti="1")) for sub in ("ada", "ben"))
    again = tokens.verify(issuer.token("ada", kind, jti="1", exp=NOW + 901))
    assert ada.login_id == again.login_id != ben.login_id


GOOD: dict[str, dict[str, Any]] = {
    "sub of 128 characters": {"sub": "ü" * 128},
    "sub with a slash and a comma": {"sub": "a/b,c d"},
    "sub a digit": {"sub": "7"},
    "aud a list": {"aud": ["other", AUDIENCE]},
    "exp a fraction": {"exp": NOW + 0.5},
    "iat in the future": {"iat": NOW + 86400, "exp": NOW + 90000},
    "iat a fraction": {"iat": NOW - 0.25},
    "nbf now": {"nbf": NOW},
    "nbf zero, as older Keycloaks write it": {"nbf": 0},
    "nbf within the leeway": {"nbf": NOW + 59},
    "typ of Keycloak": {"typ": "Bearer"},
    "jti long": {"jti": "x" * 300},
    "jti with a line break": {"jti": "a\nb"},
    "name a number": {"name": 7},
    "picture too long": {"picture": "https://example.com/" + "x" * 2048},
    "nearly 8 KiB": {"extra": "x" * 5500},
}


@pytest.mark.parametrize("claims", GOOD.values(), ids=GOOD.keys())
def test_what_other_issuers_write_is_accepted(tokens: ForeignTokens, issuer: Issuer, claims: dict[str, Any]) -> None:
    token = signed(issuer.key(), {"alg": "RS256", "kid": issuer.key().key_id}, issuer.claims() | claims)
    assert len(token) <= FOREIGN_TOKEN_LIMIT
    found = tokens.verify(token)
    assert found.external_id == claims.get("sub", "user-1")
    assert len(found.login_id) <= 8 + 64
    assert found.login_id.isprintable()


@pytest.mark.parametrize(
    "header",
    [{"typ": "at+jwt"}, {"typ": "application/at+jwt"}, {"typ": "jwt"}, {"x5t": "AAAA"}, {"cat": "cl_B7"}],
    ids=str,
)
def test_headers_of_other_issuers_are_accepted(tokens: ForeignTokens, issuer: Issuer, header: dict[str, Any]) -> None:
    key = issuer.key("ES256")
    assert tokens.verify(signed(key, {"alg": "ES256", "kid": key.key_id, **header}, issuer.claims())).login_id


@pytest.mark.parametrize("kind", ["RS256", "ES256", "EdDSA"])
def test_a_token_that_names_no_key_is_verified_by_the_only_one(issuer: Issuer, kind: str) -> None:
    key = issuer.key(kind)
    token = signed(key, {"alg": kind}, issuer.claims())
    assert verifier(key).verify(token).external_id == "user-1"
    assert verifier(IssuerKey(kind, None, key.private)).verify(token).external_id == "user-1"
    with pytest.raises(Unauthenticated):
        verifier(key, IssuerKey("ES256", "other")).verify(token)


def test_a_secret_has_to_be_named(issuer: Issuer) -> None:
    key = issuer.key("HS256")
    with pytest.raises(Unauthenticated, match="names no key"):
        verifier(key).verify(signed(key, {"alg": "HS256"}, issuer.claims()))


def test_a_key_without_a_name_verifies_no_token_that_names_one(issuer: Issuer) -> None:
    nameless = IssuerKey("ES256", None, issuer.key("ES256").private)
    with pytest.raises(UnknownKey):
        verifier(nameless).verify(issuer.token(kind="ES256"))


def test_a_token_without_an_id_is_a_login_by_what_was_signed(tokens: ForeignTokens, issuer: Issuer) -> None:
    """ECDSA has many signatures for the same content, so the signature must not make another login of it."""
    key = issuer.key("ES256")
    header, claims = {"alg": "ES256", "kid": key.key_id}, issuer.claims()
    one, other = signed(key, header, claims), signed(key, header, claims)
    assert one != other
    assert tokens.verify(one).login_id == tokens.verify(other).login_id
    assert tokens.verify(one).login_id != tokens.verify(issuer.token("user-2", "ES256")).login_id


def test_a_token_that_was_verified_expires_all_the_same(tokens: ForeignTokens, issuer: Issuer, clock: Clock) -> None:
    token = issuer.token()
    tokens.verify(token)
    clock.now += 900
    with pytest.raises(TokenExpired):
        tokens.verify(token)
    assert tokens.verified_of("user-1") == []


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_verified_by_a_key_that_is_gone_is_refused(issuer: Issuer, kind: str) -> None:
    kept = IssuerKey("ES256", "kept")
    tokens = verifier(issuer.key(kind), kept)
    gone, stays = issuer.token(kind=kind), signed(kept, {"alg": "ES256", "kid": "kept"}, issuer.claims())
    assert tokens.verify(gone).external_id == tokens.verify(stays).external_id
    tokens.use(key_set(kept))
    with pytest.raises(UnknownKey):
        tokens.verify(gone)
    assert [each.login_id for each in tokens.verified_of("user-1")] == [tokens.verify(stays).login_id]


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_verified_by_a_key_that_was_replaced_under_its_name_is_refused(issuer: Issuer, kind: str) -> None:
    tokens, token = verifier(issuer.key(kind)), issuer.token(kind=kind)
    tokens.verify(token)
    others = IssuerKey("ES256", issuer.key(kind).key_id) if kind != "ES256" else IssuerKey("ES256", None)
    tokens.use(key_set(IssuerKey(others.kind, issuer.key(kind).key_id)))
    with pytest.raises(Unauthenticated):
        tokens.verify(token)


def test_without_keys_nobody_knows_whether_a_token_is_valid(issuer: Issuer) -> None:
    settings = Settings(foreign_token_keys="jwks.json", foreign_token_issuer=ISSUER, foreign_token_audience=AUDIENCE)
    tokens = ForeignTokens(settings, now=lambda: NOW)
    with pytest.raises(KeysMissing, match="could not be read yet"):
        tokens.verify(issuer.token())


def test_an_unknown_key_may_be_a_new_one_while_the_keys_cannot_be_read(tokens: ForeignTokens, issuer: Issuer) -> None:
    token = signed(IssuerKey("ES256"), {"alg": "ES256", "kid": "new"}, issuer.claims())
    with pytest.raises(UnknownKey):
        tokens.verify(token)
    tokens.is_behind = True
    with pytest.raises(KeysMissing):
        tokens.verify(token)
    assert tokens.verify(issuer.token()).external_id == "user-1"


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "é", "x" * 9000, "..", "e30.e30.e30"])
def test_what_names_no_issuer_is_not_theirs(tokens: ForeignTokens, token: str) -> None:
    assert not tokens.is_theirs(token)
    with pytest.raises(Unauthenticated):
        tokens.verify(token)


def test_claims_are_found_by_name_before_path() -> None:
    issuer = Issuer("EdDSA", now=lambda: NOW)
    tokens = verifier(
        issuer.key(), foreign_token_name_claim="user_metadata.full_name", foreign_token_picture_claim="https://x.y/p"
    )
    profile = {"user_metadata": {"full_name": "Ada"}, "https://x.y/p": "https://example.com/a.png"}
    found = tokens.verify(issuer.token(**profile))
    assert (found.name, found.picture) == ("Ada", "https://example.com/a.png")
    found = tokens.verify(issuer.token(**{"user_metadata": "Ada", "user_metadata.full_name": "Bo"}))
    assert (found.name, found.picture) == ("Bo", None)
