"""`server.py --demo`: simulated users come, go and call, and a newcomer can watch."""

from __future__ import annotations

import re

import pytest

from operation.demo.demo_users import NAMES, VISITOR
from operation.demo.phone import network_address, qr_code
from settings import Settings
from tests.operation.conftest import Program, Terminal, wait_until

pytestmark = pytest.mark.slow


def invited(program: Program) -> str:
    """Return the token that the demo prints."""
    found = re.search(r"^  (ey\S+)$", program.wait_for("Ctrl-C ends it"), re.MULTILINE)
    assert found is not None, program.text()
    return found[1]


def test_made_up_users_come_online_turn_busy_and_call(terminal: Terminal) -> None:
    demo = terminal.start("--demo")
    token = invited(demo)

    def figures() -> dict[str, int]:
        return dict(terminal.ask("GET", "/feed/stats", token)[1])

    assert figures()["total_users"] == len(NAMES) + 1
    wait_until(lambda: figures()["online"] >= 15)
    wait_until(lambda: figures()["ongoing_calls"] >= 1)
    assert demo.stop() == 0
    assert '"level": "error"' not in demo.text()
    assert "Traceback" not in demo.text()


def test_its_users_are_made_once_and_its_lines_work_as_printed(terminal: Terminal) -> None:
    first = terminal.start("--demo")
    invited(first)
    assert first.stop() == 0
    second = terminal.start("--demo")
    token = invited(second)
    assert terminal.ask("POST", "/users/me/heartbeat", token)[1]["username"] == VISITOR
    assert re.search(
        rf"^  echo {token} \| \S+ server\.py watch --url ws://localhost:\d+ --token -$", second.text(), re.MULTILINE
    )
    for line in ("watch --url ws://localhost:", "curl -X PUT http://localhost:", "wscat -c 'ws://localhost:"):
        assert line in second.text()
    watch = terminal.start("watch", "--token", token)
    watch.wait_for("●")
    names = [line.split("\t")[3] for line in terminal.lines("user", "list")]
    assert names == [VISITOR, *NAMES]


def test_on_the_network_it_prints_its_address_and_a_code_for_phones(terminal: Terminal) -> None:
    demo = terminal.start("--demo", "--host", "0.0.0.0")
    token = invited(demo)
    address = network_address(Settings(host="0.0.0.0"), terminal.port)
    if address is None:  # no network here
        assert "In the network" not in demo.text()
    else:
        code = re.sub(r"\x1b\[[0-9;]*m", "", qr_code(f"{address.http}/static/demo.html#{token}"))
        assert f"In the network, the server is at {address.http}\n" in demo.text()
        assert code in demo.text()
    assert demo.stop() == 0


def test_sixty_names_are_all_different() -> None:
    assert len({name.casefold() for name in NAMES}) == 60
