"""Data folder: only one server may use it at a time. The command line may open the store beside it.

The lock is the operating system's, on a file. It ends with the process that holds it, however that process ends, so a
file left behind by a dead process is no obstacle. The file only says who holds the lock.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from models.errors import StoreUnavailable

LOCK_FILE = "server.lock"

HOLDER_BYTES = 100
"""More than a process id and a time need."""


@contextmanager
def locked_data_folder(data_dir: Path) -> Iterator[None]:
    """Hold the lock on the folder.

    Raises StoreUnavailable, which names the process that holds it, or says why the folder cannot be used.
    """
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = os.open(data_dir / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StoreUnavailable(
            f"cannot use the data folder {data_dir}: {error.strerror}; set ROLLCALL_DATA_DIR or --data-dir"
        ) from error
    try:
        _lock(file, data_dir)
        yield
    finally:
        os.close(file)


def _lock(file: int, data_dir: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(file, HOLDER_BYTES, 0).decode("ascii", "replace").strip()
        raise StoreUnavailable(
            f"another server uses the data folder {data_dir}{f' ({holder})' if holder else ''}; "
            "stop it, or set ROLLCALL_DATA_DIR to another folder"
        ) from None
    since = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    os.ftruncate(file, 0)
    os.pwrite(file, f"process {os.getpid()}, since {since}\n".encode(), 0)
