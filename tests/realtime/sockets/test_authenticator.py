"""Gate: whom it lets in, and who was turned out."""

from __future__ import annotations

from datetime import timedelta

import pytest

from models.errors import TokenExpired, Unauthenticated
from models.tokens import Identity
from tests.realtime.world import World


def token(world: World, user_id: int = 1, *, life_seconds: int = 900, login_id: str = "login") -> str:
    return world.tokens.mint(user_id, login_id, "access", life_seconds)[0]


def is_refused(world: World, text: str) -> bool:
    try:
        world.core.authenticator.identify(text)
    except Unauthenticated:
        return True
    return False


def revoke(world: World, login_id: str = "login") -> None:
    world.core.authenticator.revoke_login(login_id, world.time.unix() + 900)


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
    world.advance(2)
    world.core.registry.get(1).tokens_after = world.time.wall() - timedelta(seconds=1)
    assert is_refused(world, old)
    assert not is_refused(world, token(world))


def test_signing_out_closes_the_sockets_of_the_login(world: World) -> None:
    client = world.connect(1)
    revoke(world)
    assert client.transport.closed == (4501, "signed out")


def test_a_revoked_login_is_remembered_for_as_long_as_its_tokens_live(world: World) -> None:
    revoke(world)
    world.advance(899)
    revoke(world, "other")
    assert world.core.authenticator._revoked.keys() == {"login", "other"}
    world.advance(2)
    revoke(world, "third")
    assert world.core.authenticator._revoked.keys() == {"other", "third"}


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
