"""Remarks: what the next page of a sign-in says first, after a form was answered with a redirect."""

from __future__ import annotations

from collections import OrderedDict

REMARKS_LIMIT = 1000
"""Sign-ins that have one; the oldest are forgotten beyond it."""


class Remarks:
    """The last remark for each sign-in. In memory: neither a link nor another site can put words here."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[str, str] = OrderedDict()

    def leave(self, sign_in_id: str, text: str) -> None:
        """For the next page."""
        self._waiting[sign_in_id] = text
        self._waiting.move_to_end(sign_in_id)
        if len(self._waiting) > REMARKS_LIMIT:
            self._waiting.popitem(last=False)

    def take(self, sign_in_id: str) -> str:
        """Once."""
        return self._waiting.pop(sign_in_id, "")
