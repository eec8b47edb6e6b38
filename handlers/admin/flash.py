"""Remarks: what the next page of a sign-in says first, after a form was answered with a redirect."""

from __future__ import annotations

from collections import OrderedDict

import msgspec

FLASH_MESSAGES_LIMIT = 1000
"""Sign-ins that have one; the oldest are forgotten beyond it."""


class FlashMessage(msgspec.Struct, frozen=True):
    """What came of a form, good or not."""

    text: str
    is_refusal: bool = False


class FlashMessages:
    """The last remark for each sign-in. In memory: neither a link nor another site can put words here."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[str, FlashMessage] = OrderedDict()

    def leave(self, sign_in_id: str, flash: FlashMessage) -> None:
        """For the next page."""
        self._waiting[sign_in_id] = flash
        self._waiting.move_to_end(sign_in_id)
        if len(self._waiting) > FLASH_MESSAGES_LIMIT:
            self._waiting.popitem(last=False)

    def take(self, sign_in_id: str) -> FlashMessage | None:
        """Once."""
        return self._waiting.pop(sign_in_id, None)
