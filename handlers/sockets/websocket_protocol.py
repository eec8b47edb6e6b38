"""Frames: Tornado's reading of WebSocket frames, with a share of the loop and an end to fragments."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tornado.websocket import WebSocketHandler, WebSocketProtocol13

FRAMES_AT_A_STRETCH = 32
"""Frames read before others have their turn: well under a millisecond."""

FRAGMENTS_LIMIT = 64
"""Fragments of one message. Of 4 KiB nobody makes more, and empty ones would never reach the limit of bytes."""


class FairProtocol(WebSocketProtocol13):
    """Reads frames as Tornado does.

    Tornado goes on reading as long as the kernel has something, without a turn of the loop between two frames: a peer
    who floods would hold up everybody else. And of fragments it tells nobody, so that no rate limit sees them.
    """

    def __init__(self, handler: WebSocketHandler, made: WebSocketProtocol13, on_too_many: Callable[[], None]) -> None:
        super().__init__(handler, made.mask_outgoing, made.params)
        self._on_too_many = on_too_many
        self._frames = 0
        self._fragments = 0

    async def _receive_frame(self) -> None:
        await super()._receive_frame()
        self._frames += 1
        if self._frames % FRAMES_AT_A_STRETCH == 0:
            await asyncio.sleep(0)
        if self._fragmented_message_buffer is None:
            self._fragments = 0
            return
        self._fragments += 1
        if self._fragments == FRAGMENTS_LIMIT:
            self._on_too_many()
