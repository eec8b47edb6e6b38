"""Meter: the resources that a server uses during an attack or a fault."""

from __future__ import annotations

import asyncio
import time
from types import TracebackType
from typing import Self

from chaos.program import ServerProgram

INTERVAL_SECONDS = 0.2
MEBIBYTE = 2**20


class Meter:
    """Samples memory and open files from start to end; processor time and log lines are counted between them."""

    def __init__(self, server: ServerProgram) -> None:
        self._server = server
        self._task: asyncio.Task[None] | None = None
        self._began = time.monotonic()
        self._cpu = 0.0
        self._lines_before = 0
        self._bytes_least = 0
        self.bytes_rest = 0
        """The least memory in the last moments before the beginning, when no password was being hashed."""
        self.bytes_before = 0
        """The most memory before the beginning."""
        self.bytes_peak = 0
        self.files_before = 0
        self.files_peak = 0
        self.seconds = 0.0
        self.cpu_percent = 0.0
        self.lines = 0
        """Log lines between beginning and end."""

    async def __aenter__(self) -> Self:
        self.begin()
        self._task = asyncio.create_task(self._sample_on())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        if self._server.is_running:
            self.sample()
            self.seconds = time.monotonic() - self._began
            self.cpu_percent = 100 * (self._server.processor_seconds() - self._cpu) / self.seconds
            self.lines = self._server.log_lines() - self._lines_before

    @property
    def lines_per_second(self) -> float:
        """Log lines per second, on average."""
        return self.lines / self.seconds if self.seconds else 0.0

    @property
    def growth(self) -> float:
        """How far memory rose above its level at the start, in MiB."""
        return (self.bytes_peak - self.bytes_before) / MEBIBYTE

    @property
    def kept(self) -> float:
        """How much more memory the server holds now than when idle before the start, in MiB."""
        return (self._server.resident_bytes() - self.bytes_rest) / MEBIBYTE

    def begin(self) -> None:
        """Start counting here."""
        self._began = time.monotonic()
        self._cpu = self._server.processor_seconds()
        self._lines_before = self._server.log_lines()
        now = self._server.resident_bytes()
        self.bytes_rest = min(self._bytes_least or now, now)
        self.bytes_before = max(self.bytes_peak, now)
        self.bytes_peak = self.bytes_before
        self.files_before = self.files_peak = self._server.open_files()

    def forget_least(self) -> None:
        """Leave out what came before: the server needs more memory once it has hashed its first password."""
        self._bytes_least = 0

    def sample(self) -> None:
        """Sample memory and open files now."""
        now = self._server.resident_bytes()
        self._bytes_least = min(self._bytes_least or now, now)
        self.bytes_peak = max(self.bytes_peak, now)
        self.files_peak = max(self.files_peak, self._server.open_files())

    def figures(self) -> dict[str, float]:
        """What was measured, for the record."""
        return {
            "memory before, MiB": self.bytes_before / MEBIBYTE,
            "memory growth at most, MiB": self.growth,
            "CPU, %": self.cpu_percent,
            "log lines/s": self.lines_per_second,
            "open files before": self.files_before,
            "open files at most": self.files_peak,
        }

    async def _sample_on(self) -> None:
        while self._server.is_running:
            self.sample()
            await asyncio.sleep(INTERVAL_SECONDS)
