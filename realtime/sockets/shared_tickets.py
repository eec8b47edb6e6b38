"""Shared tickets: tickets that open a socket on any of several servers."""

from __future__ import annotations

import secrets

import msgspec

from models.shared_log import SharedLog
from models.tokens import Identity
from settings import Settings

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Identity)


class SharedTickets:
    """Tickets beside the shared log, which forgets them when they expire."""

    def __init__(self, settings: Settings, shared: SharedLog) -> None:
        self._seconds = settings.ticket_seconds
        self._shared = shared

    async def issue(self, identity: Identity) -> str:
        """A new ticket. Raises StoreUnavailable."""
        ticket = secrets.token_urlsafe(32)
        await self._shared.put_ticket(ticket, _encoder.encode(identity), self._seconds)
        return ticket

    async def redeem(self, ticket: str) -> Identity | None:
        """The identity that the ticket was issued to, or None if it is unknown, used or expired.

        Raises StoreUnavailable.
        """
        found = await self._shared.take_ticket(ticket)
        return None if found is None else _decoder.decode(found)
