"""Membership: users are created, changed, disabled, enabled and deleted, and everyone who watches hears of it."""

from __future__ import annotations

import pytest

from models.errors import Conflict, NotFound, StoreUnavailable
from models.status import StatusChange
from models.user_documents import NewUser
from realtime.presence.log import OperatorAction, Proposal, Revocation
from realtime.presence.membership import FINISH_SECONDS
from realtime.protocol import CloseCode
from tests.realtime.calling import busy, four_users, start, told_calls
from tests.realtime.client import Client
from tests.realtime.conftest import MakeWorld, told
from tests.realtime.operators import tell, watch
from tests.realtime.stores import Fault
from tests.realtime.world import World


def removals(world: World, client: Client) -> list[tuple[int, int]]:
    """Return (user id, seq) of every `user_removed` that the client got on its connection."""
    world.arrive()
    return [(each["user_id"], each["seq"]) for each in client.messages("user_removed")]


def delete(world: World, user_id: int) -> None:
    """Delete a user."""
    world.run(world.core.membership.delete(user_id))


# Creating and changing.


def test_a_user_who_is_created_is_announced(world: World, operator_session: Client) -> None:
    user = world.run(world.core.membership.create(NewUser("ada", None, None)))
    assert told(world, operator_session) == [(4, False, False, "set")]
    assert world.status(4).username == user.profile.username == "ada"


def test_a_user_of_another_program_is_created_once_and_found(world: World) -> None:
    create = world.core.membership.create_external
    first = world.run(create("auth0|ada", "ada", "https://example.com/a.png", ["team"]))
    assert world.run(create("auth0|ada", "another", None)) == first
    assert world.status(4).external_id == "auth0|ada"
    entry = world.run(world.core.membership.find_external("auth0|ada"))
    assert entry is not None
    assert (entry.profile.user_id, entry.record.tags) == (4, ("team",))
    assert world.run(world.core.membership.find_external("auth0|zoe")) is None


def test_a_user_whose_id_was_reserved_before_gets_that_id(world: World) -> None:
    reserved = world.run(world.external_ids.reserve("auth0|ada"))
    before = world.faults.calls.count("reserve")
    create = world.core.membership.create_external
    assert world.run(create("auth0|ada", "ada", None, reserved=reserved)).profile.user_id == reserved
    assert world.faults.calls.count("reserve") == before


def test_a_user_of_another_program_who_is_not_known_here_yet_is_found_in_the_store(world: World) -> None:
    user_id = world.run(world.external_ids.reserve("auth0|ada"))
    world.run(world.users.create(NewUser("ada", None, None, "auth0|ada"), world.time.wall(), user_id))
    entry = world.run(world.core.membership.find_external("auth0|ada"))
    assert entry is not None
    assert entry.profile.username == "ada"


@pytest.mark.parametrize(
    ("external_id", "username", "may_differ", "name"),
    [
        ("ada", None, False, "ada"),
        ("user1", None, False, "user1 #2"),
        ("x" * 64, None, False, "x" * 64),
        ("\u200f", None, False, "User 4"),
        ("auth0|1", "user2", True, "user2 #2"),
        ("auth0|1", "zoe", True, "zoe"),
    ],
)
def test_a_user_without_a_name_of_their_own_gets_one_that_is_free(
    world: World, external_id: str, username: str | None, may_differ: bool, name: str
) -> None:
    world.run(world.core.membership.create_external(external_id, username, None, may_differ=may_differ))
    assert world.status(4).username == name


def test_a_free_name_that_somebody_takes_meanwhile_is_replaced_by_another(world: World) -> None:
    world.faults.holds = True
    creating = world.begin(world.core.membership.create_external("auth0|ada", "ada", None, may_differ=True))
    while world.faults.held:
        if world.faults.held[0].operation == "create" and 9 not in world.users.rows:
            world.users.add(9, world.time.wall(), "ada")
        world.faults.held[0].go()
        world.settle()
    assert creating.result().profile.username == "ada #2"


def test_a_creation_does_not_go_on_for_ever_while_others_take_every_name(world: World) -> None:
    world.users.stolen = ["user1 #2", "user1 #4"] * 100
    with pytest.raises(Conflict):
        world.run(world.core.membership.create_external("user1", None, None))


def test_a_creation_does_not_go_on_for_ever_while_others_delete_the_user(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    deleted = world.users.add(9, world.time.wall(), "gone")
    world.users.change(9, deleted_at=world.time.wall())

    async def reserve(_external_id: str) -> int:
        return deleted.profile.user_id

    monkeypatch.setattr(world.external_ids, "reserve", reserve)
    with pytest.raises(StoreUnavailable):
        world.run(world.core.membership.create_external("auth0|ada", "ada", None))


def test_a_name_that_is_taken_is_refused_and_the_next_attempt_has_the_same_id(world: World) -> None:
    with pytest.raises(Conflict):
        world.run(world.core.membership.create_external("auth0|ada", "user1", None))
    assert len(world.core.registry) == 3
    assert world.run(world.core.membership.create_external("auth0|ada", "ada", None)).profile.user_id == 4


def test_a_change_of_name_and_tags_is_announced_and_kept(world: World, operator_session: Client) -> None:
    world.run(world.core.membership.update(1, {"username": "zoe", "tags": ("a",)}))
    assert told(world, operator_session) == [(1, False, False, "set")]
    assert (world.status(1).username, world.core.registry.get(1).record.tags) == ("zoe", ("a",))
    with pytest.raises(NotFound):
        world.run(world.core.membership.update(9, {"username": "zoe"}))


# Disabling and enabling.


def test_a_disabled_user_is_offline_out_of_calls_and_refused_until_enabled(make_world: MakeWorld) -> None:
    world = four_users(make_world(4))
    world.call(1, 2)
    told_before = world.identity(1)
    world.run(world.core.membership.disable(1))
    world.arrive()
    assert world.clients[0].session.close_code == CloseCode.REVOKED
    assert busy(world) == []
    assert told_calls(world, 2) == ["ongoing", "dropped"]
    assert world.logins.revoked == [1]
    assert not world.status(1).is_online
    world.run(world.core.membership.enable(1))
    assert not world.core.registry.get(1).disabled
    assert world.core.authenticator.is_revoked(told_before)
    world.connect(1, identity=world.tokens.mint(1, "new", "access", 900, 1)[1])
    assert world.status(1).is_online


def test_a_user_who_is_enabled_is_not_online_because_of_what_was_before(world: World) -> None:
    world.beat(1)
    world.connect(2)
    for user_id in (1, 2):
        world.run(world.core.membership.disable(user_id))
        world.run(world.core.membership.enable(user_id))
        assert not world.status(user_id).is_online


def test_a_disabled_user_stays_offline_after_a_restart_and_after_being_enabled_then(world: World) -> None:
    world.beat(1)
    world.flush()
    world.run(world.core.membership.disable(1))
    world.users.change(1, online=True)
    world.crash()
    world.start()
    world.run(world.core.membership.enable(1))
    assert not world.status(1).is_online


def test_who_is_disabled_by_a_notice_and_enabled_then_is_let_in(world: World) -> None:
    world.run(world.users.disable(1, world.time.wall()))
    world.core.presence.disable(1)
    world.run(world.core.membership.enable(1))
    assert not world.core.registry.get(1).disabled


@pytest.mark.parametrize("operation", ["disable", "enable", "delete"])
def test_nobody_can_be_changed_who_is_not_there(world: World, operation: str) -> None:
    with pytest.raises(NotFound):
        world.run(getattr(world.core.membership, operation)(9))


# Deleting.


def test_a_deleted_user_is_gone_for_everyone_who_watches(world: World) -> None:
    feed, presence = world.connect(2), world.connect(3, "presence")
    narrowed = world.connect(3, "presence")
    other = world.connect(3, "presence")
    world.send(narrowed, "subscribe", subscription="presence", user_ids=[1])
    world.send(other, "subscribe", subscription="presence", user_ids=[2])
    seq = world.core.changes.seq
    delete(world, 1)
    assert [removals(world, each) for each in (feed, presence, narrowed)] == [[(1, seq + 1)]] * 3
    assert removals(world, other) == []
    assert sorted(world.picture()) == [2, 3]
    assert world.core.stats.counts().total_users == 2
    with pytest.raises(NotFound):
        world.status(1)


def test_who_watches_by_tag_hears_of_a_deletion_too(world: World) -> None:
    world.run(world.core.membership.update(1, {"tags": ("a",)}))
    client, other = world.connect(3, "presence"), world.connect(3, "presence")
    world.send(client, "subscribe", subscription="presence", tags=["a"], snapshot=True)
    world.send(other, "subscribe", subscription="presence", tags=["b"])
    delete(world, 1)
    assert [user_id for user_id, _ in removals(world, client)] == [1]
    assert removals(world, other) == []
    assert world.core.registry.tag_counts() == {}


def test_the_counts_of_deleted_users_are_right_in_every_state(make_world: MakeWorld) -> None:
    world = four_users(make_world(4))
    world.put(2, is_busy=True)
    world.leave(world.clients[2])
    world.advance(30)
    for user_id in (1, 2, 3):
        delete(world, user_id)
    counts = world.core.stats.counts()
    assert (counts.total_users, counts.online, counts.available, counts.busy) == (1, 1, 1, 0)
    assert world.core.registry.page("", online_only=False, available_only=False, skip=0, limit=9)[1] == 1


def test_a_client_that_was_away_hears_of_a_deletion_when_it_resumes(world: World) -> None:
    client = world.connect(3, "presence")
    world.arrive()
    world.lose(client)
    world.put(2, is_busy=True)
    delete(world, 1)
    world.connect(3, "presence", client=client)
    world.arrive()
    client.fold()
    assert [each["user_id"] for each in client.messages("user_removed")] == [1]
    assert sorted(client.picture) == [2, 3]


def test_a_client_that_asks_for_a_snapshot_does_not_get_a_deleted_user(world: World) -> None:
    client = world.connect(3, "presence")
    delete(world, 1)
    world.send(client, "subscribe", subscription="presence", snapshot=True)
    world.arrive()
    client.fold()
    assert sorted(client.picture) == [2, 3]


def test_the_sockets_of_a_deleted_user_close_and_tokens_are_refused(world: World) -> None:
    identity = world.identity(1)
    clients = [world.connect(1), world.connect(1, "presence")]
    delete(world, 1)
    assert [each.session.close_code for each in clients] == [CloseCode.REVOKED] * 2
    assert world.core.authenticator.is_revoked(identity)
    assert len(world.core.hub) == len(world.core.fan_out) == 0


def test_a_socket_that_opens_while_its_user_is_deleted_is_refused(world: World) -> None:
    identity = world.identity(1)
    delete(world, 1)
    with pytest.raises(Exception, match="deleted") as refused:
        world.connect(1, identity=identity)
    assert refused.value.close_code == CloseCode.REVOKED  # type: ignore[attr-defined]


def test_a_deletion_is_announced_however_often_the_user_was_announced_before(world: World) -> None:
    client = world.connect(3, "presence")
    for number in range(20):
        world.put(1, is_busy=number % 2 == 0)
    delete(world, 1)
    assert [user_id for user_id, _ in removals(world, client)] == [1]
    before = len(client.messages())
    world.advance(5)
    assert [each for each in client.messages()[before:] if each.get("user_id") == 1] == []


def test_nothing_is_left_of_the_deadlines_of_a_deleted_user(world: World) -> None:
    world.put(1, is_busy=True, busy_until=world.time.wall().replace(year=2031))
    world.beat(1)
    client = world.connect(1)
    world.lose(client)
    delete(world, 1)
    assert len(world.core.wall_timers) == 0
    world.advance(FINISH_SECONDS + 1)
    assert len(world.core.timers) == 0
    world.advance(200)
    assert len(world.core.write_back) == 0


def test_the_call_of_a_deleted_user_ends_and_the_partner_is_told(make_world: MakeWorld) -> None:
    world = four_users(make_world(4))
    call = world.call(1, 2)
    delete(world, 1)
    assert told_calls(world, 2) == ["ongoing", "dropped"]
    assert not world.status(2).is_busy
    assert world.calls.locks == {}
    assert world.calls.calls[call.call_id].status == "dropped"
    assert len(world.core.switchboard.ongoing) == 0


def test_the_call_that_starts_while_its_caller_is_deleted_ends_at_once(make_world: MakeWorld) -> None:
    world = four_users(make_world(4))
    world.faults.holds = True
    starting = start(world, 1, 2)
    deleting = world.begin(world.core.membership.delete(1))
    while world.faults.held:
        world.faults.held[0].go()
        world.settle()
    world.faults.holds = False
    world.advance(1)
    assert starting.done()
    assert deleting.done()
    assert not world.status(2).is_busy
    assert len(world.core.switchboard.ongoing) == 0
    assert world.calls.locks == {}


def test_a_call_whose_end_the_store_does_not_take_ends_later(make_world: MakeWorld) -> None:
    world = four_users(make_world(4))
    world.call(1, 2)
    world.faults.script("end", *["refused"] * 3)
    delete(world, 1)
    assert world.status(2).is_busy
    world.advance(10)
    assert not world.status(2).is_busy


def test_nobody_calls_a_deleted_user_and_a_deleted_user_calls_nobody(make_world: MakeWorld) -> None:
    world = four_users(make_world(4))
    delete(world, 1)
    for caller_id, callee_id in ((1, 2), (2, 1)):
        with pytest.raises(NotFound):
            world.call(caller_id, callee_id)


def test_a_second_deletion_finds_nobody(world: World) -> None:
    world.faults.holds = True
    deletions = [world.begin(world.core.membership.delete(1)) for _ in range(2)]
    while world.faults.held:
        world.faults.held[0].go()
        world.settle()
    assert sorted(type(each.exception()) for each in deletions if each.exception()) == [NotFound]
    assert len([each for each in world.faults.calls if each == "clean_up"]) == 1
    with pytest.raises(NotFound):
        delete(world, 1)


def test_a_user_whom_another_server_has_deleted_is_removed_when_somebody_tries_again(world: World) -> None:
    client = world.connect(3, "presence")
    world.run(world.users.delete(1, world.time.wall()))
    with pytest.raises(NotFound):
        delete(world, 1)
    assert [user_id for user_id, _ in removals(world, client)] == [1]
    world.run(world.users.delete(2, world.time.wall()))
    with pytest.raises(NotFound):
        world.run(world.core.membership.enable(2))


@pytest.mark.parametrize("fault", ["refused", "reply_lost"])
def test_a_deletion_of_unknown_outcome_is_settled(world: World, fault: Fault) -> None:
    client = world.connect(3, "presence")
    world.faults.script("delete", fault)
    with pytest.raises(StoreUnavailable):
        delete(world, 1)
    world.flush()
    is_deleted = fault == "reply_lost"
    assert (1 in world.core.registry) is not is_deleted
    assert [user_id for user_id, _ in removals(world, client)] == [1] * is_deleted
    if is_deleted:
        world.run(world.core.check_store())
    else:
        delete(world, 1)
    world.advance(FINISH_SECONDS + 1)
    assert not world.users.rows[1].deletion_unfinished


def test_a_change_that_waits_for_a_deletion_finds_nobody_and_brings_nobody_back(world: World) -> None:
    world.beat(1)
    world.faults.holds = True
    deleting = world.begin(world.core.membership.delete(1))
    changing = world.begin(world.core.presence.change(1, StatusChange(is_busy=True)))
    beating = world.begin(world.core.presence.change(1, StatusChange(is_online=True)))
    while world.faults.held:
        world.faults.held[0].go()
        world.settle()
    assert deleting.exception() is None
    assert isinstance(changing.exception(), NotFound)
    assert isinstance(beating.exception(), NotFound)
    world.faults.holds = False
    world.flush()
    assert world.users.rows[1].deleted_at is not None
    assert not world.users.rows[1].online
    assert 1 not in world.core.registry


def test_a_write_that_is_repeated_finds_that_the_user_was_deleted(world: World) -> None:
    client = world.connect(3, "presence")
    world.faults.script("save_claims", "refused")
    with pytest.raises(StoreUnavailable):
        world.put(1, is_busy=True)
    world.run(world.users.delete(1, world.time.wall()))
    world.flush()
    assert [user_id for user_id, _ in removals(world, client)] == [1]
    assert len(world.core.write_back) == 0
    world.core.write_back.mark_unsure(1)
    world.flush()
    assert len(world.core.write_back) == 0


def test_evidence_that_is_saved_late_leaves_a_deleted_user_alone(world: World) -> None:
    world.beat(1)
    world.core.write_back.mark(1)
    delete(world, 1)
    world.core.write_back.mark(1)
    world.flush()
    assert not world.users.rows[1].online


def test_a_crash_after_the_store_has_the_deletion_is_made_good_by_the_next_start(make_world: MakeWorld) -> None:
    world = four_users(make_world(4))
    stored = world.run(world.core.membership.create_external("auth0|ada", "ada", None))
    user_id = stored.profile.user_id
    world.connect(user_id)
    call = world.call(user_id, 2)
    world.run(world.users.delete(user_id, world.time.wall()))
    world.crash()
    world.start()
    assert user_id not in world.core.registry
    world.advance(1)
    assert world.calls.calls[call.call_id].status == "dropped"
    world.run(world.core.check_store())
    world.advance(FINISH_SECONDS + 1)
    assert (world.deletions.cleaned, world.external_ids.rows) == ([user_id, user_id], {})
    assert not world.users.rows[user_id].deletion_unfinished
    world.run(world.core.check_store())
    assert world.deletions.cleaned == [user_id, user_id]


def test_what_the_store_does_not_clean_up_now_is_cleaned_up_later(world: World) -> None:
    world.faults.script("clean_up", "refused", "none", "refused")
    world.faults.script("finish_deletion", "refused")
    delete(world, 1)
    world.advance(3 * FINISH_SECONDS + 3)
    assert not world.users.rows[1].deletion_unfinished


def test_a_deletion_that_goes_on_is_not_begun_twice(world: World) -> None:
    delete(world, 1)
    world.run(world.core.check_store())
    assert world.deletions.cleaned == [1]


def test_the_external_id_of_a_deleted_user_makes_a_new_one(world: World) -> None:
    create = world.core.membership.create_external
    first = world.run(create("auth0|ada", "ada", None))
    delete(world, first.profile.user_id)
    assert world.core.registry.find_external("auth0|ada") is None
    second = world.run(create("auth0|ada", "ada", None))
    assert second.profile.user_id == first.profile.user_id + 1
    entry = world.core.registry.find_external("auth0|ada")
    assert entry is not None
    assert entry.profile.user_id == second.profile.user_id


def test_the_external_id_of_a_user_who_is_deleted_meanwhile_makes_a_new_one(world: World) -> None:
    first = world.run(world.core.membership.create_external("auth0|ada", "ada", None)).profile.user_id
    world.faults.holds = True
    creating = world.begin(world.core.membership.create_external("auth0|ada", "ada", None))
    assert [held.operation for held in world.faults.held] == ["reserve"]
    world.faults.held[0].go()
    deleting = world.begin(world.users.delete(first, world.time.wall()))
    while world.faults.held:
        world.faults.held[0].go()
        world.settle()
    assert deleting.done()
    assert creating.result().profile.user_id == first + 1


def test_a_user_who_signs_in_while_being_deleted_is_refused(world: World) -> None:
    delete(world, 1)
    with pytest.raises(Exception, match="token"):
        world.run(world.core.settlement.ensure_known(1))


def test_operators_see_a_deleted_user_no_more(world: World) -> None:
    world.put(1, is_busy=True)
    page = watch(world)
    tell(world)
    delete(world, 1)
    tell(world)
    assert sorted(page.fold()["users"]) == [2, 3]
    assert page.updates()[-1]["removed"] == [1]
    assert "user1" not in str(page.fold()["events"])
    world.core.registry.changed.add(1)
    tell(world)
    assert len(page.updates()) == 1
    world.core.overview_feed.refresh()
    assert watch(world).fold()["figures"]["offline"] == 2


def test_a_user_who_is_deleted_while_nobody_watches_is_in_no_overview(world: World) -> None:
    world.beat(1)
    world.core.overview_feed.refresh()
    delete(world, 1)
    world.core.overview_feed.refresh()
    assert sorted(watch(world).fold()["users"]) == [2, 3]


def test_events_keep_the_id_of_a_deleted_user_and_no_name(make_world: MakeWorld) -> None:
    world = four_users(make_world(4))
    world.call(1, 2)
    under_way = world.core.event_log.unsaved(100)
    delete(world, 1)
    log = world.core.event_log
    for events in (log.latest(), log.unsaved(100), [event for event, _ in log.take_new()]):
        names = {event.username for event in events} | {event.other_name for event in events}
        assert "user1" not in names
        assert "deleted user #1" in names
        assert ("call_ended", 1) in [(event.kind, event.user_id) for event in events]
    log.saved(under_way)
    assert [event.kind for event in log.unsaved(100)] == ["available", "call_ended"]
    world.core.log.append(Proposal((), "operator", action=OperatorAction((1,), "sign_out", "maya")))
    assert len(log.unsaved(100)) == 2


def test_events_that_a_start_finds_in_the_store_do_not_name_a_deleted_user(make_world: MakeWorld) -> None:
    world = four_users(make_world(4))
    world.call(1, 2)
    found = world.core.event_log.latest()
    delete(world, 1)
    world.crash()
    world.start()
    world.core.event_log.restore(found)
    names = {name for event in world.core.event_log.latest() for name in (event.username, event.other_name)}
    assert names == {"deleted user #1", "user2", "user3", "user4", ""}


def test_a_deleted_user_is_called_by_the_id(world: World) -> None:
    delete(world, 1)
    assert world.core.registry.name(1) == "deleted user #1"
    world.crash()
    world.start()
    assert world.core.registry.name(1) == "deleted user #1"


def test_flapping_of_a_deleted_user_needs_no_attention(world: World) -> None:
    for _ in range(8):
        client = world.connect(1)
        world.leave(client)
        world.advance(6)
    world.core.overview_feed.refresh()
    assert [issue.kind for issue in world.core.overview.issues()] == ["flapping"]
    delete(world, 1)
    world.core.overview_feed.refresh()
    assert world.core.overview.issues() == []


def test_the_other_servers_are_told_at_once_of_tokens_that_are_refused(world: World) -> None:
    told_others: list[Revocation] = []
    world.core.authenticator.tell_others = told_others.append
    world.run(world.core.membership.disable(1))
    delete(world, 2)
    assert [(each.user_id, each.token_version) for each in told_others] == [(1, 1), (2, 1)]


def test_a_deletion_that_is_repeated_in_the_log_is_announced_again(world: World) -> None:
    client = world.connect(3, "presence")
    delete(world, 1)
    world.core.log.append(Proposal((1,), "set", is_repeat=True))
    assert [user_id for user_id, _ in removals(world, client)] == [1, 1]
