"""Secret: the key of the tokens that the embedded store makes for itself and keeps beside the data."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

SECRET_FILE = "jwt_secret"


def read_or_make_secret(data_dir: Path) -> str:
    """The key in the data directory, made at first use, readable for its owner alone.

    Whoever makes it writes a file of its own and links it into place, so that of two that start together both use one,
    and none ever reads half a key.
    """
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = data_dir / SECRET_FILE
    if not path.exists():
        draft = data_dir / f".{SECRET_FILE}.{secrets.token_hex(4)}"
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(32))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            pass  # the other one was faster: its key is the one
        finally:
            draft.unlink()
    return path.read_text().strip()
