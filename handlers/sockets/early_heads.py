"""Early heads: reads the head of a request that has arrived before its connection is accepted, as in a crowd.

Tornado would start a task for the connection, wait for the head with a timer, and search it for its end. Here the head
is only looked at, so whatever is not a plain upgrade is still in the kernel for Tornado to read.
"""

from __future__ import annotations

import socket
from collections.abc import Collection
from typing import NamedTuple

from tornado.httputil import HTTPConnection, HTTPHeaders, HTTPInputError, HTTPServerRequest, parse_request_start_line

LONGEST_BYTES = 4096
"""More than a usual head has. Tornado reads longer ones."""

_END = b"\r\n\r\n"


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
    size = data.find(_END) + len(_END)
    if (
        size < len(_END)
        or not data.startswith(b"GET /ws/")
        or data.count(b"\n", 0, size) != data.count(b"\r\n", 0, size)
    ):
        return None
    start, _, fields = data[:size].decode("latin-1").partition("\r\n")
    try:
        start_line = parse_request_start_line(start)
        if start_line.path.partition("?")[0] not in paths:
            return None
        headers = HTTPHeaders.parse(fields)
        return EarlyHead(
            HTTPServerRequest(connection=_NotYetHTTP(str(address[0])), start_line=start_line, headers=headers), size
        )
    except HTTPInputError:
        return None
