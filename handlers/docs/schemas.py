"""Schemas: the JSON Schemas of our types, for OpenAPI and AsyncAPI."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from inspect import cleandoc
from typing import Any

import msgspec
from msgspec import inspect

from settings import Settings

REFERENCE = "#/components/schemas/{name}"

SETTINGS_KEY = "x-settings"
"""A key in `extra_json_schema` of a type: the names of the settings that provide the values of keywords."""

ONE_TYPE_KEY = "x-described-as"
"""A key in `extra_json_schema` of a union: which of its types is described. Generators need one for each value."""

_RENAMED = {"Call": "CallRecord", "Nothing": "EmptyBody"}
"""Other names for types whose own name generated clients cannot use: OkHttp has a `Call`, and Kotlin a `Nothing`."""

_INT32_LIMIT = 2**31 - 1


def schema_name(type: Any) -> str:
    """The name of a struct's schema. A page of calls is a `CallRecordPage`."""
    arguments = getattr(type, "__args__", ())
    name: str = getattr(type, "__origin__", type).__name__
    return "".join(map(schema_name, arguments)) + name if arguments else _RENAMED.get(name, name)


class Schemas:
    """The schemas of some types, by name."""

    def __init__(self, types: Iterable[Any], settings: Settings) -> None:
        wanted = list(dict.fromkeys(types))
        references, components = msgspec.json.schema_components(wanted, ref_template=REFERENCE)
        self.components: dict[str, dict[str, Any]] = components
        self._references: dict[Any, dict[str, Any]] = dict(zip(wanted, references, strict=True))
        self._names: dict[str, str] = {}
        self._optional: set[tuple[str, str]] = set()
        """Fields that are left out if they have no value: (component, field)."""
        for each in inspect.multi_type_info(wanted):
            self._visit(each)
        for component, schema in self.components.items():
            if "description" in schema:
                schema["description"] = cleandoc(schema["description"])
            # Types that we read refuse unknown fields. Types that we write have all their fields, except for these.
            if schema.get("additionalProperties") is not False and "properties" in schema:
                schema["required"] = [each for each in schema["properties"] if (component, each) not in self._optional]
                _drop_defaults(schema)
        _choose_types([self.components, list(self._references.values())])
        _fill_in(self.components, settings)
        self._rename()
        _mark_kinds([self.components, list(self._references.values())])

    def describe_body(self, type: Any, least_fields: int = 0) -> None:
        """Set the least number of fields, and describe defaults in words: generators make fields with one required."""
        schema = self._component(type)
        _drop_defaults(schema)
        if least_fields:
            schema["minProperties"] = least_fields

    def of(self, type: Any) -> dict[str, Any]:
        """The schema of a type: a reference, or the schema itself if the type has no name."""
        return self._references[type]

    def properties(self, type: Any) -> dict[str, dict[str, Any]]:
        """The schemas of a struct's fields, by name."""
        found: dict[str, dict[str, Any]] = self._component(type)["properties"]
        return found

    def required(self, type: Any) -> list[str]:
        """The required fields of a struct."""
        found: list[str] = self._component(type)["required"]
        return found

    def _component(self, type: Any) -> dict[str, Any]:
        return self.components[self.of(type)["$ref"].rpartition("/")[2]]

    def _rename(self) -> None:
        """Give each component its public name, and correct the references to it."""
        self.components = {self._names.get(name, name): schema for name, schema in self.components.items()}
        for name, schema in self.components.items():
            schema["title"] = name
        for each in _parts([self.components, list(self._references.values())]):
            if "$ref" in each:
                name = each["$ref"].rpartition("/")[2]
                each["$ref"] = REFERENCE.format(name=self._names.get(name, name))

    def _visit(self, type: inspect.Type) -> None:
        """Note the names of structs, and add `format` to times.

        msgspec omits it because it also reads times without a zone, but we always write one.
        """
        match type:
            case inspect.StructType(fields=fields):
                self._names[_name(type)] = schema_name(type.cls)
                for each in fields:
                    self._visit(each.type)
                    if not each.required and each.default is msgspec.NODEFAULT:  # msgspec leaves UNSET out
                        self._optional.add((_name(type), each.encode_name))
                    if _is_time(each.type):
                        # Only a named type has a component. Generic types are named after their arguments.
                        schema = self.components[_name(type)]["properties"][each.encode_name]
                        _text_of(schema)["format"] = "date-time"
            case inspect.UnionType(types=types):
                for member in types:
                    self._visit(member)
            case inspect.ListType(item_type=item) | inspect.CollectionType(item_type=item):
                self._visit(item)
            case _:
                pass


def _name(type: inspect.StructType) -> str:
    """The name that msgspec gives a component, without brackets, which a reference would have to escape."""
    origin, arguments = getattr(type.cls, "__origin__", type.cls), getattr(type.cls, "__args__", ())
    return f"{origin.__name__}_{'_'.join(each.__name__ for each in arguments)}_" if arguments else origin.__name__


def _is_time(type: inspect.Type) -> bool:
    members = type.types if isinstance(type, inspect.UnionType) else (type,)
    return any(isinstance(each, inspect.DateTimeType) for each in members)


def _text_of(schema: dict[str, Any]) -> dict[str, Any]:
    """The text member of a union, or the schema itself."""
    return next((each for each in schema.get("anyOf", ()) if each.get("type") == "string"), schema)


def _parts(schema: Any) -> Iterator[dict[str, Any]]:
    """Every object in a schema, the innermost first."""
    for each in schema.values() if isinstance(schema, dict) else schema:
        if isinstance(each, dict | list):
            yield from _parts(each)
    if isinstance(schema, dict):
        yield schema


def _choose_types(schema: Any) -> None:
    """Describe the type that was chosen for a union."""
    for each in _parts(schema):
        if ONE_TYPE_KEY in each:
            chosen = each.pop(ONE_TYPE_KEY)
            each.update(next(one for one in each.pop("anyOf") if one["type"] == chosen))


def _fill_in(schema: Any, settings: Settings) -> None:
    """Replace each `x-settings` by the keywords with the values of the settings."""
    for each in _parts(schema):
        if SETTINGS_KEY in each:
            named = each.pop(SETTINGS_KEY)
            each.update({keyword: getattr(settings, name) for keyword, name in named.items()})


def _mark_kinds(schema: Any) -> None:
    """Say which numbers need more than 32 bits, and that names are strings: Kotlin and Swift have a type for each."""
    for each in _parts(schema):
        names = each.get("enum")
        if each.get("type") == "integer" and each.get("maximum", math.inf) > _INT32_LIMIT:
            each["format"] = "int64"
        elif each.get("type") == "number":
            each["format"] = "double"
        elif isinstance(names, list) and all(isinstance(name, str) for name in names):
            each["type"] = "string"


def _drop_defaults(schema: dict[str, Any]) -> None:
    """Remove the defaults of a struct's fields. A body's are described in words."""
    is_read = schema.get("additionalProperties") is False
    for each in schema["properties"].values():
        default = each.pop("default", None)
        if is_read and default is not None:
            each["description"] = f"{each.get('description', '')} If omitted: `{default}`.".lstrip()
