"""Page settings: the numbers that the scripts of the live pages take from the server's settings."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from models.tags import TAGS_LIMIT
from realtime.dashboard.overview import SHOWN_SECONDS
from settings import Settings

MISSED_UPDATES = 3
"""A page is stale when this many signs of life in a row did not arrive."""

STALE_SECONDS_MINIMUM = 3.0
"""Shorter pauses are ordinary on a network, however often signs of life are sent."""

MISSED_SAMPLES = 4
"""The chart has a gap when this many samples in a row are missing."""

GAP_SECONDS_MINIMUM = 10.0
"""A shorter gap would be a few pixels wide."""


@dataclass(frozen=True)
class PageSettings:
    """Each field becomes a data attribute of the page, which static/admin/page_settings.js reads."""

    events_shown: int
    """Events in the list; older ones are dropped."""
    targets_limit: int
    """Users that one action may be for."""
    tags_limit: int
    """Tags that a user may have."""
    stale_ms: int
    """Milliseconds without a message after which the page counts as stale."""
    gap_ms: int
    """Milliseconds between two samples beyond which the chart's lines are interrupted."""
    history_ms: int
    """Milliseconds that the chart covers."""

    @property
    def attributes(self) -> dict[str, int]:
        """`data-events-shown` and so on."""
        return {f"data-{name.replace('_', '-')}": number for name, number in asdict(self).items()}


def page_settings(settings: Settings) -> PageSettings:
    """What the live pages have to know of the settings."""
    stale_seconds = max(STALE_SECONDS_MINIMUM, MISSED_UPDATES * settings.overview_idle_seconds)
    gap_seconds = max(GAP_SECONDS_MINIMUM, MISSED_SAMPLES * settings.sample_interval_seconds)
    return PageSettings(
        events_shown=settings.events_shown,
        targets_limit=settings.action_targets_limit,
        tags_limit=TAGS_LIMIT,
        stale_ms=round(1000 * stale_seconds),
        gap_ms=round(1000 * gap_seconds),
        history_ms=round(1000 * SHOWN_SECONDS),
    )
