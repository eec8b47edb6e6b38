"""/openapi.json is written so that generated clients compile, and send what the server accepts.

`make test-packages` generates such clients; these tests hold the rules that they need.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from handlers.docs.endpoints import ENDPOINTS
from handlers.docs.openapi import openapi
from handlers.docs.schemas import schema_name
from settings import Settings

DOCUMENT = openapi(Settings())
SCHEMAS = DOCUMENT["components"]["schemas"]
BODIES = list(dict.fromkeys(each.body for each in ENDPOINTS.values() if each.body is not None))

TAKEN = {
    # Kotlin and its generated clients
    "Any", "Array", "Boolean", "Call", "Callback", "Double", "Enum", "Exception", "Int", "Iterable", "Lazy", "List",
    "Long", "Map", "Nothing", "Number", "Pair", "Request", "Response", "Result", "Sequence", "Serializer", "Set",
    "String", "Throwable", "Unit",
    # Swift
    "Collection", "Data", "Date", "Decimal", "Decoder", "Dictionary", "Encoder", "Error", "Never", "Operation",
    "Optional", "Protocol", "Self", "Task", "Type", "URL", "Void",
    # TypeScript and browsers
    "Blob", "Event", "Function", "Headers", "Notification", "Object", "Partial", "Promise", "Record", "Symbol",
    # Python and its generated clients
    "Client", "File", "None", "Unset",
    # Java
    "Character", "Class", "Comparable", "Integer", "Iterator", "Process", "Runnable", "Thread",
}  # fmt: skip
"""Names that a schema must not have: a language or its generated clients have a type of that name."""

NULL = {"type": "null"}


def parts(schema: Any) -> Iterator[dict[str, Any]]:
    """Every object in the document."""
    for each in schema.values() if isinstance(schema, dict) else schema:
        if isinstance(each, dict | list):
            yield from parts(each)
    if isinstance(schema, dict):
        yield schema


def takes_null(body: Any, field: str) -> bool:
    """Return whether the server's decoder takes null as the value of a field."""
    try:
        msgspec.json.decode(msgspec.json.encode({field: None}), type=body)
    except msgspec.ValidationError as error:
        return f"`$.{field}`" not in str(error)
    return True


def test_ids_have_64_bits() -> None:
    ids = [
        kind
        for schema in SCHEMAS.values()
        for name, field in schema["properties"].items()
        if name.endswith("_id") or name == "ended_by"
        for kind in field.get("anyOf", [field])
        if kind.get("type") == "integer"
    ]
    (path_parameter,) = DOCUMENT["paths"]["/users/{id}/presence"]["get"]["parameters"]
    assert len(ids) >= 7
    assert all(each["format"] == "int64" for each in [*ids, path_parameter["schema"]])


def test_a_value_has_one_type_and_may_be_null() -> None:
    unions = [each["anyOf"] for each in parts(DOCUMENT) if "anyOf" in each]
    assert unions
    assert [each for each in unions if len([one for one in each if one != NULL]) != 1] == []


def test_an_integer_that_may_need_more_than_32_bits_says_so() -> None:
    numbers = [each for each in parts(SCHEMAS) if each.get("type") == "integer" and each.get("maximum", 2**53) >= 2**31]
    assert numbers
    assert all(each["format"] == "int64" for each in numbers)


def test_no_schema_has_a_name_that_a_language_has() -> None:
    assert not TAKEN & set(SCHEMAS)
    assert {"CallRecord", "CallRecordPage", "StatusPage", "EmptyBody"} <= set(SCHEMAS)
    assert len({name.lower() for name in SCHEMAS}) == len(SCHEMAS)
    assert all(name.isidentifier() and schema["title"] == name for name, schema in SCHEMAS.items())


def test_every_reference_leads_to_a_schema() -> None:
    named = {each["$ref"] for each in parts(DOCUMENT) if "$ref" in each}
    known = {f"#/components/{kind}/{name}" for kind, those in DOCUMENT["components"].items() for name in those}
    assert named <= known


def test_no_class_has_to_be_made_up_for_a_combination() -> None:
    assert not [each for each in parts(DOCUMENT) if "allOf" in each or "oneOf" in each]
    assert all(set(each) == {"$ref"} for each in parts(DOCUMENT) if "$ref" in each)


def test_the_names_of_an_enumeration_are_strings() -> None:
    enumerations = [each for each in parts(DOCUMENT) if "enum" in each]
    assert enumerations
    assert all(each["type"] == "string" for each in enumerations)


@pytest.mark.parametrize("body", BODIES, ids=schema_name)
def test_a_field_may_be_null_in_a_body_only_if_the_server_takes_null(body: Any) -> None:
    for name, field in SCHEMAS[schema_name(body)]["properties"].items():
        assert (NULL in field.get("anyOf", [])) == takes_null(body, name), name


def test_a_default_makes_no_field_required() -> None:
    queries = {name for name in SCHEMAS if name.endswith("Query")}
    fields = [
        field
        for name, schema in SCHEMAS.items()
        if name not in queries  # generators read the parameters instead, which are optional
        for field in schema["properties"].values()
    ]
    assert not [field for field in fields if "default" in field]
    assert not [each for each in parts(DOCUMENT) if "default" in each and each["default"] is None]
    assert SCHEMAS["CallEnd"]["properties"]["reason"]["description"] == "If omitted: `completed`."
