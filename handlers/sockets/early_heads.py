"""Early heads: reads the head of a request before Tornado knows of its connection.

Tornado would start a task for the connection, wait for the head with a timer, and search it for its end. What is not a
plain upgrade is left to it, together with the bytes that were read.
"""

from __future__ import annotations

import re
import time
from collections.abc import Container
from typing import NamedTuple

from tornado.escape import parse_qs_bytes

LONGEST_BYTES = 4096
"""More than a usual head has. Tornado reads longer ones."""

_BEGINNING = b"GET /ws/"

_VERSION = " HTTP/1.1\r\n"

_VALUE = re.compile(r"[!-~](?:[ -~]*[!-~])?")
"""A value that every parser reads in the same way."""

_PLAIN = re.compile(r"(?:\r\n[A-Za-z0-9-]+: [!-~](?:[ -~]*[!-~])?)*")
"""Lines that every parser reads in the same way: each has one name, one space and a value in ASCII."""

_LINE = re.compile(r"\r\n([A-Za-z0-9-]+): ([ -~]+)")

_HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]+)?")
"""What every parser takes for a host. Tornado refuses some others."""

_OWN_LINE = re.compile(
    r"\r\n(authorization|cookie|sec-websocket-key|sec-websocket-protocol|x-forwarded-for): ([^\r\n]*)(?=\r\n|\Z)",
    re.ASCII | re.IGNORECASE,
)
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
    version = "HTTP/1.1"
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
        self._known_lines: dict[str, CommonLines] = {}

    def read(self, data: bytes, address: tuple[object, ...]) -> EarlyHead | None:
        """The head of a request for one of the paths, or None if it is not complete, or not plain enough to tell."""
        if not data.startswith(_BEGINNING):
            return None
        head, end, rest = data.partition(b"\r\n\r\n")
        text = head.decode("latin-1")
        target, version, lines = text.partition(_VERSION)
        path, _, query = target[4:].partition("?")
        if not end or not version or path not in self._paths:
            return None
        arguments = _arguments(query)
        parts = _OWN_LINE.split("\r\n" + lines)
        common = self._common_lines("".join(parts[::3]))
        if arguments is None or common is None:
            return None
        headers = EarlyHeaders(common.headers)
        for name, value in zip(parts[1::3], parts[2::3], strict=True):
            if (key := name.lower()) in headers or not _VALUE.fullmatch(value):
                return None
            headers[key] = value
        return EarlyHead(EarlyRequest(path, arguments, headers, str(address[0]), common), rest)

    def _common_lines(self, text: str) -> CommonLines | None:
        """What is known about these lines, or None if they are not plain."""
        known = self._known_lines.get(text)
        if known is None:
            known = _common_lines(text)
            if known is not None and len(text) <= _KEPT_LENGTH:
                self._keep(text, known)
        return known

    def _keep(self, text: str, known: CommonLines) -> None:
        """Keep what is known about some lines, all of which are plain: there is no secret among them."""
        if len(self._known_lines) >= _KEPT:
            del self._known_lines[next(iter(self._known_lines))]
        self._known_lines[text] = known


def _common_lines(text: str) -> CommonLines | None:
    """The headers in these lines, or None if they are not plain, one of them is there twice, or no host is."""
    if not _PLAIN.fullmatch(text):
        return None
    found = _LINE.findall(text)
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
