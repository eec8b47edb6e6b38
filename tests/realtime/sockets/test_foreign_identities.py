"""Foreign identities: whom tokens of another issuer admit, and what a revocation of all of them leaves."""

from __future__ import annotations

from datetime import timedelta

import pytest

from models.errors import TokenExpired, Unauthenticated, Undecided
from models.foreign_tokens import UnknownKey
from models.tokens import Identity
from realtime.protocol import CloseCode
from tests.issuer import IssuerKey
from tests.realtime.client import Client
from tests.realtime.conftest import MakeWorld
from tests.realtime.foreign import SETTINGS, Foreign
from tests.realtime.world import World


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    return make_world(1, **SETTINGS)


@pytest.fixture
def foreign(world: World) -> Foreign:
    """The issuer, and user 2, whom it calls ada."""
    foreign = Foreign(world)
    world.run(world.core.authenticator.identify_later(foreign.issuer.token("ada")))
    return foreign


def opened(world: World, foreign: Foreign) -> Client:
    """Open a socket with a token of ada's."""
    return world.connect(2, identity=world.core.authenticator.identify(foreign.issuer.token("ada")))


def is_refused(world: World, token: str) -> bool:
    try:
        world.core.authenticator.identify(token)
    except Unauthenticated:
        return True
    return False


def revoke(world: World, user_id: int = 2) -> None:
    """Revoke all of a user's tokens, as an operator does."""
    world.users.change(
        user_id,
        foreign_tokens_after=world.time.wall(),
        token_version=world.users.rows[user_id].token_version + 1,
        rev=world.users.rows[user_id].rev + 1,
    )
    world.core.settlement.mark(user_id)
    world.run(world.core.settlement.settle_all())
    world.settle()


def test_a_token_says_who_is_there(world: World, foreign: Foreign) -> None:
    identity = world.core.authenticator.identify(foreign.issuer.token("ada"))
    assert identity.user_id == 2
    assert identity.is_foreign


def test_our_own_tokens_are_accepted_beside_theirs(world: World, foreign: Foreign) -> None:
    token, _ = world.tokens.mint(1, "login", "access", 900)
    for _ in range(2):
        identity = world.core.authenticator.identify(token)
        assert (identity.user_id, identity.is_foreign) == (1, False)


def test_without_another_issuer_its_tokens_are_refused(world: World, foreign: Foreign) -> None:
    token = foreign.issuer.token("ada")
    identity = world.core.authenticator.identify(token)
    world.core.authenticator.foreign = None
    with pytest.raises(Unauthenticated, match="Invalid token"):
        world.core.authenticator.identify(token)
    assert world.core.authenticator.is_revoked(identity)


def test_an_expired_token_says_so(world: World, foreign: Foreign) -> None:
    token = foreign.issuer.token("ada")
    world.core.authenticator.identify(token)
    world.advance(901)
    with pytest.raises(TokenExpired):
        world.core.authenticator.identify(token)


def test_who_is_unknown_may_turn_out_to_be_known(world: World, foreign: Foreign) -> None:
    token = foreign.issuer.token("bea")
    with pytest.raises(Undecided):
        world.core.authenticator.identify(token)
    identity = world.run(world.core.authenticator.identify_new_caller(token))
    assert isinstance(identity, Identity)
    assert world.core.authenticator.identify(token) == identity


def test_a_disabled_user_is_refused_even_with_a_new_token(world: World, foreign: Foreign) -> None:
    world.core.presence.disable(2)
    world.advance(3600)
    assert is_refused(world, foreign.issuer.token("ada"))


def test_a_socket_of_a_disabled_user_is_told_why_it_is_closed(world: World, foreign: Foreign) -> None:
    feed = opened(world, foreign)
    world.run(world.core.membership.disable(2))
    world.settle()
    assert feed.transport.closed == (CloseCode.REVOKED, "disabled")


def test_a_refused_token_changes_no_profile(world: World, foreign: Foreign) -> None:
    world.core.presence.disable(2)
    assert is_refused(world, foreign.issuer.token("ada", name="Other"))
    world.settle()
    assert "save_profile" not in world.faults.calls


def test_an_unknown_key_is_read_again(world: World, foreign: Foreign) -> None:
    foreign.issuer.keys["ES256"] = IssuerKey("ES256", "new")
    foreign.next_keys = [foreign.issuer.key()]
    token = foreign.issuer.token("ada")
    with pytest.raises(UnknownKey):
        world.core.authenticator.identify(token)
    assert world.run(world.core.authenticator.identify_later(token)).user_id == 2
    assert foreign.reads == 1


def test_a_key_that_is_not_there_either_is_refused(world: World, foreign: Foreign) -> None:
    foreign.issuer.keys["ES256"] = IssuerKey("ES256", "new")
    with pytest.raises(UnknownKey):
        world.run(world.core.authenticator.identify_later(foreign.issuer.token("ada")))
    assert foreign.reads == 1


def test_a_token_of_a_new_user_with_a_new_key_is_accepted(world: World, foreign: Foreign) -> None:
    foreign.issuer.keys["ES256"] = IssuerKey("ES256", "new")
    foreign.next_keys = [foreign.issuer.key()]
    token = foreign.issuer.token("bea", name="Bea")
    identity = world.run(world.core.authenticator.identify_later(token))
    assert world.core.registry.get(identity.user_id).profile.username == "Bea"


def test_a_revocation_refuses_what_was_issued_before(world: World, foreign: Foreign) -> None:
    old = foreign.issuer.token("ada", iat=int(world.time.unix()) - 120)
    assert not is_refused(world, old)
    revoke(world)
    assert is_refused(world, old)
    assert is_refused(world, foreign.issuer.token("ada", iat=int(world.time.unix()) - 61))
    assert foreign.tokens.verify(old).login_id not in foreign.logins.revoked, "the cut-off is enough"


def test_a_revocation_spares_what_a_clock_a_minute_behind_may_have_issued_later(world: World, foreign: Foreign) -> None:
    revoke(world)
    assert not is_refused(world, foreign.issuer.token("ada", iat=int(world.time.unix()) - 59))
    world.advance(1)
    assert not is_refused(world, foreign.issuer.token("ada"))


@pytest.mark.parametrize("ahead", [-59, 0, 59, 61, 86400])
def test_a_revocation_refuses_what_was_in_use(world: World, foreign: Foreign, ahead: int) -> None:
    """The cut-off would spare it: it was issued a moment before, or even after it by a clock that is ahead."""
    iat = int(world.time.unix()) + ahead
    in_use = foreign.issuer.token("ada", iat=iat, exp=iat + 900, jti="used")
    unseen = foreign.issuer.token("ada", iat=iat, exp=iat + 900, jti="unseen")
    other = foreign.issuer.token("bea")
    world.run(world.core.authenticator.identify_later(other))
    assert not is_refused(world, in_use)
    revoke(world)
    assert is_refused(world, in_use)
    assert not is_refused(world, unseen)
    assert not is_refused(world, other)
    assert foreign.tokens.verify(in_use).login_id in foreign.logins.revoked


def test_a_revocation_closes_the_sockets(world: World, foreign: Foreign) -> None:
    identity = world.core.authenticator.identify(foreign.issuer.token("ada"))
    feed = world.connect(2, identity=identity)
    foreign.tokens.use(foreign.tokens.keys)
    foreign.tokens._verified.keep(lambda _token: False)
    revoke(world)
    assert feed.session.close_code == CloseCode.REVOKED
    assert identity.login_id in foreign.logins.revoked


def test_what_is_used_after_a_revocation_stays(world: World, foreign: Foreign) -> None:
    revoke(world)
    world.advance(1)
    kept = opened(world, foreign)
    world.core.authenticator.close_refused(2)
    world.advance(1)
    assert kept.is_open


def test_a_revocation_revokes_each_token_once(world: World, foreign: Foreign) -> None:
    world.core.authenticator.identify(foreign.issuer.token("ada", jti="one"))
    revoke(world)
    after_first = list(foreign.logins.revoked)
    world.core.authenticator.close_refused(2)
    assert foreign.logins.revoked == after_first
    world.advance(1)
    second = world.core.authenticator.identify(foreign.issuer.token("ada", jti="two"))
    revoke(world)
    assert second.login_id in foreign.logins.revoked


def test_a_revocation_spares_the_kept_login(world: World, foreign: Foreign) -> None:
    kept, other = foreign.issuer.token("ada", jti="kept"), foreign.issuer.token("ada", jti="other")
    assert [is_refused(world, token) for token in (kept, other)] == [False, False]
    world.users.change(2, kept_login=foreign.tokens.verify(kept).login_id)
    revoke(world)
    assert [is_refused(world, token) for token in (kept, other)] == [False, True]
    world.advance(3600)
    assert not is_refused(world, foreign.issuer.token("ada", jti="kept", iat=1_893_500_000))


def test_an_old_cut_off_from_the_store_revokes_nothing_more(world: World, foreign: Foreign) -> None:
    world.edit(2, foreign_tokens_after=world.time.wall() - timedelta(seconds=61))
    token = foreign.issuer.token("ada", iat=int(world.time.unix()) - 60)
    assert not is_refused(world, token)
    world.core.authenticator.close_refused(2)
    assert not is_refused(world, token)


def test_a_cut_off_from_before_the_start_revokes_nothing_more(world: World, foreign: Foreign) -> None:
    world.edit(2, foreign_tokens_after=world.time.wall() - timedelta(seconds=1))
    world.advance(2)
    token = foreign.issuer.token("ada")
    assert not is_refused(world, token)
    world.core.authenticator.close_refused(2)
    assert not is_refused(world, token)


def test_close_refused_of_a_user_who_is_gone_does_nothing(world: World, foreign: Foreign) -> None:
    world.core.authenticator.close_refused(99)


def test_the_tokens_of_a_deleted_user_do_not_create_the_user_again(world: World, foreign: Foreign) -> None:
    seen, unseen = foreign.issuer.token("ada", jti="seen"), foreign.issuer.token("ada", jti="unseen")
    feed = world.connect(2, identity=world.core.authenticator.identify(seen))
    world.run(world.core.membership.delete(2))
    world.settle()
    assert feed.transport.closed == (CloseCode.REVOKED, "deleted")
    with pytest.raises(Unauthenticated) as refusal:
        world.run(world.core.authenticator.identify_later(seen))
    assert refusal.value.message == "Invalid token"
    assert "ada" not in [entry.profile.external_id for entry in world.core.registry]
    assert foreign.tokens.verify(seen).login_id in foreign.logins.revoked
    again = world.run(world.core.authenticator.identify_later(unseen))
    assert again.user_id not in (1, 2)


def test_of_a_user_of_ours_a_deletion_revokes_no_foreign_tokens(world: World, foreign: Foreign) -> None:
    world.connect(1)
    world.run(world.core.membership.delete(1))
    assert foreign.logins.revoked == []


def test_a_login_that_signed_out_is_refused_and_others_of_the_user_are_not(world: World, foreign: Foreign) -> None:
    one, two = foreign.issuer.token("ada", jti="one"), foreign.issuer.token("ada", jti="two")
    identity = world.core.authenticator.identify(one)
    world.core.authenticator.revoke_login(identity.login_id, 900)
    assert is_refused(world, one)
    assert not is_refused(world, two)


def test_a_ticket_is_issued_for_a_token(world: World, foreign: Foreign) -> None:
    identity = world.core.authenticator.identify(foreign.issuer.token("ada", jti="one"))
    ticket = world.run(world.core.authenticator.new_ticket(identity))
    assert world.run(world.core.authenticator.identify_by_ticket(ticket)) == identity


def test_a_refresh_replaces_a_token(world: World, foreign: Foreign) -> None:
    feed = opened(world, foreign)
    world.advance(10)
    replies = world.send(feed, "refresh", token=foreign.issuer.token("ada", name="Ada"))
    assert "token_refreshed" in [each["type"] for each in replies]
    world.settle()
    assert world.core.registry.get(2).profile.username == "Ada"


@pytest.mark.parametrize(
    ("sub", "code"), [("bea", "AUTH_ERROR"), ("user", "FORBIDDEN_ERROR")], ids=["nobody", "another user"]
)
def test_a_refresh_with_another_users_token_is_refused(world: World, foreign: Foreign, sub: str, code: str) -> None:
    world.run(world.core.authenticator.identify_later(foreign.issuer.token("user")))
    feed = opened(world, foreign)
    (reply,) = world.send(feed, "refresh", token=foreign.issuer.token(sub))
    assert (reply["type"], reply["code"]) == ("error", code)
    assert "bea" not in world.external_ids.rows


def test_a_refresh_with_a_new_key_waits_for_it(world: World, foreign: Foreign) -> None:
    feed = opened(world, foreign)
    foreign.issuer.keys["ES256"] = IssuerKey("ES256", "new")
    foreign.next_keys = [foreign.issuer.key()]
    (reply,) = world.send(feed, "refresh", token=foreign.issuer.token("ada"))
    assert reply["type"] == "token_refreshed"


def test_a_refresh_with_a_key_that_nobody_has_is_refused(world: World, foreign: Foreign) -> None:
    feed = opened(world, foreign)
    foreign.issuer.keys["ES256"] = IssuerKey("ES256", "new")
    (reply,) = world.send(feed, "refresh", token=foreign.issuer.token("ada"))
    assert (reply["type"], reply["code"]) == ("error", "AUTH_ERROR")
    assert feed.is_open


def test_a_refresh_whose_socket_was_closed_meanwhile_changes_nothing(world: World, foreign: Foreign) -> None:
    feed, before = opened(world, foreign), world.core.authenticator.identify(foreign.issuer.token("ada"))

    async def read_and_lose() -> None:
        foreign.use(foreign.issuer.key())
        world.leave(feed)

    foreign.issuer.keys["ES256"] = IssuerKey("ES256", "new")
    foreign.tokens.read_keys = read_and_lose
    world.send(feed, "refresh", token=foreign.issuer.token("ada", exp=before.expires_at + 60))
    assert isinstance(feed.session.identity, Identity)
    assert feed.session.identity.expires_at == before.expires_at


def test_a_refresh_may_be_longer_than_other_messages(world: World, foreign: Foreign) -> None:
    feed = opened(world, foreign)
    token = foreign.issuer.token("ada", extra="x" * 5000)
    assert len(token) > world.settings.message_limit_bytes
    (reply,) = world.send(feed, "refresh", token=token)
    assert reply["type"] == "token_refreshed"


@pytest.mark.parametrize("text", ['{"type": "ping", "timestamp": 1' + " " * 4096 + "}", "x" * 4097, "é" * 2049])
def test_any_other_message_may_not(world: World, foreign: Foreign, text: str) -> None:
    feed = opened(world, foreign)
    world.core.commands.dispatch(feed.session, text)
    assert feed.session.close_code == CloseCode.TOO_BIG


def test_a_message_of_exactly_the_limit_is_read(world: World, foreign: Foreign) -> None:
    feed = opened(world, foreign)
    text = '{"type": "ping"' + " " * (4096 - 16) + "}"
    world.core.commands.dispatch(feed.session, text)
    assert feed.messages()[-1]["type"] == "pong"
