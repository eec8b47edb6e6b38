"""What the shared log promises, in simulation and in Redis."""

from __future__ import annotations

import pytest

from models.shared_log import (
    NO_ENTRY,
    Appended,
    EntryRow,
    Fenced,
    ForeignLog,
    NotLost,
    NotSent,
    RowConflict,
    SharedEntry,
    Stale,
    StoredRow,
    entry_order,
    follows,
)
from tests.cluster.engines import DATABASE, Engine, adopted, entries, joined, n_of, records, row, sessions

pytestmark = pytest.mark.gen_test(timeout=30)


async def test_the_first_server_begins_a_generation_and_an_epoch(engine: Engine) -> None:
    state = await adopted(engine.server_log(), epoch="mine")
    assert state.is_new
    assert (state.epoch, state.seq, state.cut) == ("mine", 0, NO_ENTRY)
    assert state.last_id == f"{state.generation}-0"


async def test_the_second_server_takes_over_generation_and_epoch(engine: Engine) -> None:
    first = await adopted(engine.server_log(), epoch="mine")
    second = await adopted(engine.server_log(), epoch="not mine")
    assert not second.is_new
    assert (second.generation, second.epoch, second.cut) == (first.generation, "mine", NO_ENTRY)
    assert second.last_id == first.last_id


async def test_adopting_again_tells_the_last_seq_and_the_last_entry(engine: Engine) -> None:
    log = engine.server_log()
    state = await joined(log)
    written = await log.append(state.generation, "a", "set", b"", [row(1), row(2), row(3, announced=False)])
    again = await adopted(log, state)
    assert isinstance(written, Appended)
    assert (again.seq, again.last_id, again.is_new) == (2, written.entry_id, False)


async def test_a_log_of_another_database_is_refused(engine: Engine) -> None:
    await adopted(engine.server_log())
    other = engine.server_log()
    with pytest.raises(ForeignLog):
        await other.adopt(0, 0, "", "epoch", "database two")
    assert not other.is_connected


async def test_a_log_cannot_be_used_before_it_is_adopted(engine: Engine) -> None:
    log = engine.server_log()
    assert not log.is_connected
    for call in (
        log.append(1, "a", "set", b"", []),
        log.leave(1, "a", "drain", b""),
        log.declare_lost(1, "a", "b", 1, "lost"),
        log.join("a"),
        log.renew("a"),
        log.forget("a"),
        log.nodes(),
        log.newest(),
        log.put_sessions(1, "a", "op", b"body", {}, []),
        log.session_rows("a", ["one"]),
        anext(aiter(log.scan_sessions("a"))),
        log.read(NO_ENTRY),
        anext(aiter(log.scan())),
    ):
        with pytest.raises(NotSent):
            await call
    await adopted(log)
    assert log.is_connected


async def test_every_server_reads_an_entry_as_it_was_appended(engine: Engine) -> None:
    one, two = engine.server_log(), engine.server_log()
    state = await joined(one)
    await adopted(two)
    body = b"with spaces \x00 and \xff"
    rows = [row(7, record=b"+ 1\r\n"), row(8, record=b"", announced=False), row(9, record=b"\xff")]
    written = await one.append(state.generation, "a", "set status", body, rows)
    assert isinstance(written, Appended)
    expected = SharedEntry(
        written.entry_id,
        "append",
        0,
        "set status",
        body,
        (EntryRow(7, 1, True, b"+ 1\r\n"), EntryRow(8, 0, False, b""), EntryRow(9, 2, True, b"\xff")),
        "a",
    )
    for log in (one, two):
        assert await log.read(state.last_id) == [expected]
    assert await records(two) == {
        7: StoredRow(written.entry_id, 1, True, b"+ 1\r\n"),
        8: StoredRow(written.entry_id, 0, False, b""),
        9: StoredRow(written.entry_id, 2, True, b"\xff"),
    }


async def test_an_entry_without_rows_takes_no_seq(engine: Engine) -> None:
    log = engine.server_log()
    state = await joined(log)
    await log.append(state.generation, "a", "kick", b"session", [])
    await log.append(state.generation, "a", "set", b"", [row(1)])
    kick, change = await entries(log, state.last_id, 2)
    assert (kick.seq, kick.rows, kick.body) == (0, (), b"session")
    assert change.rows[0].seq == 1


async def test_a_quiet_change_keeps_the_users_last_seq(engine: Engine) -> None:
    log = engine.server_log()
    state = await joined(log)
    first = await log.append(state.generation, "a", "set", b"", [row(1)])
    assert isinstance(first, Appended)
    second = await log.append(state.generation, "a", "set", b"", [row(1, first.entry_id, b"new", announced=False)])
    assert isinstance(second, Appended)
    assert await records(log) == {1: StoredRow(second.entry_id, 1, False, b"new")}


async def test_of_two_who_decide_from_the_same_record_one_learns_the_other_ones_record(engine: Engine) -> None:
    one, two = engine.server_log(), engine.server_log()
    state = await joined(one, "a")
    await joined(two, "b")
    first = await one.append(state.generation, "a", "set", b"", [row(1, record=b"of a")])
    assert isinstance(first, Appended)
    refused = await two.append(state.generation, "b", "set", b"", [row(1, record=b"of b")])
    assert refused == RowConflict({1: StoredRow(first.entry_id, 1, True, b"of a")})
    again = await two.append(state.generation, "b", "set", b"", [row(1, first.entry_id, b"of b")])
    assert isinstance(again, Appended)


async def test_a_group_is_written_as_a_whole_or_not_at_all(engine: Engine) -> None:
    log = engine.server_log()
    state = await joined(log)
    first = await log.append(state.generation, "a", "set", b"", [row(1)])
    assert isinstance(first, Appended)
    refused = await log.append(state.generation, "a", "call", b"", [row(1), row(2), row(3, seen="5-5")])
    assert refused == RowConflict({1: StoredRow(first.entry_id, 1, True, b"record"), 3: None})
    assert set(await records(log)) == {1}
    assert (await adopted(log, state)).last_id == first.entry_id


async def test_a_group_of_two_hundred_is_one_entry(engine: Engine) -> None:
    log = engine.server_log()
    state = await joined(log)
    written = await log.append(state.generation, "a", "lost", b"", [row(user_id) for user_id in range(1, 201)])
    assert isinstance(written, Appended)
    [entry] = await log.read(state.last_id)
    assert [(each.user_id, each.seq) for each in entry.rows] == [(number, number) for number in range(1, 201)]
    assert len(await records(log)) == 200


async def test_an_entry_with_too_many_rows_or_two_of_one_user_is_an_error(engine: Engine) -> None:
    log = engine.server_log()
    state = await joined(log)
    for rows in ([row(user_id) for user_id in range(201)], [row(1), row(1)]):
        with pytest.raises(ValueError, match="an entry has at most"):
            await log.append(state.generation, "a", "set", b"", rows)


async def test_n_rises_by_one_and_every_entry_follows_the_one_before(engine: Engine) -> None:
    log = engine.server_log()
    state = await joined(log)
    for user_id in range(5):
        await log.append(state.generation, "a", "set", b"", [row(user_id)])
    found = await entries(log, state.last_id, 5)
    assert n_of([entry.entry_id for entry in found]) == [1, 2, 3, 4, 5]
    before = [state.last_id, *(entry.entry_id for entry in found)]
    assert all(follows(entry, after) for entry, after in zip(found, before, strict=False))


async def test_trimmed_entries_are_skipped_but_do_not_follow(engine: Engine) -> None:
    log = engine.server_log()
    state = await joined(log)
    for user_id in range(5):
        await log.append(state.generation, "a", "set", b"", [row(user_id)])
    engine.trim(2)
    first, second = await entries(log, state.last_id, 2)
    assert n_of([first.entry_id, second.entry_id]) == [4, 5]
    assert not follows(first, state.last_id)
    assert follows(second, first.entry_id)


async def test_what_is_appended_between_joining_and_the_first_read_is_read(engine: Engine) -> None:
    one, two = engine.server_log(), engine.server_log()
    await joined(one)
    state = await adopted(two)
    await one.append(state.generation, "a", "set", b"", [row(1)])
    assert len(await two.read(state.last_id)) == 1


async def test_reading_cannot_start_at_the_end(engine: Engine) -> None:
    log = engine.server_log()
    await joined(log)
    with pytest.raises(ValueError, match=r"not enough values|invalid literal"):
        await log.read("$")


async def test_a_server_that_has_not_joined_appends_nothing(engine: Engine) -> None:
    log = engine.server_log()
    state = await adopted(log)
    assert await log.append(state.generation, "a", "set", b"", [row(1)]) == Fenced()
    assert await log.leave(state.generation, "a", "drain", b"") == Fenced()
    assert await log.declare_lost(state.generation, "a", "b", 1, "lost") == Fenced()
    assert not await log.renew("a")
    assert (await adopted(log, state)).last_id == state.last_id
    assert await records(log) == {}


async def test_a_server_that_joins_again_keeps_its_counter(engine: Engine) -> None:
    log = engine.server_log()
    await joined(log)
    assert await log.renew("a")
    assert await log.renew("a")
    assert await log.join("a")
    assert await log.nodes() == {"a": 3}


async def test_a_server_that_leaves_is_removed_and_the_others_are_told(engine: Engine) -> None:
    log = engine.server_log()
    state = await joined(log)
    left = await log.leave(state.generation, "a", "drain", b"hold 45")
    assert isinstance(left, Appended)
    assert await log.read(state.last_id) == [SharedEntry(left.entry_id, "left", 0, "drain", b"hold 45", by="a")]
    assert await log.nodes() == {}
    assert not await log.renew("a")
    assert await log.append(state.generation, "a", "set", b"", [row(1)]) == Fenced()


async def test_a_server_that_is_not_renewed_is_declared_lost_once(engine: Engine) -> None:
    log = engine.server_log()
    state = await joined(log, "a")
    await joined(log, "b")
    lost = await log.declare_lost(state.generation, "a", "b", 1, "silent")
    assert isinstance(lost, Appended)
    assert await log.declare_lost(state.generation, "a", "b", 1, "silent") == NotLost()
    assert await log.read(state.last_id) == [SharedEntry(lost.entry_id, "lost", 0, "silent", by="a", lost="b")]
    assert await log.nodes() == {"a": 1, "b": None}


async def test_a_server_that_was_renewed_or_has_left_is_not_lost(engine: Engine) -> None:
    log = engine.server_log()
    state = await joined(log, "a")
    await joined(log, "b")
    await log.renew("b")
    assert await log.declare_lost(state.generation, "a", "b", 1, "silent") == NotLost()
    assert await log.declare_lost(state.generation, "a", "nobody", 1, "silent") == NotLost()
    assert await log.nodes() == {"a": 1, "b": 2}


async def test_a_lost_server_cannot_come_back(engine: Engine) -> None:
    log = engine.server_log()
    state = await joined(log, "a")
    await joined(log, "b")
    await log.declare_lost(state.generation, "a", "b", 1, "silent")
    assert not await log.join("b")
    assert not await log.renew("b")
    assert await log.append(state.generation, "b", "set", b"", [row(1)]) == Fenced()
    assert await log.leave(state.generation, "b", "drain", b"") == Fenced()
    assert await log.declare_lost(state.generation, "b", "a", 1, "silent") == Fenced()
    assert await log.nodes() == {"a": 1, "b": None}


async def test_only_a_lost_server_can_be_forgotten_and_renewing_does_not_bring_it_back(engine: Engine) -> None:
    log = engine.server_log()
    state = await joined(log, "a")
    await joined(log, "b")
    await log.forget("b")
    await log.forget("nobody")
    assert await log.nodes() == {"a": 1, "b": 1}
    await log.declare_lost(state.generation, "a", "b", 1, "silent")
    await log.forget("b")
    assert not await log.renew("b")
    assert await log.nodes() == {"a": 1}


async def test_the_newest_entry_is_the_one_appended_last(engine: Engine) -> None:
    log = engine.server_log()
    state = await joined(log)
    assert await log.newest() == state.last_id
    written = await log.append(state.generation, "a", "set", b"", [row(1)])
    assert isinstance(written, Appended)
    assert await log.newest() == written.entry_id
    engine.trim(0)
    assert await log.newest() == NO_ENTRY


async def test_rows_of_sockets_are_written_with_an_entry(engine: Engine) -> None:
    log = engine.server_log()
    state = await joined(log)
    rows = {f"s{number}": b"%d" % number for number in range(5)}
    written = await log.put_sessions(state.generation, "a", "op", b"five", rows, [])
    assert isinstance(written, Appended)
    again = await log.put_sessions(state.generation, "a", "op", b"two", {"s0": b"new"}, ["s1", "s9"])
    assert isinstance(again, Appended)
    assert await sessions(log, "a") == {"s0": b"new", "s2": b"2", "s3": b"3", "s4": b"4"}
    assert await log.session_rows("a", ["s0", "s1"]) == [b"new", None]
    told = await entries(log, state.last_id, 2)
    assert [(each.entry_id, each.body, each.by) for each in told] == [
        (written.entry_id, b"five", "a"),
        (again.entry_id, b"two", "a"),
    ]


async def test_rows_of_sockets_without_a_body_make_no_entry(engine: Engine) -> None:
    log = engine.server_log()
    state = await joined(log)
    assert await log.put_sessions(state.generation, "a", "op", b"", {"one": b"row"}, []) == Appended(NO_ENTRY)
    assert await sessions(log, "a") == {"one": b"row"}
    assert (await adopted(log, state)).last_id == state.last_id


async def test_only_so_many_rows_of_sockets_are_written_at_once(engine: Engine) -> None:
    log = engine.server_log()
    state = await joined(log)
    many = {f"s{number}": b"row" for number in range(200)}
    assert isinstance(await log.put_sessions(state.generation, "a", "op", b"body", many, []), Appended)
    with pytest.raises(ValueError, match="200"):
        await log.put_sessions(state.generation, "a", "op", b"body", many, ["one"])


@pytest.mark.parametrize("leaves", [True, False])
async def test_the_rows_of_sockets_go_with_their_server_and_do_not_come_back(engine: Engine, leaves: bool) -> None:
    log = engine.server_log()
    state = await joined(log, "a")
    await joined(log, "b")
    for server in "ab":
        await log.put_sessions(state.generation, server, "op", b"body", {"one": b"row"}, [])
    if leaves:
        await log.leave(state.generation, "b", "drain", b"")
    else:
        await log.declare_lost(state.generation, "a", "b", 1, "silent")
    assert await log.put_sessions(state.generation, "b", "op", b"body", {"two": b"row"}, []) == Fenced()
    assert [await sessions(log, server) for server in "ab"] == [{"one": b"row"}, {}]


async def test_another_generation_is_stale(engine: Engine) -> None:
    log = engine.server_log()
    state = await joined(log)
    stale = Stale(state.generation)
    assert await log.append(state.generation - 1, "a", "set", b"", [row(1)]) == stale
    assert await log.leave(state.generation + 1, "a", "drain", b"") == stale
    assert await log.put_sessions(state.generation + 1, "a", "op", b"body", {"one": b"row"}, []) == stale
    assert await log.declare_lost(state.generation - 1, "a", "b", 1, "silent") == stale


async def test_after_the_fence_has_changed_nothing_is_appended_until_a_new_generation_begins(engine: Engine) -> None:
    log = engine.server_log()
    state = await joined(log)
    first = await log.append(state.generation, "a", "set", b"", [row(1)])
    assert isinstance(first, Appended)
    engine.attach_replica()
    assert await log.append(state.generation, "a", "set", b"", [row(2)]) == Stale(state.generation)
    assert await log.leave(state.generation, "a", "drain", b"") == Stale(state.generation)
    assert await log.declare_lost(state.generation, "a", "a", 1, "silent") == Stale(state.generation)
    again = await adopted(log, state, "epoch two")
    assert again.is_new
    assert again.generation > state.generation
    assert (again.epoch, again.cut, again.seq) == ("epoch two", first.entry_id, 1 + (1 << 20))
    assert isinstance(await log.append(again.generation, "a", "set", b"", [row(2)]), Appended)


async def test_a_rebase_follows_the_last_entry_before_it(engine: Engine) -> None:
    log = engine.server_log()
    state = await joined(log)
    engine.attach_replica()
    again = await adopted(log, state, "epoch two")
    [rebase] = await log.read(state.last_id)
    assert rebase == SharedEntry(again.last_id, "rebase", again.seq, epoch="epoch two", cut=state.last_id)
    assert follows(rebase, state.last_id)
    assert not follows(rebase, f"{state.generation}-5")


async def test_only_the_first_server_to_notice_begins_the_generation(engine: Engine) -> None:
    one, two = engine.server_log(), engine.server_log()
    state = await adopted(one)
    await adopted(two)
    engine.attach_replica()
    new = await adopted(one, state, "epoch two")
    known = await adopted(two, state, "epoch three")
    assert (new.is_new, known.is_new) == (True, False)
    assert (known.generation, known.epoch, known.cut) == (new.generation, "epoch two", state.last_id)


async def test_when_everything_is_lost_generations_and_seq_go_on_rising(engine: Engine) -> None:
    log = engine.server_log()
    state = await joined(log)
    written = await log.append(state.generation, "a", "set", b"", [row(1)])
    assert isinstance(written, Appended)
    engine.lose_everything()
    assert await log.append(state.generation, "a", "set", b"", [row(1)]) == Stale(0)
    again = await log.adopt(state.generation, 1, state.epoch, "epoch two", DATABASE)
    assert again.is_new
    assert (again.seq, again.cut) == (1 + (1 << 20), NO_ENTRY)
    assert entry_order(again.last_id) > entry_order(written.entry_id)
    assert await log.append(again.generation, "a", "set", b"", [row(1)]) == Fenced()
    [rebase] = await log.read(written.entry_id)
    assert not follows(rebase, written.entry_id)


async def test_ids_given_again_after_lost_entries_are_of_another_generation(engine: Engine) -> None:
    one, two = engine.server_log(), engine.server_log()
    state = await joined(one, "a")
    await joined(two, "b")
    kept = await one.append(state.generation, "a", "set", b"", [row(1)])
    assert isinstance(kept, Appended)
    engine.mark()
    lost = await one.append(state.generation, "a", "set", b"", [row(2, record=b"lost")])
    assert isinstance(lost, Appended)
    engine.return_to_mark()
    assert await two.append(state.generation, "b", "set", b"", [row(2)]) == Stale(state.generation)
    again = await adopted(two, state, "epoch two")
    assert again.cut == kept.entry_id
    new = await two.append(again.generation, "b", "set", b"", [row(2, record=b"new")])
    assert isinstance(new, Appended)
    rebase, change = await entries(one, lost.entry_id, 2)
    assert not follows(rebase, lost.entry_id)
    assert change.rows[0].record == b"new"


async def test_a_server_that_knows_a_later_generation_begins_one_that_is_later_still(engine: Engine) -> None:
    one, two = engine.server_log(), engine.server_log()
    state = await adopted(one)
    await adopted(two)
    later = await two.adopt(state.generation + 7, 12, "lost epoch", "epoch two", DATABASE)
    assert later.is_new
    assert later.generation > state.generation + 7
    assert later.seq == 12 + (1 << 20)


async def test_two_epochs_of_one_generation_are_told_apart(engine: Engine) -> None:
    log = engine.server_log()
    state = await adopted(log)
    again = await log.adopt(state.generation, 0, "another epoch", "epoch two", DATABASE)
    assert again.is_new
    assert again.generation > state.generation


async def test_scanning_an_empty_log_finds_nothing(engine: Engine) -> None:
    log = engine.server_log()
    await adopted(log)
    assert await records(log) == {}


async def test_a_closed_log_is_not_opened_again(engine: Engine) -> None:
    log = engine.server_log()
    state = await adopted(log)
    await log.close()
    assert not log.is_connected
    with pytest.raises(NotSent):
        await adopted(log, state)
