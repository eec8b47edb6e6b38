"""The documentation is correct: examples in JSON, indexes, anchors, codes of the troubleshooting page."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any, get_args

import pytest
from jsonschema import Draft202012Validator, FormatChecker, ValidationError

from handlers.docs.asyncapi import asyncapi
from handlers.docs.openapi import openapi
from models.collection import Keys
from models.guard import GuardedCollection
from models.stores import opened_stores
from realtime.protocol import CloseCode, ErrorCode
from settings import Settings
from tests.receiver import SECRET

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
FENCE = re.compile(r"^```json ?(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)

EXAMPLES = [
    pytest.param(name, text, id=f"{page.name} {number}")
    for page in PAGES
    for number, (name, text) in enumerate(FENCE.findall(page.read_text(encoding="utf-8")))
]


def read(name: str, text: str) -> Any:
    """Decode an example and check it against the type that its fence or its `type` names. Raises ValidationError."""
    value = json.loads(text)
    http, sockets = openapi(Settings()), asyncapi(Settings())
    if name:
        document, schema = http, {"$ref": f"#/components/schemas/{name}"}
    else:
        document, schema = sockets, sockets["components"]["messages"][value["type"]]["payload"]
    whole = {**schema, "components": document["components"], "unevaluatedProperties": False}
    Draft202012Validator(whole, format_checker=FormatChecker(["date-time"])).validate(value)
    return value


@pytest.mark.parametrize(("name", "text"), EXAMPLES)
def test_an_example_is_of_the_type_it_shows(name: str, text: str) -> None:
    read(name, text)


def test_there_are_examples_and_a_wrong_one_would_be_found() -> None:
    assert len(EXAMPLES) >= 4
    with pytest.raises(ValidationError):
        read("Status", '{"user_id": 1}')
    with pytest.raises(ValidationError):
        read("", '{"type": "ping", "when": 1}')


def test_every_index_that_the_server_makes_is_documented(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made = set()

    async def record(collection: GuardedCollection, keys: Keys, **_: Any) -> str:
        made.add((collection.name, tuple(keys)))
        return ""

    monkeypatch.setattr(GuardedCollection, "create_index", record)

    async def make() -> None:
        with_webhooks = Settings(data_dir=tmp_path, webhook_url="http://localhost/", webhook_secret=SECRET)
        async with opened_stores(with_webhooks):
            pass

    asyncio.run(make())
    page = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    documented = set()
    for collection, keys in re.findall(r"^\| `([a-z_]+)` \| (`[^|]+) \|", page, re.MULTILINE):
        parts = keys.split(", ")
        fields = [(part.split("`")[1], -1 if "descending" in part else 1) for part in parts if part.startswith("`")]
        documented.add((collection, tuple(fields)))
    assert documented == made


def test_every_close_code_and_every_error_code_of_the_sockets_has_its_line_in_troubleshooting() -> None:
    page = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    closes = {int(code) for row in re.findall(r"^\| ([\d, ]+) \|", page, re.MULTILINE) for code in row.split(", ")}
    assert closes - {1005, 1006} == set(CloseCode)
    assert set(re.findall(r"^\| `([A-Z_]+)` \|", page, re.MULTILINE)) == set(get_args(ErrorCode))
