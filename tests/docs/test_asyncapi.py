"""/asyncapi.json: valid by AsyncAPI's own schema, complete, and true of the messages on a socket."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import websockets
from jsonschema import Draft7Validator, Draft202012Validator, FormatChecker

from handlers.docs.asyncapi import CLOSES, REPLIES, asyncapi
from realtime.protocol import CloseCode, Command, Message
from settings import Settings
from tests.clients import Api
from tests.conftest import MakePerson, OpenSocket
from tests.running import RunningServer
from tests.tagging import tag

pytestmark = pytest.mark.any_store

SCHEMA = Path(__file__).parents[1] / "node" / "node_modules" / "@asyncapi" / "specs" / "schemas" / "3.0.0.json"


COMMANDS: list[dict[str, Any]] = [
    {"type": "ping", "timestamp": 7},
    {"type": "ping"},
    {"type": "heartbeat"},
    {"type": "subscribe", "subscription": "feed", "snapshot": True},
    {"type": "unsubscribe", "subscription": "calls"},
    {"type": "nonsense"},
]


def tags(base: type) -> set[str]:
    """Return the names of message types on the wire."""
    return {str(each.__struct_config__.tag) for each in base.__subclasses__()}


@pytest.mark.slow
def test_it_is_asyncapi() -> None:
    assert SCHEMA.is_file(), "run `make node` first"
    validator = Draft7Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))
    document = asyncapi(Settings())
    assert [error.message for error in validator.iter_errors(document)] == []
    document["operations"]["feed.ping"]["action"] = "shout"
    assert list(validator.iter_errors(document)) != []


def test_every_reference_in_it_leads_somewhere() -> None:
    document = asyncapi(Settings())
    references = set(references_in(document))
    assert len(references) > 50
    for reference in references:
        place = document
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]


def test_every_command_and_message_is_in_it_on_both_channels() -> None:
    document = asyncapi(Settings())
    assert set(document["components"]["messages"]) == tags(Command) | tags(Message)
    for channel in ("feed", "presence"):
        assert set(document["channels"][channel]["messages"]) == tags(Command) | tags(Message)
        received = {
            each["messages"][0]["$ref"].rpartition("/")[2]
            for each in document["operations"].values()
            if each["action"] == "receive" and each["channel"]["$ref"].endswith(channel)
        }
        assert received == tags(Command)


def test_every_command_has_a_reply_and_every_close_code_a_meaning() -> None:
    assert set(REPLIES) == set(Command.__subclasses__())
    assert list(CLOSES) == list(CloseCode)


@pytest.mark.gen_test
async def test_the_server_shows_it(api: Api, server: RunningServer) -> None:
    answer = await api.get("/asyncapi.json")
    assert answer.status == 200
    assert answer.body == asyncapi(server.settings)


@pytest.mark.gen_test
@pytest.mark.settings(token_warning_seconds=1.8)
async def test_every_message_that_comes_is_of_the_shape_that_is_described(
    user: MakePerson, socket: OpenSocket, server: RunningServer
) -> None:
    document = asyncapi(server.settings)
    ada, bob = await user("ada", life_seconds=2), await user("bob")
    listening = await socket(ada, first=True)
    await bob.post("/users/me/heartbeat")
    call = (await bob.post("/calls/start", {"callee_id": ada.user_id, "call_type": "video"})).body
    await bob.post("/calls/end", {"call_id": call["call_id"]})
    for command in COMMANDS:
        await listening.send(command)
    await listening.send({"type": "refresh", "token": ada.token})
    messages = [*await listening.told(), await listening.next("token_expiring")]
    resumed = await socket(bob, first=True, epoch=messages[0]["epoch"], since=messages[0]["seq"])
    messages += await resumed.told()
    await resumed.ask({"type": "subscribe", "subscription": "feed", "tags": ["sales"]}, "subscription_confirmed")
    for tags_of_ada in (["sales"], []):
        await tag(server, ada.user_id, *tags_of_ada)
    messages += await resumed.told()
    stopping = asyncio.create_task(server.stop())
    with contextlib.suppress(websockets.ConnectionClosed):
        while True:
            messages.append(await listening.take())
    await stopping
    assert {message["type"] for message in messages} == tags(Message)
    for message in messages:
        schema = document["components"]["messages"][message["type"]]["payload"]
        whole = {**schema, "components": document["components"]}
        Draft202012Validator(whole, format_checker=FormatChecker(["date-time"])).validate(message)


def references_in(value: Any) -> Iterator[str]:
    """Yield every `$ref` in a value."""
    for key, each in value.items() if isinstance(value, dict) else enumerate(value):
        if key == "$ref":
            yield each
        elif isinstance(each, dict | list):
            yield from references_in(each)


def test_each_operation_takes_a_token_or_a_service_key() -> None:
    document = asyncapi(Settings())
    schemes = {f"#/components/securitySchemes/{name}" for name in document["components"]["securitySchemes"]}
    assert schemes == {"#/components/securitySchemes/token", "#/components/securitySchemes/serviceKey"}
    for operation in document["operations"].values():
        assert {each["$ref"] for each in operation["security"]} == schemes
