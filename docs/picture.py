"""Picture: draws docs/watch.svg, which shows `python server.py watch` in a terminal.

Run from the repository's folder: python -m docs.picture
"""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.console import Console

from models.calls import Call
from models.status import Claims, Profile, Status, status_of
from operation.cli.watch_screen import screen
from operation.cli.watch_state import WatchState
from operation.demo.demo_users import NAMES
from realtime.protocol import FeedCounts, Reason, UserStatusUpdate

PICTURE = Path(__file__).parent / "watch.svg"
WIDTH, HEIGHT = 84, 30
START = datetime(2026, 1, 15, 10, 30, tzinfo=UTC)
SHOWN = 14


class Wall:
    """A clock that the story below sets."""

    def __init__(self) -> None:
        self.now = START


def picture() -> str:
    """The picture as SVG, without fonts from other servers."""
    console = Console(
        record=True, width=WIDTH, height=HEIGHT, file=io.StringIO(), color_system="truecolor", _environ={}
    )
    wall = Wall()
    board = WatchState(lambda: wall.now)
    _tell(board, wall)
    console.print(screen(board, height=HEIGHT, now=wall.now))
    drawing = console.export_svg(title="rollcall watch", unique_id="watch")
    return re.sub(r"@font-face \{.*?\}\s*", "", drawing, flags=re.DOTALL)


def _tell(board: WatchState, wall: Wall) -> None:
    people = [Profile(place, name, None) for place, name in enumerate(NAMES[:SHOWN], 1)]
    seen = START - timedelta(hours=2)
    board.fold_snapshot([status_of(each, Claims(), alive=False, last_seen=seen) for each in people], is_last=True)
    board.counts = FeedCounts(total_users=SHOWN, online=10, available=6, busy=4, ongoing_calls=1)
    story: list[tuple[int, int, Reason, Claims]] = [
        *((seconds, place, "connected", Claims()) for place, seconds in enumerate((5, 9, 22, 31, 38, 47, 55, 62, 70))),
        (71, 9, "heartbeat", Claims()),
        (75, 2, "set", Claims(set_busy=True)),
        (81, 0, "call_started", Claims(call_id="c")),
        (81, 4, "call_started", Claims(call_id="c")),
        (88, 6, "set", Claims(set_busy=True)),
        (104, 10, "connected", Claims()),
    ]
    for seconds, place, reason, claims in story:
        wall.now = START + timedelta(seconds=seconds)
        _update(board, people[place], reason, claims, wall.now, alive=True)
    board.fold_call(Call("c", people[0].user_id, people[4].user_id, "audio", "ongoing", START))
    wall.now += timedelta(seconds=7)
    _update(board, people[10], "disconnected", Claims(), wall.now, alive=False)
    wall.now += timedelta(seconds=12)


def _update(board: WatchState, profile: Profile, reason: Reason, claims: Claims, at: datetime, *, alive: bool) -> None:
    status: Status = status_of(profile, claims, alive=alive, last_seen=at)
    board.fold_update(UserStatusUpdate(user_id=profile.user_id, status=status, seq=1, reason=reason))


if __name__ == "__main__":
    PICTURE.write_text(picture())
