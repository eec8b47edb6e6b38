"""What `watch` knows about users, and how a terminal shows it."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest
from rich.console import Console

from models.calls import Call
from models.direction import isolated, plain
from models.status import Claims, Profile, Status, status_of
from operation.cli.formatting import REASONS, span
from operation.cli.watch_screen import line_of, screen
from operation.cli.watch_state import WatchState
from operation.output import printable
from realtime.protocol import FeedCounts, Reason, UserStatusUpdate

NOON = datetime(2026, 1, 15, 12, tzinfo=UTC)


def status(name: str, *, user_id: int = 1, alive: bool = True, busy: bool = False) -> Status:
    return status_of(Profile(user_id, name, None), Claims(set_busy=busy), alive=alive, last_seen=NOON)


def update(one: Status, reason: Reason = "connected") -> UserStatusUpdate:
    return UserStatusUpdate(user_id=one.user_id, status=one, seq=1, reason=reason)


@pytest.fixture
def board() -> WatchState:
    return WatchState(lambda: NOON)


def drawn(board: WatchState, *, height: int = 40, note: str = "", now: datetime = NOON) -> str:
    console = Console(file=io.StringIO(), width=90, height=height, record=True)
    console.print(screen(board, height=height, now=now, note=note))
    return plain(console.export_text())


def test_a_change_is_news_once(board: WatchState) -> None:
    assert board.fold_update(update(status("ada"))) is not None
    assert board.fold_update(update(status("ada"))) is None


def test_a_change_reads_as_one_line_with_shape_word_name_and_reason(board: WatchState) -> None:
    row = board.fold_update(update(status("ada", busy=True), "call_started"))
    assert row is not None
    assert line_of(row).split() == ["12:00:00", "◐", "busy", "ada", "a", "call", "began"]


def test_the_first_picture_is_no_news_and_a_later_one_is_only_where_it_differs(board: WatchState) -> None:
    first = [status("ada"), status("bob", user_id=2)]
    assert board.fold_snapshot(first, is_last=True) == []
    news = board.fold_snapshot([status("ada"), status("bob", user_id=2, alive=False)], is_last=True)
    assert [(row.name, row.state, row.reason) for row in news] == [("bob", "offline", "changed meanwhile")]


def test_someone_nobody_knew_is_new_here(board: WatchState) -> None:
    board.fold_snapshot([status("ada")], is_last=True)
    row = board.fold_update(update(status("eve", user_id=9, alive=False), "set"))
    assert row is not None
    assert row.reason == "new user"


def test_an_update_that_overtakes_the_first_picture_stays(board: WatchState) -> None:
    board.fold_update(update(status("ada", busy=True), "set"))
    board.fold_snapshot([status("ada")], is_last=True)
    assert [row.state for row in board] == ["busy"]


def test_a_call_names_both_and_how_it_ended(board: WatchState) -> None:
    board.fold_snapshot([status("ada"), status("bob", user_id=2)], is_last=True)
    call = Call("c", 1, 2, "video", "completed", NOON, NOON, 12, "completed", 1)
    assert "ada → bob" in line_of(board.fold_call(call))
    assert "video call, completed after 12 s" in line_of(board.fold_call(call))


def test_the_screen_shows_figures_states_reasons_and_since(board: WatchState) -> None:
    board.counts = FeedCounts(total_users=2, online=1, available=1, busy=0, ongoing_calls=1)
    board.fold_snapshot([status("bob", user_id=2, alive=False)], is_last=True)
    board.fold_update(update(status("ada")))
    text = drawn(board, now=NOON + timedelta(seconds=90))
    assert "● 1 available" in text
    assert "☎ 1 call\n" in "\n".join(line.rstrip() + "\n" for line in text.splitlines())
    assert [line.split() for line in text.splitlines() if line.startswith(" ada")] == [
        ["ada", "●", "available", "connected", "1", "min"]
    ]


def test_many_users_do_not_outgrow_the_terminal(board: WatchState) -> None:
    board.fold_snapshot([status(f"user {each}", user_id=each) for each in range(1, 100)], is_last=True)
    for each in range(1, 30):
        board.fold_update(update(status(f"user {each}", user_id=each, busy=True), "set"))
    text = drawn(board, height=24)
    assert len(text.splitlines()) <= 24
    assert "more" in text


def test_what_is_wrong_with_the_connection_stands_on_top(board: WatchState) -> None:
    assert drawn(board, note="the connection is gone").startswith("the connection is gone")


def test_a_name_cannot_move_the_cursor_or_turn_the_writing() -> None:
    assert printable("a\x1b[2J\u202eb") == "a�[2J�b"


def test_a_name_keeps_its_direction_on_a_terminal_and_is_plain_elsewhere(board: WatchState) -> None:
    row = board.fold_update(update(status("محمد")))
    assert row is not None
    assert f" {isolated('محمد')}{' ' * 16}  connected" in line_of(row, isolate=True)
    assert line_of(row) == plain(line_of(row, isolate=True))
    console = Console(file=io.StringIO(), width=90, height=40, record=True)
    console.print(screen(board, height=40, now=NOON))
    shown = console.export_text()
    assert isolated("محمد") in shown
    assert all(line.count("\u2068") <= line.count("\u2069") for line in shown.splitlines())


def test_a_name_that_is_cut_leaves_no_isolate_open(board: WatchState) -> None:
    board.fold_snapshot([status("م" * 64)], is_last=True)
    console = Console(file=io.StringIO(), width=60, height=40, record=True)
    console.print(screen(board, height=40, now=NOON))
    [line] = [each for each in console.export_text().splitlines() if "م" in each]
    assert line.index("\u2068") < line.index("م") < line.index("\u2069") < line.index("●")


def test_joiners_within_a_name_are_shown() -> None:
    assert printable("👩\u200d💻 کار\u200cها") == "👩\u200d💻 کار\u200cها"


def test_every_reason_has_words() -> None:
    assert set(REASONS) == set(get_args(Reason))


@pytest.mark.parametrize(
    ("seconds", "words"), [(-1, "0 s"), (59, "59 s"), (60, "1 min"), (7200, "2 h"), (200_000, "2 d")]
)
def test_a_span_is_said_in_its_largest_unit(seconds: float, words: str) -> None:
    assert span(seconds) == words
