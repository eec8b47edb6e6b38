"""Machine: which process this is, on which machine, and whether another process has certainly ended."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import msgspec

PROC = Path("/proc")

_STATE, _STARTED = 0, 19
"""Places of the process's state and start time in /proc/<pid>/stat, counted after its name; see proc_pid_stat(5)."""

_ENDED_STATES = ("Z", "X")
"""A zombie has ended too: only its parent has not asked for its exit code yet."""


class ProcessIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """One process, told apart from all others, also from a later one with the same process id.

    Where the operating system has no /proc, the texts but `host` are empty and `process_started` is 0.
    """

    host: str
    boot_id: str
    """Differs between machines, and after each boot of one machine."""
    pid_namespace: str
    """Containers on one machine have process ids of their own."""
    process_id: int
    process_started: int
    """In clock ticks after the boot."""


def this_process(proc: Path = PROC) -> ProcessIdentity:
    """The identity of this process."""
    stat = _stat(os.getpid(), proc)
    return ProcessIdentity(
        host=socket.gethostname(),
        boot_id=_boot_id(proc),
        pid_namespace=_pid_namespace(proc),
        process_id=os.getpid(),
        process_started=int(stat[_STARTED]) if stat else 0,
    )


def default_node_name(port: int) -> str:
    """The name of a server that was given none: `host:port/process`, or `host/process` if the port is not known yet."""
    return f"{socket.gethostname()}{f':{port}' if port else ''}/{os.getpid()}"


def is_same_machine(one: ProcessIdentity, other: ProcessIdentity) -> bool:
    """Whether the two can see each other's process ids. False if that is unknown."""
    return bool(one.boot_id and one.pid_namespace) and (
        (one.host, one.boot_id, one.pid_namespace) == (other.host, other.boot_id, other.pid_namespace)
    )


def has_ended(process: ProcessIdentity, proc: Path = PROC) -> bool:
    """Whether a process of this machine has ended."""
    stat = _stat(process.process_id, proc)
    if stat is None:  # either it has ended, or /proc hides the processes of other users
        return not _answers(process.process_id)
    return stat[_STATE] in _ENDED_STATES or int(stat[_STARTED]) != process.process_started


def _stat(process_id: int, proc: Path) -> list[str] | None:
    """The fields of /proc/<pid>/stat after the name, which may itself contain spaces and parentheses."""
    try:
        text = (proc / str(process_id) / "stat").read_text(errors="replace")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return fields if len(fields) > _STARTED else None


def _answers(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _boot_id(proc: Path) -> str:
    try:
        return (proc / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _pid_namespace(proc: Path) -> str:
    try:
        return str((proc / "self/ns/pid").readlink())
    except OSError:
        return ""
