"""A database in MongoDB, which only one server may use at a time."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import socket
import time
from typing import Any

import pytest
from pymongo import MongoClient

from chaos.ports import free_port
from tests.mongo import MongoServer
from tests.operation.conftest import Program, Terminal, wait_until

pytestmark = pytest.mark.slow

LEASE = {"ROLLCALL_LEASE_RENEW_SECONDS": "0.25", "ROLLCALL_LEASE_SECONDS": "2.5"}


@pytest.fixture
def shared(terminal: Terminal, mongo_server: MongoServer) -> Terminal:
    """A terminal on an empty database in MongoDB."""
    terminal.environment |= {
        **LEASE,
        "MONGODB_URL": mongo_server.url,
        "ROLLCALL_MONGODB_DATABASE": mongo_server.fresh_database("second"),
        "ROLLCALL_JWT_SECRET": secrets.token_hex(24),
    }
    return terminal


def instances(terminal: Terminal) -> Any:
    client: MongoClient[dict[str, Any]] = MongoClient(terminal.environment["MONGODB_URL"])
    return client[terminal.environment["ROLLCALL_MONGODB_DATABASE"]]["instances"]


def move_elsewhere(terminal: Terminal) -> None:
    """Make the running server look like one on another machine."""
    instances(terminal).update_one({}, {"$set": {"host": "elsewhere"}})


def errors(server: Program) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in server.text().splitlines() if line.startswith("{")]
    return [line for line in lines if line["level"] == "error"]


@pytest.mark.parametrize("machine", ["the same machine", "another machine"])
def test_a_second_server_on_the_same_database_is_refused_and_names_the_first(shared: Terminal, machine: str) -> None:
    first = shared.serve()
    if machine == "another machine":
        move_elsewhere(shared)
    second = shared.run("--port", str(free_port()))
    assert second.returncode == 1
    line = second.stderr.splitlines()[-1]
    assert f"process {first.process.pid} on host " in line
    assert ", since 20" in line
    assert shared.environment["ROLLCALL_MONGODB_DATABASE"] in line
    assert "ROLLCALL_MONGODB_DATABASE" in line
    assert shared.ask("GET", "/readyz")[0] == 200
    shared.import_users("ada")  # the command line works beside a server


@pytest.mark.parametrize("name", ["", "web-1"])
def test_a_server_says_its_name_in_its_log_and_to_others(shared: Terminal, name: str) -> None:
    shared.environment |= {"ROLLCALL_NODE_NAME": name} if name else {}
    first = shared.serve()
    name = name or f"{socket.gethostname()}:{shared.port}/{first.process.pid}"
    listening = next(json.loads(line) for line in first.text().splitlines() if '"listening"' in line)
    (instance,) = instances(shared).find()
    assert (listening["node"], listening["incarnation"]) == (instance["name"], instance["_id"])
    assert instance["name"] == name
    assert f"({name}, process " in shared.run("--port", str(free_port())).stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_what_a_server_leaves_behind_is_no_obstacle_for_the_next(shared: Terminal, number: signal.Signals) -> None:
    first = shared.serve()
    first.process.send_signal(number)
    if number == signal.SIGTERM:
        assert first.wait() == 0
        assert instances(shared).count_documents({}) == 0
    shared.serve()  # the killed one is a zombie until this test asks for its exit code
    first.wait()
    assert instances(shared).count_documents({}) == 1


def test_of_two_servers_that_start_together_one_survives(shared: Terminal) -> None:
    shared.lines("user", "list")  # creates the indexes
    pair = [shared.start("--port", str(free_port())) for _ in range(2)]
    wait_until(lambda: any(each.process.poll() is not None for each in pair))
    (survivor,) = [each for each in pair if each.process.poll() is None]
    survivor.wait_for('"listening"')
    (refused,) = [each for each in pair if each is not survivor]
    assert refused.wait() == 1
    assert f"process {survivor.process.pid} on host" in refused.text()


def test_a_server_that_was_paused_until_another_took_its_database_writes_no_more_and_ends(shared: Terminal) -> None:
    shared.import_users("ada")
    token = shared.tokens()[1]
    first = shared.serve()
    move_elsewhere(shared)
    os.kill(first.process.pid, signal.SIGSTOP)
    port = free_port()
    second = shared.start("--port", str(port))
    output = second.wait_for('"listening"')
    assert f"process {first.process.pid} on host elsewhere" in output
    try:
        shared.environment["ROLLCALL_PORT"] = str(port)
        shared.port, paused_port = port, shared.port
        assert shared.ask("PUT", "/users/me/status", token, {"is_busy": True})[0] == 200
        shared.port = paused_port
    finally:
        os.kill(first.process.pid, signal.SIGCONT)
    with contextlib.suppress(OSError):  # it may have ended already
        assert shared.ask("PUT", "/users/me/status", token, {"is_busy": False})[0] == 503
    assert first.wait() == 1
    (error,) = errors(first)
    assert error["event"] == "the lease on the database is lost"
    assert f"process {second.process.pid} on host" in error["reason"]
    shared.port = port
    assert shared.ask("GET", "/users/me/status", token)[1]["is_busy"] is True


def test_a_server_that_was_paused_and_not_replaced_goes_on(shared: Terminal) -> None:
    shared.import_users("ada")
    token = shared.tokens()[1]
    first = shared.serve()
    os.kill(first.process.pid, signal.SIGSTOP)
    time.sleep(3)  # longer than the lease
    os.kill(first.process.pid, signal.SIGCONT)
    wait_until(lambda: shared.ask("PUT", "/users/me/status", token, {"is_busy": True})[0] == 200)
    assert errors(first) == []


def test_an_outage_of_mongodb_that_outlasts_the_lease_ends_nothing(
    terminal: Terminal, killable_mongo_server: MongoServer
) -> None:
    terminal.environment |= {
        **LEASE,
        "MONGODB_URL": killable_mongo_server.url,
        "ROLLCALL_JWT_SECRET": secrets.token_hex(24),
        "ROLLCALL_STORE_DEADLINE_SECONDS": "1",
    }
    terminal.import_users("ada")
    token = terminal.tokens()[1]
    server = terminal.serve()
    killable_mongo_server.pause()
    time.sleep(4)
    assert terminal.ask("PUT", "/users/me/status", token, {"is_busy": True})[0] == 503
    killable_mongo_server.resume()
    wait_until(lambda: terminal.ask("PUT", "/users/me/status", token, {"is_busy": True})[0] == 200)
    assert server.process.poll() is None
    assert errors(server) == []
