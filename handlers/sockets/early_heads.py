"""Early heads: reads the head of a request before Tornado knows of its connection.

Tornado would start a task for the connection, wait for the head with a timer, and search it for its end. What is not a
plain upgrade is left to it, together with the bytes that were read.
"""

from __future__ import annotations

import re
import time
from collections.abc import Container
from functools import lru_cache
from typing import NamedTuple

from tornado.escape import parse_qs_bytes

LONGEST_BYTES = 4096
"""More than a usual head has. Tornado reads longer ones."""

_BEGINNING = b"GET /ws/"

_VERSION = "HTTP/1.1"

_VALUE = re.compile(r"[!-~](?:[ -~]*[!-~])?")
"""A value that every parser reads in the same way."""

_PLAIN = re.compile(r"(?:[A-Za-z0-9-]+: [!-~](?:[ -~]*[!-~])?\r\n)*")
"""Lines that every parser reads in the same way: each has one name, one space and a value in ASCII."""

_LINE = re.compile(r"([A-Za-z0-9-]+): ([ -~]+)\r\n")

_HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]+)?")
"""What every parser takes for a host. Tornado refuses some others."""

_OWN = frozenset({"authorization", "cookie", "sec-websocket-key", "sec-websocket-protocol", "x-forwarded-for"})
"""Headers whose values differ from client to client. Some of them are secrets, which are never kept."""

_KEPT = 512
"""Groups of lines that are kept. An app sends the same few lines from all devices of a kind."""

_KEPT_LENGTH = 1024
"""Longer groups are read anew each time, so that nobody can fill the memory with them."""

_QUERY = re.compile(r"[!-~]*")

_FIELDS_LIMIT = 100
"""Fields of a query. An upgrade has three at most."""

_ONLY_TOKEN = re.compile(r"token=[A-Za-z0-9_.-]+")


class EarlyHeaders(dict[str, str]):
    """See Headers. None of them is there twice."""

    __slots__ = ()

    def get_list(self, name: str, /) -> list[str]:
        """The value of a header in a list, which is empty if it is missing."""
        return [self[name]] if name in self else []


class CommonLines:
    """The lines of a head that many clients send alike."""

    __slots__ = ("answer", "headers")

    def __init__(self, headers: EarlyHeaders) -> None:
        self.headers = headers
        self.answer: str | None = None
        """The lines that answer them, once they were found to be correct, whatever the other headers say."""


class EarlyRequest:
    """See RequestHead. The whole query may hold a token, so only its arguments are kept."""

    __slots__ = ("_began", "common", "headers", "path", "query_arguments", "remote_ip")

    method = "GET"
    version = _VERSION
    protocol = "http"

    def __init__(
        self,
        path: str,
        query_arguments: dict[str, list[bytes]],
        headers: EarlyHeaders,
        remote_ip: str,
        common: CommonLines,
    ) -> None:
        self.path = path
        self.query_arguments = query_arguments
        self.headers = headers
        self.remote_ip = remote_ip
        self.common = common
        self._began = time.monotonic()

    def request_time(self) -> float:
        """See RequestHead."""
        return time.monotonic() - self._began


class EarlyHead(NamedTuple):
    """The head of a request, and what the client sent after it."""

    request: EarlyRequest
    rest: bytes


class EarlyHeads:
    """Reads the heads of requests for some paths.

    It keeps what it knows about common lines. Another server, with other settings, may answer the same lines otherwise.
    """

    def __init__(self, paths: Container[str]) -> None:
        self._paths = paths
        self._known_lines = lru_cache(_KEPT)(_common_lines)

    def read(self, data: bytes, address: tuple[object, ...]) -> EarlyHead | None:
        """The head of a request for one of the paths, or None if it is not complete, or not plain enough to tell."""
        if not data.startswith(_BEGINNING):
            return None
        head, end, rest = data.partition(b"\r\n\r\n")
        first, _, lines = head.decode("latin-1").partition("\r\n")
        target, _, version = first[4:].partition(" ")
        path, _, query = target.partition("?")
        if not end or version != _VERSION or path not in self._paths:
            return None
        arguments = _arguments(query)
        own, common = self._headers(lines)
        if arguments is None or common is None or not own.keys().isdisjoint(common.headers):
            return None
        headers = EarlyHeaders(common.headers)
        headers.update(own)
        return EarlyHead(EarlyRequest(path, arguments, headers, str(address[0]), common), rest)

    def _headers(self, lines: str) -> tuple[dict[str, str], CommonLines | None]:
        """The client's own headers, and the common lines. None if the lines are not plain."""
        own = dict[str, str]()
        others = list[str]()
        for line in lines.split("\r\n"):
            name, _, value = line.partition(": ")
            name = name.lower()
            if name not in _OWN:
                others.append(line)
            elif name in own or not _VALUE.fullmatch(value):
                return own, None
            else:
                own[name] = value
        text = "\r\n".join(others)
        return own, self._known_lines(text) if len(text) <= _KEPT_LENGTH else _common_lines(text)


def _common_lines(text: str) -> CommonLines | None:
    """The headers in these lines, or None if they are not plain, one of them is there twice, or no host is."""
    lines = text + "\r\n"
    if not _PLAIN.fullmatch(lines):
        return None
    found = _LINE.findall(lines)
    headers = EarlyHeaders([(name.lower(), value) for name, value in found])
    if len(headers) < len(found) or not _HOST.fullmatch(headers.get("host", "")):
        return None
    return CommonLines(headers)


def _arguments(query: str) -> dict[str, list[bytes]] | None:
    """The arguments in a query, as Tornado reads them, or None if it might refuse them."""
    if _ONLY_TOKEN.fullmatch(query):  # nothing in it has to be decoded
        return {"token": [query[6:].encode()]}
    if not _QUERY.fullmatch(query):
        return None
    try:
        return parse_qs_bytes(query, keep_blank_values=True, max_num_fields=_FIELDS_LIMIT)
    except ValueError:
        return None
