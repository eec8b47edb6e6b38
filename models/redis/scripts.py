"""Scripts: the commands that Redis carries out as one step, from the .lua files beside this module."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

FOLDER = Path(__file__).parent

KEYS = ("meta", "log", "users", "nodes")


class Script(msgspec.Struct, frozen=True):
    """One script, and the SHA-1 by which Redis knows it."""

    text: bytes
    sha: bytes


class Scripts(msgspec.Struct, frozen=True):
    """All scripts."""

    adopt: Script
    append: Script
    join: Script
    renew: Script
    leave: Script
    lost: Script
    forget: Script
    sessions: Script

    def all(self) -> tuple[Script, ...]:
        """Every script, in any order."""
        return msgspec.structs.astuple(self)


def load_scripts() -> Scripts:
    """Read the files. What the scripts have in common is put before each of them, since they cannot call each other."""
    common = (FOLDER / "common.lua").read_bytes()
    texts = {name: common + (FOLDER / f"{name}.lua").read_bytes() for name in Scripts.__struct_fields__}
    hashes = {name: hashlib.sha1(text, usedforsecurity=False).hexdigest() for name, text in texts.items()}
    return Scripts(**{name: Script(text, hashes[name].encode()) for name, text in texts.items()})


class Keys:
    """The keys, all with one hash tag, so that a proxy keeps them on one server."""

    def __init__(self, prefix: str) -> None:
        self.all = tuple(f"{{{prefix}}}:{name}".encode() for name in KEYS)
        self.meta, self.log, self.users, self.nodes = self.all
        self._tag = f"{{{prefix}}}"

    def sessions(self, server: str) -> bytes:
        """The key of the rows of a server's sockets. The scripts make the same."""
        return f"{self._tag}:sessions:{server}".encode()

    def ticket(self, ticket: str) -> bytes:
        """The key of a ticket. It does not show the ticket itself."""
        return f"{self._tag}:ticket:{hashlib.sha256(ticket.encode()).hexdigest()}".encode()
