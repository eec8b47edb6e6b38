"""Demo: runs the demo for a picture, on a free port and with temporary data."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PATIENCE_SECONDS = 60.0


@contextmanager
def running_demo(invitation: re.Pattern[str]) -> Iterator[tuple[str, re.Match[str]]]:
    """Yields the demo's address and the part of its output that matches. Ends this program if nothing matches."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="rollcall-") as folder:
        log = Path(folder) / "demo.log"
        with log.open("wb") as written:
            demo = subprocess.Popen(  # noqa: S603  (a fixed command)
                [sys.executable, "server.py", "--demo", "--data-dir", f"{folder}/data", "--port", str(port)],
                cwd=ROOT,
                stdout=written,
                stderr=written,
            )
        try:
            yield f"http://localhost:{port}", _printed(log, invitation)
        finally:
            demo.terminate()
            demo.wait()


def _printed(log: Path, invitation: re.Pattern[str]) -> re.Match[str]:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (found := invitation.search(log.read_text(encoding="utf-8"))):
        if time.monotonic() > deadline:
            sys.exit(log.read_text(encoding="utf-8"))
        time.sleep(0.1)
    return found
