"""Flash messages: the result of a form, shown on the next page after the redirect."""

from __future__ import annotations

from collections import OrderedDict
from typing import Literal

import msgspec

FLASH_MESSAGES_LIMIT = 1000
"""Messages that wait at the same time. Beyond the limit, the oldest are dropped."""

FlashOutcome = Literal["done", "waiting", "unchanged", "refused"]


class FlashResult(msgspec.Struct, frozen=True):
    """The result for one of several users or calls."""

    outcome: FlashOutcome
    name: str
    message: str = ""


class FlashMessage(msgspec.Struct, frozen=True):
    """The result of a form. `results` are those of each user or call, if there are several."""

    text: str
    is_refusal: bool = False
    results: tuple[FlashResult, ...] = ()


class FlashMessages:
    """The latest message for each sign-in. Kept in memory, so that no link and no other site can inject a message."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[str, FlashMessage] = OrderedDict()

    def leave(self, sign_in_id: str, flash: FlashMessage) -> None:
        """Leave a message for the next page."""
        self._waiting[sign_in_id] = flash
        self._waiting.move_to_end(sign_in_id)
        if len(self._waiting) > FLASH_MESSAGES_LIMIT:
            self._waiting.popitem(last=False)

    def take(self, sign_in_id: str) -> FlashMessage | None:
        """The message for this page. It is shown once."""
        return self._waiting.pop(sign_in_id, None)
