"""Runner: runs one scenario after another, each with a fresh server and store, and returns the outcomes."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from chaos.check import CannotRun, Check, StoreKind
from chaos.lab import Lab
from chaos.machine import Strangers
from chaos.report import STORE_NAMES
from chaos.scenario import STRANGERS, Outcome, Scenario
from chaos.stores import StoreProvider

QUICK_SECONDS = 2.0
"""Scenarios that take longer than this show their progress."""


async def run_all(
    scenarios: Iterable[Scenario],
    stores: Sequence[StoreKind],
    *,
    is_long: bool,
    on_outcome: Callable[[Outcome], None],
    progress: TextIO = sys.stderr,
) -> list[Outcome]:
    """Run each scenario on those stores that it supports. `on_outcome` is called with each outcome as it arrives."""
    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory(prefix="rollcall-chaos-", ignore_cleanup_errors=True) as folder:
        provider = StoreProvider(Path(folder))
        try:
            for scenario in scenarios:
                for kind in (each for each in stores if each in scenario.stores):
                    outcomes.append(await _run_with_progress(scenario, kind, provider, is_long, progress))
                    on_outcome(outcomes[-1])
        finally:
            await asyncio.to_thread(provider.close)
    return outcomes


async def run_one(scenario: Scenario, kind: StoreKind, provider: StoreProvider, *, is_long: bool = False) -> Outcome:
    """Run one scenario on one store. Any error becomes the reason why there is no result."""
    began, strangers, mongo = time.monotonic(), Strangers(), provider.processor_seconds()
    checks: tuple[Check, ...] = ()
    figures: dict[str, float] = {}
    remarks: list[str] = []
    reason = ""
    with tempfile.TemporaryDirectory(prefix="rollcall-chaos-", ignore_cleanup_errors=True) as folder:
        try:
            lab = Lab(await provider.open(kind, Path(folder)), Path(folder), is_long=is_long)
            try:
                checks = await _within_its_time(scenario, lab)
            finally:
                await lab.close()
                figures, remarks = lab.figures, lab.remarks
        except CannotRun as error:
            reason = str(error)
        except Exception as error:
            reason = _in_words(error)
    figures[STRANGERS] = strangers.percent(provider.processor_seconds() - mongo)
    return Outcome(scenario, kind, checks, figures, tuple(remarks), time.monotonic() - began, reason)


async def _within_its_time(scenario: Scenario, lab: Lab) -> tuple[Check, ...]:
    limit = scenario.time_limit_seconds(is_long=lab.is_long)
    deadline = asyncio.timeout(limit)
    try:
        async with deadline:
            checks = await scenario.run(lab)
        if not checks:
            raise CannotRun("it measured nothing")
        return (*checks, lab.no_complaints())
    except TimeoutError as error:
        if deadline.expired():
            raise CannotRun(f"it took longer than {limit:.0f} s") from error
        raise


async def _run_with_progress(
    scenario: Scenario, kind: StoreKind, provider: StoreProvider, is_long: bool, progress: TextIO
) -> Outcome:
    seconds = scenario.expected_seconds(is_long=is_long)
    showing = asyncio.create_task(_show(f"{scenario.name}, {STORE_NAMES[kind]}", seconds, progress))
    try:
        return await run_one(scenario, kind, provider, is_long=is_long)
    finally:
        showing.cancel()
        with suppress(asyncio.CancelledError):
            await showing


async def _show(name: str, seconds: float, progress: TextIO) -> None:
    """Say what is running if it takes more than a moment; on a terminal, count the seconds too."""
    await asyncio.sleep(QUICK_SECONDS)
    began = time.monotonic() - QUICK_SECONDS
    if not progress.isatty():
        progress.write(f"… {name}: about {seconds:.0f} s\n")
        progress.flush()
        return
    try:
        while True:
            progress.write(f"\r\x1b[K… {name}: {time.monotonic() - began:.0f} s of about {seconds:.0f} s")
            progress.flush()
            await asyncio.sleep(1)
    finally:
        progress.write("\r\x1b[K")
        progress.flush()


def _in_words(error: Exception) -> str:
    """The error, and the line of our code that it came from."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "/chaos/" in frame.filename]
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{place}: {error}".replace("\n", " ")
