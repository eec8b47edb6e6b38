"""Authenticator: whom it admits, and whose access has ended."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from models.errors import TokenExpired, Unauthenticated
from models.tokens import Identity
from tests.realtime.world import World


def token(world: World, user_id: int = 1, *, life_seconds: int = 900, login_id: str = "login", version: int = 0) -> str:
    return world.tokens.mint(user_id, login_id, "access", life_seconds, version)[0]


def identity_without_version(world: World) -> Identity:
    return msgspec.structs.replace(world.identity(1), version=None)


def is_refused(world: World, text: str) -> bool:
    try:
        world.core.authenticator.identify(text)
    except Unauthenticated:
        return True
    return False


def revoke(world: World, login_id: str = "login") -> None:
    world.core.authenticator.revoke_login(login_id, 900)


def test_a_good_token_says_who_is_there(world: World) -> None:
    assert world.core.authenticator.identify(token(world)).user_id == 1


def test_an_expired_token_says_so(world: World) -> None:
    old = token(world, life_seconds=60)
    world.advance(61)
    with pytest.raises(TokenExpired):
        world.core.authenticator.identify(old)


def test_a_token_of_a_user_nobody_knows_is_refused(world: World) -> None:
    assert is_refused(world, token(world, 99))


def test_a_token_of_a_disabled_user_is_refused(world: World) -> None:
    text = token(world)
    world.core.presence.disable(1)
    assert is_refused(world, text)


def test_a_login_that_signed_out_is_refused_and_others_of_the_user_are_not(world: World) -> None:
    revoke(world)
    assert is_refused(world, token(world))
    assert not is_refused(world, token(world, login_id="other"))


def test_tokens_issued_before_a_moment_can_be_refused_altogether(world: World) -> None:
    old = token(world)
    world.core.presence.refuse(1, 1)
    assert is_refused(world, old)
    assert not is_refused(world, token(world, version=1))


def test_of_one_user_the_tokens_of_one_login_can_stay_valid(world: World) -> None:
    world.core.presence.refuse(1, 1, "kept")
    assert is_refused(world, token(world))
    assert not is_refused(world, token(world, login_id="kept"))
    world.core.presence.refuse(1, 2)
    assert is_refused(world, token(world, login_id="kept"))


def test_tokens_of_an_older_server_are_refused_up_to_the_moment_that_it_noted(world: World) -> None:
    old = identity_without_version(world)
    world.advance(2)
    world.edit(1, tokens_after=world.time.wall() - timedelta(seconds=1))
    assert world.core.authenticator.is_revoked(old)
    assert not world.core.authenticator.is_revoked(identity_without_version(world))
    assert not is_refused(world, token(world))


@pytest.mark.parametrize("hours", [-24, -1, 1, 24])
def test_a_clock_that_is_put_right_lets_no_signed_out_user_in_and_refuses_nobody_else(world: World, hours: int) -> None:
    out, staying = token(world), token(world, login_id="other", life_seconds=2 * 86400)
    revoke(world)
    world.advance(901)
    world.time.jumped = timedelta(hours=hours)
    revoke(world, "third")
    assert is_refused(world, out)
    assert not is_refused(world, staying)
    assert not is_refused(world, token(world, login_id="new"))


@pytest.mark.parametrize("hours", [1, 24])
def test_a_login_that_signed_out_stays_refused_after_a_clock_that_ran_ahead_is_put_right(
    world: World, hours: int
) -> None:
    out = token(world)
    revoke(world)
    world.time.jumped = timedelta(hours=hours)
    revoke(world, "another")
    world.time.jumped = timedelta()
    assert is_refused(world, out)


@pytest.mark.parametrize("hours", [-1, 1])
def test_signing_out_everywhere_concerns_the_tokens_from_before_it_whatever_the_clock_says(
    world: World, hours: int
) -> None:
    old = token(world, life_seconds=2 * 3600)
    world.time.jumped = timedelta(hours=hours)
    world.run(world.core.revocations.revoke(1))
    assert is_refused(world, old)
    world.time.jumped = timedelta()
    assert is_refused(world, old)
    assert not is_refused(world, token(world, version=1))


def test_signing_out_closes_the_sockets_of_the_login(world: World) -> None:
    client = world.connect(1)
    revoke(world)
    assert client.transport.closed == (4501, "signed out")


def test_a_revoked_login_is_remembered_for_as_long_as_its_tokens_live(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("realtime.sockets.authenticator.CLOCK_ERROR_SECONDS", 0.0)
    revoke(world)
    world.advance(899)
    revoke(world, "other")
    assert world.core.authenticator._revoked.keys() == {"login", "other"}
    world.advance(2)
    revoke(world, "third")
    assert world.core.authenticator._revoked.keys() == {"other", "third"}


def test_a_login_that_was_revoked_twice_is_remembered_for_the_longer_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("realtime.sockets.authenticator.CLOCK_ERROR_SECONDS", 0.0)
    authenticator = world.core.authenticator
    authenticator.note_revoked("login", 10)
    authenticator.note_revoked("login", 100)
    world.advance(11)
    authenticator.note_revoked("other", 10)
    assert authenticator._revoked.keys() == {"login", "other"}


def an_identity(world: World) -> Identity:
    return world.core.authenticator.identify(token(world))


def test_a_ticket_opens_once(world: World) -> None:
    authenticator, identity = world.core.authenticator, an_identity(world)
    ticket = authenticator.issue_ticket(identity)
    assert authenticator.redeem_ticket(ticket) == identity
    with pytest.raises(Unauthenticated):
        authenticator.redeem_ticket(ticket)


def test_a_ticket_nobody_issued_is_refused(world: World) -> None:
    with pytest.raises(Unauthenticated):
        world.core.authenticator.redeem_ticket("made up")


def test_a_ticket_lives_half_a_minute(world: World) -> None:
    authenticator = world.core.authenticator
    ticket = authenticator.issue_ticket(an_identity(world))
    world.advance(30)
    with pytest.raises(Unauthenticated):
        authenticator.redeem_ticket(ticket)


def test_a_ticket_of_a_login_that_signed_out_is_refused(world: World) -> None:
    authenticator = world.core.authenticator
    ticket = authenticator.issue_ticket(an_identity(world))
    revoke(world)
    with pytest.raises(Unauthenticated):
        authenticator.redeem_ticket(ticket)


def test_tickets_that_nobody_used_are_forgotten(world: World) -> None:
    authenticator = world.core.authenticator
    authenticator.issue_ticket(an_identity(world))
    world.advance(31)
    authenticator.issue_ticket(an_identity(world))
    assert len(authenticator.tickets) == 1


def test_a_jump_of_the_wall_clock_ends_no_session_that_is_open(world: World) -> None:
    client = world.connect(1)
    world.time.jumped = timedelta(hours=1)
    world.advance(60)
    assert client.is_open
