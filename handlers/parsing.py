"""Parsing: the body, the query and the bearer token of a request, as values."""

from __future__ import annotations

from functools import cache
from typing import Any, TypeVar
from urllib.parse import unquote_plus

import msgspec
from msgspec.inspect import CollectionType, type_info
from tornado.httputil import HTTPServerRequest

from handlers.request_heads import RequestHead
from models.errors import Invalid, Unauthenticated

T = TypeVar("T")


def parse_body(request: HTTPServerRequest, type: type[T]) -> T:
    """The JSON body as a value; an empty body counts as `{}`. Raises Invalid, which names the field."""
    try:
        return msgspec.json.decode(request.body or b"{}", type=type)
    except (msgspec.MsgspecError, RecursionError, UnicodeError, ValueError) as error:
        raise Invalid(_message(error)) from None


def parse_query(request: HTTPServerRequest, type: type[T]) -> T:
    """The query as a value. Raises Invalid, also for unknown parameters, and repeated ones that are no lists."""
    values: dict[str, str | list[str]] = {}
    struct: Any = type
    lists = _list_fields(struct)
    for name, given in request.query_arguments.items():
        if len(given) > 1 and name not in lists:
            raise Invalid(f"{name} is given more than once.")
        try:
            texts = [each.decode() for each in given]
        except UnicodeDecodeError:
            raise Invalid(f"{name} is not valid UTF-8.") from None
        values[name] = texts if name in lists else texts[0]
    try:
        return msgspec.convert(values, type, strict=False)
    except (msgspec.MsgspecError, OverflowError) as error:
        raise Invalid(_message(error)) from None


def encoded_value(request: HTTPServerRequest, name: str) -> str:
    """The only value of a parameter of the query, as it stands in the URL."""
    pairs = [each.partition("=") for each in request.query.split("&")]
    return next(value for given, _, value in pairs if unquote_plus(given) == name)


def bearer_token(request: HTTPServerRequest) -> str:
    """The token of the one Authorization header that has any. Raises Unauthenticated."""
    tokens = bearer_tokens(request)
    if len(tokens) != 1:
        raise Unauthenticated("Send an access token in the header Authorization: Bearer …")
    return tokens[0]


def bearer_tokens(request: RequestHead) -> list[str]:
    """The tokens of all Authorization headers. Other schemes, such as Basic, are meant for a proxy."""
    headers = [each.partition(" ") for each in request.headers.get_list("authorization")]
    return [token for scheme, _, token in headers if scheme.lower() == "bearer"]


@cache
def _list_fields(struct: Any) -> frozenset[str]:
    fields = msgspec.structs.fields(struct)
    return frozenset(each.encode_name for each in fields if isinstance(type_info(each.type), CollectionType))


def _message(error: Exception) -> str:
    """msgspec's messages name the field and what was expected. Messages of other errors are not meant for people."""
    return str(error) if isinstance(error, msgspec.MsgspecError) else "Invalid JSON"
