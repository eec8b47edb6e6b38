"""Overview: operators see the actual state, and it costs almost nothing while nobody watches."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from models.errors import Invalid, NotFound
from models.samples import Sample
from models.status import Profile
from models.times import milliseconds
from realtime.dashboard.rows import CallRow, Explanation, Figures, SampleRow, SessionRow, UserRow
from tests.realtime.calling import four_users
from tests.realtime.client import Client
from tests.realtime.conftest import MakeWorld
from tests.realtime.operators import pass_time, row, tell, watch
from tests.realtime.world import World


def now(world: World) -> int:
    return milliseconds(world.core.environment.clock.utc())


def test_a_row_says_who_and_why(world: World) -> None:
    at = now(world)
    world.advance(1)
    world.connect(1)
    assert row(world, 1) == UserRow(1, "user1", "available", at + 1000, at + 1000, Explanation("connected"), "tests", 1)
    assert row(world, 2) == UserRow(2, "user2", "offline", at, 0, Explanation("never came online"))


def test_a_row_of_nobody_is_not_found(world: World) -> None:
    with pytest.raises(NotFound):
        row(world, 9)


def test_a_user_is_found_by_the_external_id(world: World) -> None:
    created = world.run(world.core.membership.create_external("a,b", "ada", None))
    assert world.core.overview.user_id_of("external:a,b") == created.profile.user_id
    for name, error in (("external:nobody", NotFound), ("external:", Invalid)):
        with pytest.raises(error):
            world.core.overview.user_id_of(name)


def test_a_row_names_the_call_and_what_waits_for_its_end(make_world: MakeWorld) -> None:
    world = four_users(make_world(4))
    call = world.call(1, 2)
    assert row(world, 1).call_id == call.call_id
    assert row(world, 1).waiting == ""
    world.core.overview._row_builder._waiting = lambda user_id: f"clear busy of {user_id}"
    assert row(world, 1).waiting == "clear busy of 1"


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://example.com/a.png", "https://example.com/a.png"),
        ("HTTPS://example.com/a.png", "HTTPS://example.com/a.png"),
        ("http://example.com/a.png", ""),
        ("javascript:alert(1)//https://", ""),
        ("data:image/png;base64,AAAA", ""),
        (None, ""),
    ],
)
def test_an_image_is_shown_from_https_alone(world: World, address: str | None, shown: str) -> None:
    world.rename(Profile(1, "user1", address))
    assert row(world, 1).image == shown


def test_the_device_is_that_of_the_newest_socket(world: World) -> None:
    first = world.connect(1)
    first.session.device = "okhttp 4.12"
    world.advance(1)
    second = world.connect(1)
    second.session.device = "Android 3.1"
    assert (row(world, 1).device, row(world, 1).sockets) == ("Android 3.1", 2)
    world.leave(second)
    assert (row(world, 1).device, row(world, 1).sockets) == ("okhttp 4.12", 1)


def test_a_user_whose_socket_is_just_opening_has_no_device_yet(world: World) -> None:
    world.core.presence.join(1)
    assert row(world, 1).device == ""


def test_sessions_are_listed_the_newest_first(world: World) -> None:
    assert world.core.overview.sessions(1) == []
    first = world.connect(1)
    at = now(world)
    world.advance(2)
    second = world.connect(1, "presence", address="192.0.2.2")
    assert world.core.overview.sessions(1) == [
        SessionRow(second.session.session_id, "presence", "tests", "192.0.2.2", at + 2000, at + 2000),
        SessionRow(first.session.session_id, "feed", "tests", "192.0.2.1", at, at),
    ]


def test_calls_are_listed_the_longest_first(make_world: MakeWorld) -> None:
    world = four_users(make_world(4))
    first = world.call(3, 4)
    world.advance(1)
    second = world.call(1, 2)
    assert world.core.overview.calls() == [
        CallRow(first.call_id, 3, "user3", 4, "user4", "audio", milliseconds(first.started_at)),
        CallRow(second.call_id, 1, "user1", 2, "user2", "audio", milliseconds(second.started_at)),
    ]


def test_the_figures_count_every_user_once(make_world: MakeWorld) -> None:
    world = four_users(make_world(6))
    world.call(1, 2)
    assert world.core.overview.figures() == Figures(available=2, busy=2, offline=2, calls=1, attention=0)


def test_the_history_is_of_the_last_15_minutes(world: World) -> None:
    overview = world.core.overview
    world.connect(1)
    first = world.core.overview_feed.take_sample()
    assert (first.available, first.busy, first.offline, first.calls) == (1, 0, 2, 0)
    at = now(world)
    assert overview.history() == [SampleRow(at, 1, 0, 2, 0)]
    for _ in range(200):
        world.time.seconds += 5
        world.core.overview_feed.take_sample()
    assert len(overview.history()) == 180
    world.time.jumped = timedelta(minutes=10)
    assert overview.history()[0].at > at + 600_000


def test_the_history_goes_on_after_a_restart(world: World) -> None:
    at = world.core.environment.clock.utc()
    world.core.overview.restore([Sample(at - timedelta(minutes=20), 1, 2, 3, 4), Sample(at, 5, 6, 7, 8)])
    assert world.core.overview.history() == [SampleRow(milliseconds(at), 5, 6, 7, 8)]


def test_the_latest_events_come_first(world: World) -> None:
    world.connect(1)
    world.put(1, is_busy=True)
    assert [each.text for each in world.core.overview.events()] == ["user1 is busy", "user1 came online"]


def test_a_change_while_nobody_watches_makes_no_row(world: World) -> None:
    made = rows_made(world)
    world.connect(1)
    world.put(1, is_busy=True)
    tell(world)
    assert made == []


def test_who_comes_finds_the_rows_made_meanwhile(make_world: MakeWorld) -> None:
    world = make_world(3)
    world.core.overview_feed.refresh()
    made = rows_made(world)
    world.beat(2)
    screen = watch(world)
    assert made == [2]
    assert len(screen.fold()["users"]) == 3


def test_a_look_brings_some_rows_up_to_date(make_world: MakeWorld) -> None:
    world = make_world(1500)
    made = rows_made(world)
    world.core.overview_feed.refresh()
    assert len(made) == 1000
    world.core.overview_feed.refresh()
    assert len(made) == 1500


def test_very_many_changes_are_told_in_parts(make_world: MakeWorld) -> None:
    world = make_world(1500)
    screen = watch(world)
    for user_id in range(1, 1501):
        world.beat(user_id)
    tell(world)
    assert len(screen.updates()[-1]["users"]) == 1000
    tell(world)
    assert len(screen.updates()[-1]["users"]) == 500


def test_who_comes_amid_many_changes_makes_the_others_hear_them_all(make_world: MakeWorld) -> None:
    world = make_world(1500)
    screen = watch(world)
    for user_id in range(1, 1501):
        world.beat(user_id)
    other = watch(world)
    assert screen.fold() == other.fold()


def test_a_sign_of_life_on_a_socket_is_told_in_a_few_bytes(world: World) -> None:
    client = world.connect(1)
    screen = watch(world)
    world.advance(1)
    world.send(client, "ping")
    tell(world)
    update = screen.updates()[-1]
    assert update["heard"] == [[1, now(world)]]
    assert "users" not in update
    assert screen.fold()["users"][1]["heard"] == row(world, 1).heard


def test_a_heartbeat_without_a_socket_is_told_as_a_row_because_the_row_says_it(world: World) -> None:
    world.beat(1)
    screen = watch(world)
    world.advance(1)
    world.beat(1)
    tell(world)
    (user,) = screen.updates()[-1]["users"]
    assert user["because"] == {"text": "heartbeat", "at": now(world), "tail": " ago"}


def test_a_heartbeat_after_signs_of_life_is_told_although_rows_are_brought_up_to_date(world: World) -> None:
    phone = world.connect(1)
    screen = watch(world)
    world.advance(5)
    world.send(phone, "ping")
    tell(world)
    world.advance(5)
    world.beat(1)
    world.core.overview_feed.refresh()
    tell(world)
    assert screen.fold()["users"][1]["heard"] == row(world, 1).heard


def test_who_comes_after_signs_of_life_sees_them(world: World) -> None:
    client = world.connect(1)
    watch(world)
    world.advance(1)
    world.send(client, "ping")
    tell(world)
    assert watch(world).fold()["users"][1]["heard"] == now(world)


def test_a_touch_that_changes_nothing_is_not_told(world: World) -> None:
    world.connect(1)
    screen = watch(world)
    tell(world)
    told = len(screen.updates())
    world.rename(world.core.registry.get(1).profile)
    tell(world)
    assert len(screen.updates()) == told


def test_an_update_says_what_is_new_and_nothing_else(make_world: MakeWorld) -> None:
    world = four_users(make_world(4))
    screen = watch(world)
    pass_time(world, 1)
    call = world.call(1, 2)
    tell(world)
    update = screen.updates()[-1]
    assert set(update) == {"type", "seq", "now", "figures", "users", "heard", "calls", "events"} - (
        {"heard"} if "heard" not in update else set()
    )
    assert {each["user_id"] for each in update["users"]} == {1, 2}
    assert [each["text"] for each in update["events"]][-1] == "user1 called user2"
    world.hang_up(1, call)
    tell(world)
    assert screen.updates()[-1]["ended"] == [call.call_id]


def test_a_party_of_a_call_who_is_renamed_is_so_in_all_rows(make_world: MakeWorld) -> None:
    world = four_users(make_world(4))
    screen = watch(world)
    call = world.call(1, 2)
    tell(world)
    world.rename(Profile(2, "ann", None))
    tell(world)
    picture = screen.fold()
    assert picture["calls"][call.call_id]["callee_name"] == "ann"
    assert picture["users"][1]["because"]["text"] == "on a call with ann,"


def test_a_sample_is_told_to_who_watches(world: World) -> None:
    world.core.overview_feed.take_sample()
    screen = watch(world)
    at = now(world)
    assert screen.fold()["history"] == [[at, 0, 0, 3, 0]]
    world.core.overview_feed.take_sample()
    tell(world)
    assert screen.updates()[-1]["samples"] == [[at, 0, 0, 3, 0]]


def test_a_contradiction_is_told_when_it_comes_and_when_it_goes(world: World) -> None:
    screen = watch(world)
    world.calls.locks[1] = "gone"
    pass_time(world, 5, screen)
    assert [each["kind"] for each in screen.fold()["contradictions"]] == ["busy_without_cause"]
    assert screen.fold()["figures"]["attention"] == 1
    told = [each for each in screen.updates() if "contradictions" in each]
    assert len(told) == 1
    world.calls.locks.clear()
    pass_time(world, 3, screen)
    assert screen.fold()["contradictions"] == []
    assert screen.fold()["figures"]["attention"] == 0


def test_what_needs_attention_is_found_within_five_seconds_also_when_nobody_watches(world: World) -> None:
    world.calls.locks[1] = "gone"
    pass_time(world, 5)
    assert len(world.core.overview.issues()) == 1


def rows_made(world: World) -> list[int]:
    """Record the users whose rows are built from now on, in order."""
    made: list[int] = []
    describe = world.core.overview._row_builder.user

    def user(entry: object) -> UserRow:
        row = describe(entry)  # type: ignore[arg-type]
        made.append(row.user_id)
        return row

    world.core.overview._row_builder.user = user  # type: ignore[method-assign,assignment]
    return made


def test_rows_on_the_wire_leave_out_what_is_at_its_default(world: World) -> None:
    sent = msgspec.json.decode(msgspec.json.encode(row(world, 2)))
    assert set(sent) == {"user_id", "username", "state", "since", "heard", "because"}


def test_a_client_of_the_feed_is_told_nothing_of_operators(world: World) -> None:
    client: Client = world.connect(1)
    watch(world)
    world.advance(2)
    told = {each["type"] for each in client.messages()}
    assert told == {"connection_established", "user_status_update", "feed_stats"}
