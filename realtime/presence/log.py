"""Log: every change of users and calls passes through it, in one order."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Sequence
from typing import Protocol

import msgspec

from models.calls import Call
from realtime.presence.changelog import ChangeLog
from realtime.presence.incarnation import Incarnation
from realtime.presence.record import Fact, Record, unchanged
from realtime.protocol import Reason


class Revocation(msgspec.Struct, frozen=True):
    """A login whose tokens are refused, the last of which expires in `seconds`.

    Or a user, whose tokens with a lower version than `token_version` are refused, except for those of `kept_login`.
    """

    login_id: str = ""
    seconds: float = 0.0
    user_id: int = 0
    token_version: int = 0
    kept_login: str = ""


class Kick(msgspec.Struct, frozen=True):
    """Sockets that an operator disconnects: one of a user, or all. The servers that have them close them."""

    user_id: int
    session_id: str = ""


class OperatorAction(msgspec.Struct, frozen=True):
    """What an operator has done, and to which users."""

    user_ids: tuple[int, ...]
    action: str
    operator: str


class SharedSession(msgspec.Struct, frozen=True, array_like=True):
    """A socket, as the other servers know it. Times are milliseconds since 1970."""

    session_id: str
    user_id: int
    channel: str
    device: str
    address: str
    opened_at: int
    heard_at: int
    """The last sign of life when this was written, which may be a while ago."""
    is_silent: bool = False
    """Whether it has been silent for so long that it needs attention."""


class SessionsChange(msgspec.Struct, frozen=True):
    """The sockets of one server that were opened, or have changed, and those that were closed."""

    opened: list[SharedSession]
    closed: list[str]


class Proposal(msgspec.Struct, frozen=True):
    """Something that happened to some users, or to a call and its participants."""

    user_ids: tuple[int, ...]
    reason: Reason
    fact: Fact = unchanged
    by: str = ""
    """The operator who did it, if one did."""
    call: Call | None = None
    """The call that began or ended by it."""
    revoked: Revocation | None = None
    """The login that was revoked by it."""
    kick: Kick | None = None
    """The sockets to be closed."""
    action: OperatorAction | None = None
    """What an operator has done."""
    is_repeat: bool = False
    """Whether the users are announced although nothing has changed, unless another server announces them first."""
    is_written: bool = False
    """Whether the records are written although nothing has changed, unless another server writes them first."""
    told: frozenset[int] = frozenset()
    """Those of the users whom another server has announced since."""
    written: frozenset[int] = frozenset()
    """Those of the users whose records another server has written since."""
    if_owed: bool = False
    """Whether the users are announced if that is owed."""

    def repeats(self, user_id: int) -> bool:
        """Whether a user is announced although nothing has changed."""
        return self.is_repeat and user_id not in self.told

    def writes(self, user_id: int) -> bool:
        """Whether a user's record is written although nothing has changed."""
        return self.is_written and user_id not in self.written


class Draft(msgspec.Struct, frozen=True):
    """A row that is not in the log yet."""

    user_id: int
    record: Record
    is_announced: bool


class Row(msgspec.Struct, frozen=True):
    """The new record of one user."""

    user_id: int
    record: Record
    seq: int
    """The `seq` under which the change is announced, or 0 if it is not announced."""


class Entry(msgspec.Struct, frozen=True):
    """One entry of the log. Its rows take effect together."""

    rows: Sequence[Row]
    reason: Reason
    server: str
    """The server that appended it."""
    call: Call | None = None
    revoked: Revocation | None = None
    kick: Kick | None = None
    action: OperatorAction | None = None
    sessions: SessionsChange | None = None
    """Changes of the server's sockets."""
    entry_id: str = ""
    """Its id in the log, or "" in a local log."""
    op: str = ""
    """The same in two entries of one proposal, if the outcome of the first append was unknown. "" in a local log."""


Decide = Callable[[Proposal], list[Draft] | None]
"""The rows that follow from a proposal and the records as they are now, or None if it changes nothing."""

Apply = Callable[[Entry], None]
"""Takes an entry into memory and tells those who watch."""


class Log(Protocol):
    """Where proposals become entries."""

    def append(self, proposal: Proposal) -> Awaitable[None]:
        """Decide what follows from a proposal, and append it. Once that is applied here, the result can be awaited.

        There is no need to await it: the proposal is carried out in any case.
        """

    def check(self) -> None:
        """Raise StoreUnavailable if a proposal would have to wait: then nothing new should begin."""


class _Applied:
    """An awaitable that has nothing to wait for."""

    def __await__(self) -> Generator[None]:
        yield from ()


_APPLIED = _Applied()


class LocalLog:
    """The log of a server that is alone: it numbers and applies each entry at once."""

    def __init__(self, changes: ChangeLog, incarnation: Incarnation, decide: Decide, apply: Apply) -> None:
        self._changes = changes
        self._incarnation = incarnation
        self._decide = decide
        self._apply = apply

    def append(self, proposal: Proposal) -> Awaitable[None]:
        """Decide, number and apply, in one synchronous step."""
        drafts = self._decide(proposal)
        if drafts is not None:
            rows, server = self._numbered(drafts), self._incarnation.id
            self._apply(_entry(rows, server, proposal))
        return _APPLIED

    def check(self) -> None:
        """A local log can always be written."""

    def _numbered(self, drafts: list[Draft]) -> list[Row]:
        seq, rows = self._changes.seq, list[Row]()
        for draft in drafts:
            seq += draft.is_announced
            rows.append(Row(draft.user_id, draft.record, seq if draft.is_announced else 0))
        return rows


def _entry(rows: list[Row], server: str, proposal: Proposal) -> Entry:
    return Entry(rows, proposal.reason, server, proposal.call, proposal.revoked, proposal.kick, proposal.action)
