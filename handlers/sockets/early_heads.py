"""Early heads: reads the head of a request that has arrived before its connection is accepted, as in a crowd.

Tornado would start a task for the connection, wait for the head with a timer, and search it for its end. Here the head
is only looked at, so whatever is not a plain upgrade is still in the kernel for Tornado to read.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Collection
from typing import NamedTuple

from tornado.httputil import HTTPConnection, HTTPHeaders, HTTPInputError, HTTPServerRequest, RequestStartLine

LONGEST_BYTES = 4096
"""More than a usual head has. Tornado reads longer ones."""

_BEGINNING = b"GET /ws/"

_PLAIN = re.compile(
    r"GET (?P<target>(?P<path>[!->@-~]+)(?:\?[!-~]*)?) HTTP/1\.1\r\n"
    r"(?P<lines>(?:[A-Za-z0-9-]+: [!-~](?:[ -~]*[!-~])?\r\n)+)\r\n"
)
"""A head that every parser reads in the same way: each header has one line, one space and a value in ASCII."""


class EarlyHead(NamedTuple):
    """The head of a request, and how many bytes it takes."""

    request: HTTPServerRequest
    size: int


class _NotYetHTTP(HTTPConnection):
    """What a request asks of its connection, without a connection of Tornado's."""

    __slots__ = ("context", "protocol", "remote_ip")

    def __init__(self, remote_ip: str) -> None:
        self.context = self
        self.protocol = "http"
        self.remote_ip = remote_ip


def early_head(connection: socket.socket, address: tuple[object, ...], paths: Collection[str]) -> EarlyHead | None:
    """The head of a request for one of the paths, or None if it has not arrived, or is not plain enough to tell."""
    try:
        data = connection.recv(LONGEST_BYTES, socket.MSG_PEEK)
    except OSError:
        return None
    found = _PLAIN.match(data.decode("latin-1")) if data.startswith(_BEGINNING) else None
    if found is None or found["path"] not in paths:
        return None
    lines = found["lines"].split("\r\n")[:-1]
    headers = HTTPHeaders()
    for line in lines:
        name, _, value = line.partition(": ")
        headers[name] = value
    if len(headers) < len(lines):  # there are two of one name
        return None
    start_line = RequestStartLine("GET", found["target"], "HTTP/1.1")
    try:
        request = HTTPServerRequest(connection=_NotYetHTTP(str(address[0])), start_line=start_line, headers=headers)
    except HTTPInputError:
        return None
    return EarlyHead(request, found.end())
