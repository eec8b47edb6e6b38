"""SecretsSeen: every password, token and key of a test run, and the logs, which must contain none of them."""

from __future__ import annotations

import contextlib
import logging
import tempfile
from pathlib import Path

import structlog

from handlers.logs import set_up_logs

LENGTH_MINIMUM = 8
"""Shorter texts may appear in a log by chance."""


class SecretsSeen:
    """The secrets of this run, and the folder of its logs.

    `folder` holds the log of the server in this process, and those of servers that run as separate processes.
    """

    def __init__(self) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="rollcall-logs-")
        self.folder = Path(self._temporary.name)
        self._secrets: set[str] = set()
        self._stream = (self.folder / "server.log").open("a", encoding="utf-8")
        self._handler = self._make_handler()

    def note(self, secret: str) -> None:
        """Note a secret. Of a token, only the signature is searched for, because the rest is useless alone."""
        signature = secret.rpartition(".")[2] if secret.count(".") == 2 else ""
        looked_for = signature if len(signature) >= LENGTH_MINIMUM else secret
        if len(looked_for) >= LENGTH_MINIMUM:
            self._secrets.add(looked_for)

    def listen(self) -> None:
        """Capture the server's log of this process, down to debug. Call again after a test has set up its own logs."""
        root = logging.getLogger()
        if self._handler not in root.handlers:
            root.addHandler(self._handler)
        root.setLevel(logging.DEBUG)
        logging.getLogger("websockets").setLevel(logging.INFO)  # the client library logs the URLs it calls

    def leaks(self) -> list[str]:
        """Return where a secret appears in a log: file and line number, without the secret."""
        found: list[str] = []
        for path in sorted(self.folder.rglob("*.log")):
            text = path.read_text(encoding="utf-8", errors="replace")
            leaked = [secret for secret in self._secrets if secret in text]
            for number, line in enumerate(text.splitlines() if leaked else [], 1):
                if any(secret in line for secret in leaked):
                    found.append(f"{path.name}:{number}")
        return found

    def lines(self) -> int:
        """Return how many lines the server has logged in this process."""
        return len((self.folder / "server.log").read_text(encoding="utf-8").splitlines())

    def close(self) -> None:
        """Stop listening and delete the logs."""
        logging.getLogger().removeHandler(self._handler)
        self._stream.close()
        self._temporary.cleanup()

    def _make_handler(self) -> logging.Handler:
        """Make the handler that the server itself sets up, but write to the file of this run."""
        root = logging.getLogger()
        before, level = root.handlers[:], root.level
        set_up_logs("debug")
        structlog.configure(cache_logger_on_first_use=False)  # or `capture_logs` would miss loggers that were used
        (handler,) = root.handlers
        assert isinstance(handler, logging.StreamHandler)
        with contextlib.suppress(ValueError):
            handler.setStream(self._stream)
        root.handlers[:] = before
        root.setLevel(level)
        return handler
