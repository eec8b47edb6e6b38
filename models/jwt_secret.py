"""JWT secret: the signing key that the embedded store generates and keeps beside its data."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from settings import SECRET_BYTES_MINIMUM, SettingsError

SECRET_FILE = "jwt_secret"


def read_or_make_secret(data_dir: Path) -> str:
    """The key in the data directory; generated at first use, readable for its owner alone. Raises SettingsError."""
    path = data_dir / SECRET_FILE
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _make(path)
        secret = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise SettingsError(
            [f"set ROLLCALL_DATA_DIR or --data-dir to a writable folder; {error.filename or path}: {error.strerror}"]
        ) from error
    except UnicodeDecodeError:
        secret = ""
    if len(secret.encode()) < SECRET_BYTES_MINIMUM:
        raise SettingsError(
            [f"{path} holds no signing key; restore it from a backup, or delete it, which signs out every user"]
        )
    return secret


def exposed_secret(data_dir: Path) -> Path | None:
    """The file with the key, if other users of this machine may read or change it."""
    path = data_dir / SECRET_FILE
    return path if path.exists() and is_exposed(path) else None


def is_exposed(path: Path) -> bool:
    """Whether other users of this machine may read or change a file."""
    return bool(path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))


def _make(path: Path) -> None:
    """Write a new key to a file of its own and link it into place: of two processes that start at the same time, both
    use the same key, and neither reads half of one."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_hex(32))
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass  # the other process was faster, and its key counts
    finally:
        draft.unlink()
