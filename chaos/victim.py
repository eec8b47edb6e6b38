"""Victim: well-behaved clients that run during an attack, and what must hold for them."""

from __future__ import annotations

import asyncio
import json
import math
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import Any, Self

from chaos.check import CannotRun, Check, at_most, none
from chaos.program import ROOT, ServerProgram
from chaos.rest import Person

PING_P99_MILLISECONDS = 100.0
PING_MOST_MILLISECONDS = 250.0
END_SECONDS = 20.0
CLIENTS = 10


@dataclass(frozen=True)
class Report:
    """What the victim measured. Times are in milliseconds; for requests, that of the slowest."""

    pings: int
    ping_p50: float
    ping_p99: float
    ping_max: float
    lost_sockets: int
    sign_ins: int
    sign_ins_good: int
    sign_in_max: float
    writes: int
    writes_good: int
    write_max: float

    def checks(self, *, p99: float = PING_P99_MILLISECONDS) -> list[Check]:
        """What must hold for the victim."""
        checks = [
            at_most("victim's pings, 99th percentile", self.ping_p99, p99, "ms"),
            at_most("victim's slowest ping", self.ping_max, PING_MOST_MILLISECONDS, "ms"),
            none("victim's sockets lost", self.lost_sockets),
            none("victim's writes not 2xx within 1 s", self.writes - self.writes_good),
        ]
        if self.sign_ins:
            checks.append(none("victim's sign-ins not 2xx within 1 s", self.sign_ins - self.sign_ins_good))
        return checks

    def figures(self) -> dict[str, float]:
        """All measurements, for the JSON report."""
        return {f"victim {name.replace('_', ' ')}": value for name, value in asdict(self).items()}


class Victim:
    """Ten clients in their own process. `report` is available once it has ended."""

    def __init__(self, server: ServerProgram, people: Sequence[Person], *, signs_in: bool = True) -> None:
        self._given = {
            "port": server.port,
            "signs_in": signs_in,
            "people": [
                (each.token, each.source, [], each.user_id, each.username, each.password) for each in people
            ],
        }  # fmt: skip
        self._process: asyncio.subprocess.Process | None = None
        self._report: Report | None = None

    @property
    def report(self) -> Report:
        assert self._report is not None, "the victim has not ended"
        return self._report

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "chaos.victim_program",
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=2**26,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(self._given).encode() + b"\n")
        if not await self._process.stdout.readline():
            await self._process.wait()
            raise CannotRun("the victim could not connect before the attack began")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.close()
            async with asyncio.timeout(END_SECONDS):
                line = await self._process.stdout.readline()
                await self._process.wait()
            if line:
                self._report = _report(json.loads(line))
            elif error is None:
                raise CannotRun("the victim's process ended without a report")
        finally:
            if self._process.returncode is None:
                self._process.kill()
                await self._process.wait()


def percentile(values: Sequence[float], share: float) -> float:
    """The value that this share of all values does not exceed; NaN if there are none."""
    if not values:
        return math.nan
    return sorted(values)[min(len(values) - 1, math.ceil(share * len(values)) - 1)]


def _report(told: dict[str, Any]) -> Report:
    pings, writes, sign_ins = told["pings"], told["writes"], told["sign_ins"]
    return Report(
        pings=len(pings),
        ping_p50=1000 * percentile(pings, 0.5),
        ping_p99=1000 * percentile(pings, 0.99),
        ping_max=1000 * max(pings, default=math.nan),
        lost_sockets=told["lost"],
        sign_ins=len(sign_ins["seconds"]),
        sign_ins_good=sign_ins["good"],
        sign_in_max=1000 * max(sign_ins["seconds"], default=0.0),
        writes=len(writes["seconds"]),
        writes_good=writes["good"],
        write_max=1000 * max(writes["seconds"], default=0.0),
    )
