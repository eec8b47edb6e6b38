"""Position: who waits for an entry learns that it was applied, or that it may be gone."""

from __future__ import annotations

import asyncio

from realtime.cluster.position import Position


def at(generation: int, last_id: str) -> Position:
    """Return the position after an entry."""
    position = Position()
    position.begin(generation, "0-0")
    position.advance(last_id)
    return position


def wait(position: Position, entry_id: str, *steps: tuple[str, ...]) -> bool | None:
    """Wait for an entry while the steps are taken. Returns None if it still waits after them."""

    async def run() -> bool | None:
        task = asyncio.ensure_future(position.reached(entry_id))
        await asyncio.sleep(0)
        for name, *arguments in steps:
            getattr(position, name)(*[int(each) if each.isdigit() else each for each in arguments])
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        if task.done():
            return task.result()
        task.cancel()
        return None

    return asyncio.run(run())


def test_what_is_applied_is_not_waited_for() -> None:
    assert wait(at(100, "100-5"), "100-5") is True
    assert wait(at(100, "100-5"), "100-3") is True


def test_what_is_not_applied_yet_is_waited_for() -> None:
    assert wait(at(100, "100-5"), "100-7") is None
    assert wait(at(100, "100-5"), "100-7", ("advance", "100-6")) is None
    assert wait(at(100, "100-5"), "100-7", ("advance", "100-7")) is True
    assert wait(at(100, "100-5"), "100-7", ("jump", "100-9")) is True


def test_a_new_generation_ends_all_waiting() -> None:
    assert wait(at(100, "100-5"), "100-7", ("begin", "101", "100-6")) is False


def test_of_the_generation_before_only_what_is_not_after_the_cut_still_counts() -> None:
    position = at(100, "100-5")
    position.begin(101, "100-5")
    assert wait(position, "100-5") is True
    assert wait(position, "100-6") is False


def test_of_an_older_generation_nothing_is_known() -> None:
    position = at(100, "100-5")
    position.begin(102, "101-3")
    assert wait(position, "100-5") is False


def test_each_user_has_the_entry_that_wrote_the_record() -> None:
    position = Position()
    position.note(1, "100-1", 0)
    position.note(2, "100-2", 0)
    assert (position.of_user(1), position.of_user(3)) == ("100-1", "")
    assert position.known() == {1, 2}
    position.forget(1)
    position.forget(3)
    assert position.known() == {2}
    position.forget_all()
    assert position.known() == set()
