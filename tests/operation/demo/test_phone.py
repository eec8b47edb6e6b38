"""The demo on a phone: the server's address in the network, the QR code, and `make run HOST=0.0.0.0`."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from typing import Any

import pytest
import segno

from operation.address import Address
from operation.demo.phone import for_phones, network_address, qr_code
from settings import Settings
from tests.program import ROOT

TOKEN = "ey" + 320 * "J"
"""As long as an access token of the demo."""


def seen(code: str) -> list[list[bool]]:
    """Return the modules of a code as printed, from the top, by whether they are dark."""
    modules = []
    for line in code.splitlines():
        blocks = re.sub(r"\x1b\[[0-9;]*m", "", line)
        modules += [[block in "▀█" for block in blocks], [block in "▄█" for block in blocks]]
    return modules


@pytest.mark.parametrize(
    ("changes", "url"),
    [
        ({"host": "0.0.0.0"}, "http://192.168.1.5:8000"),
        ({"host": "::"}, "http://192.168.1.5:8000"),
        ({"host": "192.168.1.6"}, "http://192.168.1.6:8000"),
        ({"host": "my-computer.local"}, "http://my-computer.local:8000"),
        ({"host": "0.0.0.0", "tls_certificate": "c", "tls_key": "k"}, "https://192.168.1.5:8000"),
    ],
)
def test_a_server_on_the_network_has_an_address_there(changes: dict[str, Any], url: str) -> None:
    address = network_address(Settings(**changes), 8000, lambda: "192.168.1.5")
    assert address is not None
    assert address.http == url


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_a_server_on_loopback_has_none(host: str) -> None:
    assert network_address(Settings(host=host), 8000, lambda: "192.168.1.5") is None


def test_a_machine_without_a_network_has_none() -> None:
    assert network_address(Settings(host="0.0.0.0"), 8000, lambda: None) is None


def test_the_machine_is_asked_for_its_own_address() -> None:
    address = network_address(Settings(host="0.0.0.0"), 8000)
    assert address is None or re.fullmatch(r"http://\d+\.\d+\.\d+\.\d+:8000", address.http)


def test_the_code_is_printed_module_by_module() -> None:
    url = f"http://192.168.100.100:8000/static/demo.html#{TOKEN}"
    expected = [[bool(module) for module in row] for row in segno.make_qr(url, error="l").matrix_iter()]
    modules = seen(qr_code(url))
    assert modules[: len(expected)] == expected
    assert not any(map(any, modules[len(expected) :])), "what is below is light"


def test_the_code_fits_into_a_terminal_and_is_black_on_white_in_any() -> None:
    lines = qr_code(f"http://192.168.100.100:8000/static/demo.html#{TOKEN}").splitlines()
    assert len(lines) <= 40
    assert {len(row) for row in seen("\n".join(lines))} <= set(range(81))
    assert all(line.startswith("\x1b[30;107m") and line.endswith("\x1b[0m") for line in lines)


def test_the_address_and_the_code_are_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="utf-8"))
    text = for_phones(Address("192.168.1.5:8000", is_secure=False), TOKEN)
    assert "In the network, the server is at http://192.168.1.5:8000\n" in text
    assert qr_code(f"http://192.168.1.5:8000/static/demo.html#{TOKEN}") in text


def test_a_terminal_without_the_characters_shows_the_url_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    text = for_phones(Address("192.168.1.5:8000", is_secure=False), TOKEN)
    assert f"\n  http://192.168.1.5:8000/static/demo.html#{TOKEN}\n" in text
    assert text.isascii()


@pytest.mark.parametrize(
    ("given", "variables", "host"),
    [(["HOST=0.0.0.0"], {}, " --host 0.0.0.0"), ([], {"HOST": "my-computer"}, ""), ([], {}, "")],
)
def test_make_run_takes_the_host_from_its_own_command_line_only(
    given: list[str], variables: dict[str, str], host: str
) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in ("HOST", "MAKEFLAGS", "MAKELEVEL")}
    shown = subprocess.run(
        ["make", "-n", "-o", ".venv/server", "run", *given],
        cwd=ROOT, env=environment | variables, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert shown.stdout.strip() == f".venv/bin/python server.py --demo{host}"
