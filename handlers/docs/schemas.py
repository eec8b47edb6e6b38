"""Schemas: the JSON Schemas of our types, for OpenAPI and AsyncAPI."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import inspect

from settings import Settings

REFERENCE = "#/components/schemas/{name}"

SETTINGS_KEY = "x-settings"
"""A key in `extra_json_schema` of a type: the names of the settings that provide the values of keywords."""


class Schemas:
    """The schemas of some types, by name."""

    def __init__(self, types: Iterable[Any], settings: Settings) -> None:
        wanted = list(dict.fromkeys(types))
        references, components = msgspec.json.schema_components(wanted, ref_template=REFERENCE)
        self.components: dict[str, dict[str, Any]] = components
        self._references: dict[Any, dict[str, Any]] = dict(zip(wanted, references, strict=True))
        for each in inspect.multi_type_info(wanted):
            self._mark_times(each)
        for schema in self.components.values():
            # Types that we read refuse unknown fields. Types that we write always have all their fields.
            if schema.get("additionalProperties") is not False and "properties" in schema:
                schema["required"] = list(schema["properties"])
        _fill_in(self.components, settings)

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

    def _mark_times(self, type: inspect.Type) -> None:
        """Add `format`. msgspec omits it because it also reads times without a zone, but we always write one."""
        match type:
            case inspect.StructType(fields=fields):
                for each in fields:
                    self._mark_times(each.type)
                    if _is_time(each.type):
                        # Only a named type has a component. Generic types are named after their arguments.
                        schema = self.components[_name(type)]["properties"][each.encode_name]
                        _text_of(schema)["format"] = "date-time"
            case inspect.UnionType(types=types):
                for member in types:
                    self._mark_times(member)
            case inspect.ListType(item_type=item) | inspect.CollectionType(item_type=item):
                self._mark_times(item)
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


def _fill_in(schema: Any, settings: Settings) -> None:
    """Replace each `x-settings` by the keywords with the values of the settings."""
    for each in schema.values() if isinstance(schema, dict) else schema:
        if isinstance(each, dict | list):
            _fill_in(each, settings)
    if isinstance(schema, dict) and SETTINGS_KEY in schema:
        named = schema.pop(SETTINGS_KEY)
        schema.update({keyword: getattr(settings, name) for keyword, name in named.items()})
