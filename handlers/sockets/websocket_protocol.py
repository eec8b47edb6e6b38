"""WebSocket protocol: Tornado's, with limits on the frames read at a stretch and on the fragments of a message."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tornado.websocket import WebSocketHandler, WebSocketProtocol13

FRAMES_AT_A_STRETCH = 32
"""Frames read before other connections get a turn. Reading them takes well under a millisecond."""

FRAGMENTS_LIMIT = 64
"""Fragments of one message. No client splits 4 KiB into more, and empty fragments never reach the limit of bytes."""


class FairProtocol(WebSocketProtocol13):
    """Reads frames as Tornado does, but yields to the loop and counts fragments.

    Tornado keeps reading while the kernel has data and never yields between two frames, so a client that floods the
    server would block all others. It also reports no fragments, so rate limits would not notice them.
    """

    def __init__(self, handler: WebSocketHandler, base: WebSocketProtocol13, on_too_many: Callable[[], None]) -> None:
        super().__init__(handler, base.mask_outgoing, base.params)
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
