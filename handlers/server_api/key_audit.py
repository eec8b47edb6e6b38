"""Key audit: records what backends do in the audit log, under the name of their service key."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import msgspec

from models.audit import Audit, AuditEntry
from models.errors import RequestError, StoreUnavailable
from models.service_keys import ServiceKey
from realtime.clock import Clock
from realtime.limits import Limit

T = TypeVar("T")


class AuditedWrite(msgspec.Struct, frozen=True):
    """What a backend asks for. `target` is `user:12` or `call:…`, or empty if there is none yet."""

    key: ServiceKey
    action: str
    address: str
    target: str = ""
    target_name: str = ""
    before: str = ""


class KeyAudit:
    """Writes an entry before each write, and completes it afterwards."""

    def __init__(self, audit: Audit, clock: Clock, refused: Limit) -> None:
        self._audit = audit
        self._clock = clock
        self._refused = refused
        """The limit on refused writes that are recorded, so that one key cannot fill the audit with them."""

    async def record(
        self, write: AuditedWrite, work: Callable[[], Awaitable[T]], after: Callable[[T], str] = lambda _: ""
    ) -> T:
        """Do the work and record its outcome. `after` describes the target then. Raises what the work raises.

        Raises StoreUnavailable, without having done anything, if the entry cannot be written.
        """
        entry = self._entry(write, "started")
        await self._audit.begin(entry)
        try:
            result = await work()
        except (RequestError, StoreUnavailable) as error:
            code = error.code if isinstance(error, RequestError) else "STORE_UNAVAILABLE"
            await self._finish(entry, f"refused: {code}", write.before)
            raise
        except Exception:
            await self._finish(entry, "failed: SERVER_ERROR", "")
            raise
        await self._finish(entry, "done", after(result))
        return result

    async def note_all(self, writes: Sequence[AuditedWrite]) -> None:
        """Record what has been carried out as a part of something that is recorded, too."""
        with contextlib.suppress(StoreUnavailable):
            await self._audit.add_all([self._entry(write, "done") for write in writes])

    async def refuse(self, write: AuditedWrite, code: str) -> None:
        """Record a write that the key may not do, unless too many were recorded just now."""
        if self._refused.has_taken(write.key.actor):
            with contextlib.suppress(StoreUnavailable):
                await self._audit.begin(self._entry(write, f"refused: {code}"))

    async def _finish(self, entry: AuditEntry, outcome: str, after: str) -> None:
        """The work is over, and its result stands, even if the entry cannot say so."""
        with contextlib.suppress(StoreUnavailable):
            await self._audit.finish(entry.entry_id, outcome=outcome, after=after)

    def _entry(self, write: AuditedWrite, outcome: str) -> AuditEntry:
        return AuditEntry(
            entry_id=secrets.token_hex(12),
            at=self._clock.utc(),
            operator=write.key.actor,
            action=write.action,
            target=write.target,
            target_name=write.target_name,
            before=write.before,
            after="",
            reason="",
            address=write.address,
            outcome=outcome,
        )
