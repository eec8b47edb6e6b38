"""Reference: docs/reference.md, every URL, command and message with its fields, made from the two descriptions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from handlers.docs.asyncapi import REPLIES, asyncapi
from handlers.docs.endpoints import ENDPOINTS, Endpoint
from handlers.docs.openapi import openapi
from realtime.protocol import Command, Message
from settings import Settings

HEAD = """# Reference

Every URL, command and message with its fields and their limits. What they mean is in [protocol.md](protocol.md).
Programs read the same at `/openapi.json` (OpenAPI 3.1) and `/asyncapi.json` (AsyncAPI 3).

This page is made by `python -m docs.tables` from the types that the server decodes and encodes; a test holds it to
that.
"""

_COMMON_ERRORS = """\
Any of them may also answer the errors that follow from what it takes: `INVALID_REQUEST` for a body, a query or a part
of the path, `AUTH_ERROR` for a token, and `HOST_NOT_ALLOWED` and `ORIGIN_NOT_ALLOWED`.
"""

_EVERYWHERE = {"INVALID_REQUEST", "AUTH_ERROR", "HOST_NOT_ALLOWED", "ORIGIN_NOT_ALLOWED"}


def reference_page() -> str:
    """The page as it should be, with the defaults of all settings."""
    http, sockets = openapi(Settings()), asyncapi(Settings())
    schemas: dict[str, dict[str, Any]] = http["components"]["schemas"] | sockets["components"]["schemas"]
    spoken = {each.__name__ for base in (Command, Message) for each in base.__subclasses__()}
    return "\n".join(
        [
            HEAD,
            *_urls(),
            *_section("Bodies, queries and answers", {n: s for n, s in schemas.items() if n not in spoken}),
            *_section("Commands", {each.__name__: schemas[each.__name__] for each in Command.__subclasses__()}),
            *_section("Messages", {each.__name__: schemas[each.__name__] for each in Message.__subclasses__()}),
        ]
    )


def _urls() -> Iterator[str]:
    yield "## URLs\n"
    yield _COMMON_ERRORS
    yield "| | takes | answers | errors of its own |\n|---|---|---|---|"
    for (method, path), endpoint in ENDPOINTS.items():
        takes = ", ".join(_link(each) for each in (endpoint.body, endpoint.query) if each is not None)
        errors = ", ".join(f"`{code}`" for code in _own(endpoint))
        shown = path.replace("{path}", "…")
        yield _row(f"`{method} {shown}`", takes, _answer(endpoint), errors)
    yield ""


def _own(endpoint: Endpoint) -> list[str]:
    return [code for code in endpoint.all_errors() if code not in _EVERYWHERE]


def _answer(endpoint: Endpoint) -> str:
    if isinstance(endpoint.answer, str):
        return "" if endpoint.answer == "*/*" else endpoint.answer
    return (f"{endpoint.status}, " if endpoint.status != 200 else "") + _link(endpoint.answer)


def _link(type: Any) -> str:
    arguments = getattr(type, "__args__", ())
    if arguments:
        return f"{'list' if type.__origin__ is list else 'page'} of {_link(arguments[0])}"
    return f"[{type.__name__}](#{type.__name__.lower()})"


def _section(title: str, schemas: dict[str, dict[str, Any]]) -> Iterator[str]:
    yield f"## {title}\n"
    for name, schema in schemas.items():
        if "properties" in schema and not name.startswith("Page_"):
            yield from _type(name, schema)


def _type(name: str, schema: dict[str, Any]) -> Iterator[str]:
    yield f"### {name}\n"
    yield schema["description"] + _reply(name) + "\n"
    properties = {field: each for field, each in schema["properties"].items() if "enum" not in each or field != "type"}
    tag = schema["properties"].get("type", {}).get("enum")
    if tag:
        yield f"`type` is `{tag[0]}`." + ("" if properties else "\n")
    if not properties:
        return
    yield from ([""] if tag else [])
    yield "| field | type | |\n|---|---|---|"
    for field, each in properties.items():
        optional = "" if field in schema["required"] else "optional"
        yield _row(f"`{field}`", _words(each), optional)
    yield ""


def _row(*cells: str) -> str:
    return "|" + "".join(f" {cell} |" if cell else " |" for cell in cells)


def _reply(name: str) -> str:
    """A command's answer is a type, too."""
    reply = next((each.__name__ for command, each in REPLIES.items() if command.__name__ == name), None)
    return f" See [{reply}](#{reply.lower()})." if reply else ""


def _words(schema: dict[str, Any]) -> str:
    """A schema in the words of a reader: `text, 1 to 64 characters`."""
    if "$ref" in schema:
        name = re.sub(r".*/", "", schema["$ref"])
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(_words(each) for each in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(f"`{each}`" for each in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_words(schema['items'])}"
    return _simple(schema)


def _simple(schema: dict[str, Any]) -> str:
    kind = "time" if schema.get("format") == "date-time" else {"string": "text"}.get(schema["type"], schema["type"])
    low = schema.get("minLength", schema.get("minimum"))
    high = schema.get("maxLength", schema.get("maximum"))
    unit = " characters" if "maxLength" in schema else ""
    if low is not None and high is not None:
        return f"{kind}, {low} to {high}{unit}"
    if high is not None:
        return f"{kind}, at most {high}{unit}"
    return kind if low is None else f"{kind}, from {low}{unit}"
