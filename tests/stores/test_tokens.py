"""Tokens: only our own, intact, unexpired access tokens identify a user."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import jwt
import pytest

from models.errors import TokenExpired, Unauthenticated
from models.tokens import TOKEN_LENGTH_LIMIT, Tokens

SECRET = "a key of more than thirty-two bytes, for these tests"
NOW = 1_900_000_000
CLAIMS: dict[str, Any] = {
    "sub": "7",
    "iat": NOW - 10,
    "exp": NOW + 900,
    "iss": "rollcall",
    "aud": "rollcall",
    "jti": "token1",
    "typ": "access",
    "login": "login1",
    "ver": 2,
}
TOKENS = Tokens(SECRET, "rollcall", "rollcall", now=lambda: NOW, new_id=lambda: "token1")


def segment(content: object) -> str:
    text = content if isinstance(content, str) else json.dumps(content)
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def signed(claims: object, header: object = None, *, key: str = SECRET, digest: Any = hashlib.sha256) -> str:
    """Return a token with any claims and header, signed with HS256."""
    first = f"{segment({'alg': 'HS256', 'typ': 'JWT'} if header is None else header)}.{segment(claims)}"
    signature = hmac.new(key.encode(), first.encode(), digest).digest()
    return f"{first}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def with_claim(**claims: Any) -> str:
    return signed(CLAIMS | claims)


def without(name: str) -> str:
    return signed({each: value for each, value in CLAIMS.items() if each != name})


def with_header(**header: Any) -> str:
    return signed(CLAIMS, {"alg": "HS256", "typ": "JWT"} | header)


def raw_exp(text: str) -> str:
    return signed(json.dumps(CLAIMS).replace(str(NOW + 900), text))


GOOD = signed(CLAIMS)
HEAD, BODY, SIGNATURE = GOOD.split(".")

BAD: dict[str, str] = {
    "empty": "",
    "a word": "token",
    "two segments": f"{HEAD}.{BODY}",
    "four segments": f"{GOOD}.{SIGNATURE}",
    "five segments": f"{GOOD}.a.b",
    "empty signature": f"{HEAD}.{BODY}.",
    "empty segments": "..",
    "padding": GOOD + "=",
    "padded body": f"{HEAD}.{BODY}==.{SIGNATURE}",
    "a space before": " " + GOOD,
    "a line break after": GOOD + "\n",
    "a NUL inside": GOOD.replace(".", "\0.", 1),
    "not ASCII": GOOD + "é",
    "a lone surrogate": GOOD + "\ud800",
    "standard base64": GOOD.replace(".", "+.", 1),
    "a megabyte": f"{HEAD}.{'A' * 1_000_000}.{SIGNATURE}",
    "one character too long": f"{HEAD}.{'A' * (TOKEN_LENGTH_LIMIT + 1 - len(HEAD) - len(SIGNATURE) - 2)}.{SIGNATURE}",
    "another signature": f"{HEAD}.{BODY}.{'A' * 43}",
    "a body that was not signed": f"{HEAD}.{segment(CLAIMS | {'sub': '1'})}.{SIGNATURE}",
    "signed with another key": signed(CLAIMS, key="x" * 32),
    "signed with no key": signed(CLAIMS, key=""),
    "alg none": f"{segment({'alg': 'none', 'typ': 'JWT'})}.{BODY}.{SIGNATURE}",
    "alg None": f"{segment({'alg': 'None', 'typ': 'JWT'})}.{BODY}.{SIGNATURE}",
    "alg nOnE without a signature": f"{segment({'alg': 'nOnE', 'typ': 'JWT'})}.{BODY}.",
    "alg HS512": signed(CLAIMS, {"alg": "HS512", "typ": "JWT"}, digest=hashlib.sha512),
    "alg HS384": signed(CLAIMS, {"alg": "HS384", "typ": "JWT"}, digest=hashlib.sha384),
    "alg RS256 over our key": signed(CLAIMS, {"alg": "RS256", "typ": "JWT"}),
    "alg missing": signed(CLAIMS, {"typ": "JWT"}),
    "alg a number": with_header(alg=1),
    "alg a list": with_header(alg=["HS256"]),
    "alg a dict": with_header(alg={"HS256": 1}),
    "alg null": with_header(alg=None),
    "alg in small letters": with_header(alg="hs256"),
    "kid a path": with_header(kid="../../dev/null"),
    "kid a dict": with_header(kid={"$gt": ""}),
    "kid a number": with_header(kid=1),
    "jku": with_header(jku="https://example.com/keys"),
    "x5u": with_header(x5u="https://example.com/cert"),
    "x5c": with_header(x5c=["AAAA"]),
    "jwk": with_header(jwk={"kty": "oct", "k": "AAAA"}),
    "crit": with_header(crit=["exp"]),
    "b64 false": with_header(b64=False),
    "zip": with_header(zip="DEF"),
    "a typ of another kind": with_header(typ="at+jwt"),
    "typ a list": with_header(typ=["JWT"]),
    "a header that is a list": signed(CLAIMS, ["HS256"]),
    "a header that is a text": signed(CLAIMS, '"HS256"'),
    "a header that is no JSON": signed(CLAIMS, "{"),
    "a body that is a list": signed([CLAIMS]),
    "a body that is a text": signed('"7"'),
    "a body that is null": signed("null"),
    "a body that is no JSON": signed("{"),
    "a body that is deeply nested": signed("[" * 1000 + "]" * 1000),
    "without sub": without("sub"),
    "without iat": without("iat"),
    "without exp": without("exp"),
    "without iss": without("iss"),
    "without aud": without("aud"),
    "without jti": without("jti"),
    "without typ": without("typ"),
    "sub a number": with_claim(sub=7),
    "sub a dict": with_claim(sub={"$gt": ""}),
    "sub null": with_claim(sub=None),
    "sub zero": with_claim(sub="0"),
    "sub negative": with_claim(sub="-7"),
    "sub with a leading zero": with_claim(sub="07"),
    "sub with a line break": with_claim(sub="7\n"),
    "sub in other digits": with_claim(sub="٧"),
    "sub too large": with_claim(sub="9" * 17),
    "sub a name": with_claim(sub="ada"),
    "sub empty": with_claim(sub=""),
    "exp a text": with_claim(exp=str(NOW + 900)),
    "exp a float": with_claim(exp=NOW + 900.5),
    "exp a whole float": raw_exp(f"{NOW + 900}.0"),
    "exp of 401 digits": raw_exp("1" + "0" * 400),
    "exp of 1e400": raw_exp("1e400"),
    "exp infinity": raw_exp("Infinity"),
    "exp not a number": raw_exp("NaN"),
    "exp true": with_claim(exp=True),
    "exp null": with_claim(exp=None),
    "exp a list": with_claim(exp=[NOW + 900]),
    "exp negative": with_claim(exp=-1),
    "exp beyond all dates": with_claim(exp=2**40),
    "iat a text": with_claim(iat=str(NOW)),
    "iat a float": with_claim(iat=NOW - 0.5),
    "iat true": with_claim(iat=True),
    "iat null": with_claim(iat=None),
    "nbf in the future": with_claim(nbf=NOW + 10**9),
    "nbf a text": with_claim(nbf="soon"),
    "another issuer": with_claim(iss="other"),
    "iss a list": with_claim(iss=["rollcall"]),
    "iss null": with_claim(iss=None),
    "another audience": with_claim(aud="other"),
    "aud a number": with_claim(aud=1),
    "aud empty": with_claim(aud=[]),
    "aud null": with_claim(aud=None),
    "a refresh token": with_claim(typ="refresh"),
    "typ null": with_claim(typ=None),
    "typ a list of both": with_claim(typ=["access"]),
    "jti a number": with_claim(jti=1),
    "jti empty": with_claim(jti=""),
    "jti too long": with_claim(jti="x" * 65),
    "login a number": with_claim(login=1),
    "login empty": with_claim(login=""),
    "login null": with_claim(login=None),
    "login a dict": with_claim(login={"$ne": 1}),
    "login too long": with_claim(login="x" * 65),
    "ver a text": with_claim(ver="2"),
    "ver a float": with_claim(ver=2.0),
    "ver true": with_claim(ver=True),
    "ver null": with_claim(ver=None),
    "ver negative": with_claim(ver=-1),
    "ver beyond all numbers": with_claim(ver=2**40),
}


@pytest.mark.parametrize("token", BAD.values(), ids=BAD.keys())
def test_a_bad_token_says_nobody_is_there(token: str) -> None:
    with pytest.raises(Unauthenticated) as refusal:
        TOKENS.verify(token, "access")
    assert not isinstance(refusal.value, TokenExpired)
    assert str(refusal.value) == "Invalid token"


@pytest.mark.parametrize("ago", [0, 1, 10**6])
def test_an_expired_token_says_so(ago: int) -> None:
    with pytest.raises(TokenExpired):
        TOKENS.verify(with_claim(exp=NOW - ago), "access")


def test_a_good_token_says_who_by_which_login_and_until_when() -> None:
    identity = TOKENS.verify(GOOD, "access")
    assert (identity.user_id, identity.login_id, identity.token_id) == (7, "login1", "token1")
    assert (identity.issued_at, identity.expires_at) == (NOW - 10, NOW + 900)
    assert identity.version == 2


def test_a_token_of_an_older_server_has_no_version() -> None:
    assert TOKENS.verify(without("ver"), "access").version is None


def test_a_token_without_a_login_is_a_login_of_its_own() -> None:
    assert TOKENS.verify(without("login"), "access").login_id == "token1"


@pytest.mark.parametrize("seconds", [60, 3600, 86400])
def test_a_clock_a_minute_ahead_is_forgiven(seconds: int) -> None:
    """The same is true of a clock that was further ahead when the token was issued, and was corrected since."""
    token = with_claim(iat=NOW + seconds, exp=NOW + seconds + 900)
    assert TOKENS.verify(token, "access").user_id == 7


@pytest.mark.parametrize("kind", ["access", "refresh"])
def test_what_is_minted_is_verified_as_its_kind_alone(kind: Any) -> None:
    token, identity = TOKENS.mint(7, "login1", kind, 60)
    assert TOKENS.verify(token, kind) == identity
    with pytest.raises(Unauthenticated):
        TOKENS.verify(token, "refresh" if kind == "access" else "access")


def test_a_minted_token_carries_every_claim_that_is_required() -> None:
    token, _ = TOKENS.mint(7, "login1", "access", 60)
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims.keys() == CLAIMS.keys()
    assert claims["sub"] == "7"
    assert len(token) < TOKEN_LENGTH_LIMIT / 4


def test_no_single_changed_character_goes_unnoticed() -> None:
    for place, old in enumerate(GOOD[:-1]):
        changed = GOOD[:place] + ("A" if old != "A" else "B") + GOOD[place + 1 :]
        with pytest.raises(Unauthenticated):
            TOKENS.verify(changed, "access")
