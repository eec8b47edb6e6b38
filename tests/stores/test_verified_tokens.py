"""Verified tokens: a token is verified once, and only as long as it is valid."""

from __future__ import annotations

import pytest

from models.errors import TokenExpired, Unauthenticated
from models.tokens import Tokens
from models.verified_tokens import VerifiedTokens

NOON = 1_900_000_000


class Place:
    """Tokens at a time that the test sets."""

    def __init__(self) -> None:
        self.now = NOON
        self.tokens = Tokens("s" * 32, "rollcall", "rollcall", now=lambda: self.now, new_id=lambda: "token1")

    def token(self, seconds: int = 900) -> str:
        return self.tokens.mint(7, "login1", "access", seconds)[0]


@pytest.fixture
def place() -> Place:
    return Place()


def test_a_token_that_was_verified_is_not_verified_again(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    token = place.token()
    identity = place.tokens.verify(token, "access")
    monkeypatch.setattr("jwt.decode", None)
    assert place.tokens.verify(token, "access") is identity


def test_a_token_that_was_verified_expires_all_the_same(place: Place) -> None:
    token = place.token(900)
    place.tokens.verify(token, "access")
    place.now += 899
    place.tokens.verify(token, "access")
    place.now += 1
    for _ in range(2):
        with pytest.raises(TokenExpired):
            place.tokens.verify(token, "access")


def test_a_clock_that_is_put_back_makes_a_token_valid_again(place: Place) -> None:
    token = place.token(900)
    place.tokens.verify(token, "access")
    place.now += 900
    with pytest.raises(TokenExpired):
        place.tokens.verify(token, "access")
    place.now -= 1
    assert place.tokens.verify(token, "access").user_id == 7


def test_an_access_token_that_was_verified_is_no_refresh_token(place: Place) -> None:
    token = place.token()
    place.tokens.verify(token, "access")
    with pytest.raises(Unauthenticated):
        place.tokens.verify(token, "refresh")


def test_a_refresh_token_that_was_verified_is_no_access_token(place: Place) -> None:
    token, _ = place.tokens.mint(7, "login1", "refresh", 900)
    place.tokens.verify(token, "refresh")
    with pytest.raises(Unauthenticated):
        place.tokens.verify(token, "access")


def test_beyond_the_limit_the_oldest_token_is_forgotten() -> None:
    verified = VerifiedTokens[int](limit=2)
    for number in (1, 2, 3):
        verified.add(b"token %d" % number, number)
    assert [verified.find(b"token %d" % number) for number in (1, 2, 3)] == [None, 2, 3]
    assert len(verified) == 2


def test_a_forgotten_token_is_unknown() -> None:
    verified = VerifiedTokens[int]()
    verified.add(b"token", 1)
    for _ in range(2):
        verified.forget(b"token")
        assert verified.find(b"token") is None
