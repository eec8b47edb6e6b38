"""SecretsSeen: every password, token and key of a test run, and the log lines in which none of them may stand."""

from __future__ import annotations

import contextlib
import logging
import tempfile
from pathlib import Path

from handlers.logs import set_up_logs

LENGTH_MINIMUM = 8
"""Shorter texts may stand in a log by chance."""


class SecretsSeen:
    """What was secret in this run, and where the run logs.

    `folder` holds the server's own log as the server writes it, and those of servers that tests start as programs.
    """

    def __init__(self) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="rollcall-logs-")
        self.folder = Path(self._temporary.name)
        self._secrets: set[str] = set()
        self._stream = (self.folder / "server.log").open("a", encoding="utf-8")
        self._handler = self._make_handler()

    def note(self, secret: str) -> None:
        """This text is secret. Of a token the signature is looked for, as the rest of it is no use to anyone."""
        signature = secret.rpartition(".")[2] if secret.count(".") == 2 else ""
        looked_for = signature if len(signature) >= LENGTH_MINIMUM else secret
        if len(looked_for) >= LENGTH_MINIMUM:
            self._secrets.add(looked_for)

    def listen(self) -> None:
        """Write what the server logs in this process, down to debug; again after a test has set up logs of its own."""
        root = logging.getLogger()
        if self._handler not in root.handlers:
            root.addHandler(self._handler)
        root.setLevel(logging.DEBUG)
        logging.getLogger("websockets").setLevel(logging.INFO)  # the client, which prints the URLs it calls

    def leaks(self) -> list[str]:
        """Where a secret stands in a log: file and line number, without the secret."""
        found: list[str] = []
        for path in sorted(self.folder.rglob("*.log")):
            text = path.read_text(encoding="utf-8", errors="replace")
            leaked = [secret for secret in self._secrets if secret in text]
            for number, line in enumerate(text.splitlines() if leaked else [], 1):
                if any(secret in line for secret in leaked):
                    found.append(f"{path.name}:{number}")
        return found

    def lines(self) -> int:
        """How many lines the server has logged in this process."""
        return len((self.folder / "server.log").read_text(encoding="utf-8").splitlines())

    def close(self) -> None:
        """Stop listening and delete the logs."""
        logging.getLogger().removeHandler(self._handler)
        self._stream.close()
        self._temporary.cleanup()

    def _make_handler(self) -> logging.Handler:
        """The handler that the server itself sets up, writing to the file of this run."""
        root = logging.getLogger()
        before, level = root.handlers[:], root.level
        set_up_logs("debug")
        (handler,) = root.handlers
        assert isinstance(handler, logging.StreamHandler)
        with contextlib.suppress(ValueError):
            handler.setStream(self._stream)
        root.handlers[:] = before
        root.setLevel(level)
        return handler
