"""Which process has ended, also if another one has its process id by now."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from models.machine import ProcessIdentity, default_node_name, has_ended, is_same_machine, this_process

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A process that does nothing."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def identity_of(process_id: int) -> ProcessIdentity:
    started = int(Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[19])
    return msgspec.structs.replace(this_process(), process_id=process_id, process_started=started)


def test_a_server_without_a_name_is_named_after_its_host_its_port_and_its_process() -> None:
    assert default_node_name(8000) == f"{socket.gethostname()}:8000/{os.getpid()}"
    assert default_node_name(0) == f"{socket.gethostname()}/{os.getpid()}"


def test_this_process_runs() -> None:
    assert not has_ended(this_process())
    assert is_same_machine(this_process(), this_process())


def test_a_killed_process_has_ended_even_before_its_parent_knows(sleeper: subprocess.Popen[bytes]) -> None:
    identity = identity_of(sleeper.pid)
    assert not has_ended(identity)
    sleeper.kill()
    while Path(f"/proc/{sleeper.pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
        pass
    assert has_ended(identity)
    sleeper.wait()
    assert has_ended(identity)


def test_a_process_whose_id_has_been_given_to_another_has_ended(sleeper: subprocess.Popen[bytes]) -> None:
    identity = identity_of(sleeper.pid)
    assert has_ended(msgspec.structs.replace(identity, process_started=identity.process_started - 1))


def test_a_process_that_proc_hides_has_not_ended(tmp_path: Path) -> None:
    assert not has_ended(this_process(), proc=tmp_path)


@pytest.mark.parametrize("field", ["host", "boot_id", "pid_namespace"])
def test_a_process_elsewhere_is_not_on_this_machine(field: str) -> None:
    here = this_process()
    assert not is_same_machine(here, msgspec.structs.replace(here, **{field: "other"}))


def test_without_proc_no_machine_is_known_to_be_the_same(tmp_path: Path) -> None:
    somewhere = this_process(proc=tmp_path)
    assert (somewhere.boot_id, somewhere.process_started) == ("", 0)
    assert not is_same_machine(somewhere, somewhere)
