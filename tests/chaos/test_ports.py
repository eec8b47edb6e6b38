"""Ports: no two programs are given the same one."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from chaos import ports
from chaos.ports import CLAIMS_KEPT, free_port

ROOT = Path(__file__).resolve().parents[2]


def test_a_port_that_another_process_has_chosen_is_not_chosen_again(monkeypatch: pytest.MonkeyPatch) -> None:
    chooser = "from chaos.ports import free_port; print(free_port(), flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", chooser], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        taken = int(other.stdout.readline())
        with socket.socket() as listening:
            listening.bind(("127.0.0.1", 0))
            in_use = listening.getsockname()[1]
            offered = iter([taken - 12_000, in_use - 12_000, 1_234])
            monkeypatch.setattr(ports.secrets, "randbelow", lambda _limit: next(offered))
            assert free_port() == 13_234
        other.communicate("\n")


def test_ports_that_were_chosen_long_ago_are_forgotten() -> None:
    assert len({free_port() for _ in range(CLAIMS_KEPT + 10)}) == CLAIMS_KEPT + 10
    assert len(ports._claims) == CLAIMS_KEPT
