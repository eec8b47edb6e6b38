"""Cut off: a server that alone cannot reach the shared log sends its clients away, and takes them back later."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from operation.cut_off import CutOff
from settings import Settings


class Site:
    """A server that looks, and the others."""

    def __init__(self) -> None:
        self.node = SimpleNamespace(cut_off_seconds=0.0)
        self.admission = SimpleNamespace(is_cut_off=False)
        self.others = {"other": 1}
        self.happened: list[str] = []
        fakes: Any = (self.node, self, self.admission)
        self.cut_off = CutOff(Settings(), *fakes, self.send_away, lambda: self.happened.append("reopened"))

    async def others_with_log(self) -> dict[str, int]:
        """Return the renewals of the others that reach the log."""
        return dict(self.others)

    async def send_away(self) -> None:
        """Note that the clients were sent away."""
        self.happened.append("sent away")

    def look(self, seconds: float, *, others_renew: bool = True) -> None:
        """Look after so many seconds without the log."""
        self.node.cut_off_seconds = seconds
        if others_renew:
            self.others = {server: renewals + 1 for server, renewals in self.others.items()}
        asyncio.run(self.cut_off.check())


@pytest.fixture
def site() -> Site:
    return Site()


def test_clients_are_sent_away_once_after_ten_seconds(site: Site) -> None:
    for seconds in (2, 6, 9.9):
        site.look(seconds)
    assert site.happened == []
    for seconds in (10, 12, 14):
        site.look(seconds)
    assert (site.happened, site.admission.is_cut_off) == (["sent away"], True)


def test_clients_stay_if_nobody_reaches_the_log(site: Site) -> None:
    site.others = {}
    for seconds in (2, 10, 20):
        site.look(seconds)
    assert (site.happened, site.admission.is_cut_off) == ([], False)


def test_another_server_that_no_longer_renews_counts_for_nothing(site: Site) -> None:
    for seconds in (2, 10, 20):
        site.look(seconds, others_renew=False)
    assert site.happened == []


def test_clients_and_operators_are_welcome_again_once_the_log_can_be_reached(site: Site) -> None:
    for seconds in (8, 10, 12):
        site.look(seconds)
    site.look(0)
    site.look(0)
    assert (site.happened, site.admission.is_cut_off) == (["sent away", "reopened"], False)
