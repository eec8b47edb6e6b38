"""IPv6: addresses are in brackets in every printed URL."""

from __future__ import annotations

import socket

import pytest

from tests.operation.conftest import Terminal


def has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


pytestmark = [
    pytest.mark.slow,  # each case starts the program
    pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6"),
]


def test_a_server_on_ipv6_logs_its_url_and_is_watched_there(terminal: Terminal) -> None:
    terminal.import_users("ada")
    token = terminal.tokens()[1]
    terminal.environment["ROLLCALL_HOST"] = "::1"
    server = terminal.serve()
    assert f'"url": "http://[::1]:{terminal.port}"' in server.text()
    watch = terminal.start("watch", "--token", "-", stdin=token + "\n")
    watch.wait_for("ada")
    assert server.stop() == 0
    assert watch.stop() == 0


def test_a_watch_without_a_server_names_the_url(terminal: Terminal) -> None:
    terminal.environment["ROLLCALL_HOST"] = "::1"
    done = terminal.run("watch", "--token", "-", stdin="t\n")
    assert done.stderr.startswith(f"Error: cannot connect to ws://[::1]:{terminal.port}/ws/feed: ")


def test_the_demo_prints_urls_that_work(terminal: Terminal) -> None:
    terminal.environment["ROLLCALL_HOST"] = "::1"
    demo = terminal.start("--demo")
    text = demo.wait_for("Ctrl-C ends it")
    assert f"The demo runs at http://[::1]:{terminal.port}\n" in text
    assert f"watch --url ws://[::1]:{terminal.port} --token -\n" in text
    assert demo.stop() == 0
