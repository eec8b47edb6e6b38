"""Compression: gzip for what is loaded over HTTP, where the client takes it. Sockets stay uncompressed."""

from __future__ import annotations

import asyncio
import gzip
import re

from tornado.web import RequestHandler

SMALLEST_BYTES = 1000
"""Less fits into one packet anyway."""

LOOP_BYTES = 256 * 1024
"""More is compressed in a thread: it takes more than a few milliseconds."""

LEVEL = 6

BEST_LEVEL = 9
"""The level for what is compressed once, or in a thread: on a slow line, each kilobyte is worth more than the time."""

_TAKES_GZIP = re.compile(r"(?:^|,)\s*(?:gzip|\*)\s*(?:;\s*q=(?:1(?:\.0*)?|0?\.\d*[1-9]\d*)\s*)?(?:,|$)", re.IGNORECASE)


def takes_gzip(handler: RequestHandler) -> bool:
    """Whether the client takes gzip."""
    return _TAKES_GZIP.search(handler.request.headers.get("Accept-Encoding", "")) is not None


def compressed(body: bytes, level: int = LEVEL) -> bytes:
    """The body as gzip, the same for the same body."""
    return gzip.compress(body, level, mtime=0)


def mark_compressed(handler: RequestHandler) -> None:
    """Tell the client that the body is gzip."""
    handler.set_header("Content-Encoding", "gzip")


def write_small(handler: RequestHandler, body: bytes) -> None:
    """Write a page, compressed if that is worth it."""
    handler.set_header("Vary", "Accept-Encoding")
    if len(body) >= SMALLEST_BYTES and takes_gzip(handler):
        mark_compressed(handler)
        body = compressed(body)
    handler.write(body)


async def write_large(handler: RequestHandler, body: bytes) -> None:
    """The same for something that may have megabytes."""
    if len(body) < LOOP_BYTES or not takes_gzip(handler):
        write_small(handler, body)
        return
    handler.set_header("Vary", "Accept-Encoding")
    mark_compressed(handler)
    handler.write(await asyncio.to_thread(compressed, body, BEST_LEVEL))
