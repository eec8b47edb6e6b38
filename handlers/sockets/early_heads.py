"""Early heads: reads the head of a request before Tornado knows of its connection.

Tornado would start a task for the connection, wait for the head with a timer, and search it for its end. Here the head
is only looked at, so whatever is not a plain upgrade is still in the kernel for Tornado to read.
"""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Container
from typing import NamedTuple

from tornado.escape import parse_qs_bytes

LONGEST_BYTES = 4096
"""More than a usual head has. Tornado reads longer ones."""

_BEGINNING = b"GET /ws/"

_PLAIN = re.compile(
    r"GET ([!->@-~]+)(?:\?([!-~]*))? HTTP/1\.1\r\n"
    r"((?:[A-Za-z0-9-]+: [!-~](?:[ -~]*[!-~])?\r\n)+)\r\n"
)
"""The path, the query and the lines of a head that every parser reads in the same way: each header has one line, one
space and a value in ASCII."""

_LINE = re.compile(r"([A-Za-z0-9-]+): ([ -~]+)\r\n")

_HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]+)?")
"""What every parser takes for a host. Tornado refuses some others."""

_FIELDS_LIMIT = 100
"""Fields of a query. An upgrade has three at most."""

_ONLY_TOKEN = re.compile(r"token=[A-Za-z0-9_.-]+")


class EarlyHeaders(dict[str, str]):
    """See Headers. None of them is there twice."""

    __slots__ = ()

    def get_list(self, name: str, /) -> list[str]:
        """The value of a header in a list, which is empty if it is missing."""
        return [self[name]] if name in self else []


class EarlyRequest:
    """See RequestHead. The whole query may hold a token, so only its arguments are kept."""

    __slots__ = ("_began", "headers", "path", "query_arguments", "remote_ip")

    method = "GET"
    version = "HTTP/1.1"
    protocol = "http"

    def __init__(
        self, path: str, query_arguments: dict[str, list[bytes]], headers: EarlyHeaders, remote_ip: str
    ) -> None:
        self.path = path
        self.query_arguments = query_arguments
        self.headers = headers
        self.remote_ip = remote_ip
        self._began = time.monotonic()

    def request_time(self) -> float:
        """See RequestHead."""
        return time.monotonic() - self._began


class EarlyHead(NamedTuple):
    """The head of a request, and how many bytes it takes."""

    request: EarlyRequest
    size: int


def early_head(connection: socket.socket, address: tuple[object, ...], paths: Container[str]) -> EarlyHead | None:
    """The head of a request for one of the paths, or None if it is not there, or is not plain enough to tell.

    Raises BlockingIOError if nothing has arrived yet.
    """
    try:
        data = connection.recv(LONGEST_BYTES, socket.MSG_PEEK)
    except BlockingIOError:
        raise
    except OSError:
        return None
    found = _PLAIN.match(data.decode("latin-1")) if data.startswith(_BEGINNING) else None
    if found is None:
        return None
    path, query, text = found.groups()
    if path not in paths:
        return None
    lines = _LINE.findall(text)
    headers = EarlyHeaders([(name.lower(), value) for name, value in lines])
    if len(headers) < len(lines) or not _HOST.fullmatch(headers.get("host", "")):  # there are two of one name
        return None
    try:
        arguments = _arguments(query or "")
    except ValueError:
        return None
    return EarlyHead(EarlyRequest(path, arguments, headers, str(address[0])), found.end())


def _arguments(query: str) -> dict[str, list[bytes]]:
    """The arguments in a query, as Tornado reads them. Raises ValueError."""
    if _ONLY_TOKEN.fullmatch(query):  # nothing in it has to be decoded
        return {"token": [query[6:].encode()]}
    return parse_qs_bytes(query, keep_blank_values=True, max_num_fields=_FIELDS_LIMIT)
