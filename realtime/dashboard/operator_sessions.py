"""Operator sessions: all sockets of operators and screens. What they are sent is encoded once for all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import msgspec

from models.operator_auth import SignedInOperator
from models.screens import Screen
from realtime.clock import Environment
from realtime.dashboard.operator_messages import OperatorConnected, OverviewMessage, encode_pieces
from realtime.dashboard.operator_session import OperatorSession, Visitor
from realtime.dashboard.overview_feed import OverviewFeed
from realtime.dashboard.recent_updates import KEPT_SECONDS, RecentUpdates, seq_of
from realtime.dashboard.rows import CallDetails
from realtime.dashboard.subject_feeds import SubjectFeeds
from realtime.dashboard.subjects import Subject
from realtime.presence.changelog import ChangeLog
from realtime.protocol import CloseCode, Error, ServerDraining
from realtime.sockets.admission import LimitReached
from realtime.sockets.frame_writer import Transport
from realtime.sockets.liveness import Liveness
from settings import Settings, variable

About = tuple[Subject, CallDetails | None] | None
"""What a page is about, and its call if that has ended. None for a page that shows everything."""


class OperatorSessions:
    """Opens and ends operators' sockets, and sends them what changes. Nothing on them is evidence of a user's life.

    When the log has a new epoch, all of them get a new overview: what they were told may not have happened.
    """

    def __init__(
        self,
        settings: Settings,
        environment: Environment,
        feed: OverviewFeed,
        subject_feeds: SubjectFeeds,
        liveness: Liveness,
        changes: ChangeLog,
    ) -> None:
        self._settings = settings
        self._clock = environment.clock
        self._counters = environment.counters
        self._new_id = environment.new_id
        self._feed = feed
        self._subject_feeds = subject_feeds
        self._liveness = liveness
        self._changes = changes
        self._told_epoch = changes.epoch
        self._sessions: dict[str, OperatorSession] = {}
        self.tell_others: Callable[[int, str], None] = _nobody
        """Called with an operator, or a sign-in, whose sessions have ended here."""
        self._told_at = 0.0
        self._closing = False
        self._feed_id = environment.new_id()
        """Tells the `seq` of this process from those of others."""
        self._recent = RecentUpdates()
        self._awaited_until = 0.0
        """Steady time until which a page that has the overview may open its socket."""

    def __len__(self) -> int:
        return len(self._sessions)

    def __iter__(self) -> Iterator[OperatorSession]:
        return iter(list(self._sessions.values()))

    def overview(self) -> OverviewMessage:
        """The overview for a page that will open its socket soon. What changes until then is kept."""
        self._tell(everything=True)
        self._awaited_until = self._clock.now() + KEPT_SECONDS
        self._recent.begin(self._feed.seq)
        return msgspec.structs.replace(self._watched_snapshot(), feed=self._feed_id)

    def admit(
        self, visitor: Visitor, transport: Transport, version: str, after: str = "", about: About = None
    ) -> OperatorSession:
        """Open a socket and send the overview, in one step. `version`: of the dashboard's static files.

        `after` names the overview that the page already has, as “FEED.SEQ”. If all updates since then are known, it
        gets those instead. A page that is `about` something gets only that. Raises LimitReached.
        """
        if self._closing or len(self) >= self._settings.operator_sockets_limit:
            raise LimitReached(CloseCode.TRY_LATER, "too many operators' sockets", variable("operator_sockets_limit"))
        theirs = sum(session.visitor.owner == visitor.owner for session in self._sessions.values())
        if theirs >= self._settings.sockets_per_operator:
            setting = variable("sockets_per_operator")
            raise LimitReached(CloseCode.TRY_LATER, "too many sockets of this operator", setting)
        session = OperatorSession(self._settings, self._new_id(), visitor, transport, self._clock.now, self._counters)
        session.version = version
        session.on_caught_up = self._send_missed
        session.on_closed = self._forget
        self._tell(everything=True)
        self._sessions[session.session_id] = session
        self._liveness.watch(session)
        if about is not None:
            session.push_frames(*self._greeting(session), *self._subject_feeds.join(session, *about))
            return session
        missed = self._recent.after(seq_of(after, self._feed_id))
        if missed is None:
            session.push_frames(*self._greeting(session), *self._snapshot())
        else:
            session.push_frames(*self._greeting(session, resumed=True), *missed)
        return session

    def tick(self) -> None:
        """Send everyone what has changed."""
        self._subject_feeds.tick()
        if not self._is_watched:
            self._unwatch()
        elif self._clock.now() >= self._awaited_until:
            self._recent.end()
        if self._changes.epoch == self._told_epoch:
            self._tell(everything=False)
        else:
            self._begin_epoch()

    def sweep(self) -> None:
        """End sessions whose sign-in has reached its maximum age. Screens stay until they are revoked."""
        utc = self._clock.utc()
        longest = timedelta(seconds=self._settings.operator_session_seconds)
        for session in self:
            visitor = session.visitor
            if isinstance(visitor, SignedInOperator) and utc - visitor.sign_in.started_at > longest:
                _sign_out(session)

    def end_sign_in(self, sign_in_id: str) -> None:
        """An operator has signed out: end the sessions on all servers."""
        self.close_sign_in(sign_in_id)
        self.tell_others(0, sign_in_id)

    def end_operator(self, operator_id: int) -> None:
        """An operator was changed: end the sessions on all servers."""
        self.close_operator(operator_id)
        self.tell_others(operator_id, "")

    def close_sign_in(self, sign_in_id: str) -> None:
        """End this server's sessions of a sign-in that has ended."""
        for session in self:
            if session.visitor.visitor_id == sign_in_id:
                _sign_out(session)

    def close_operator(self, operator_id: int) -> None:
        """End this server's sessions of an operator."""
        for session in self:
            visitor = session.visitor
            if isinstance(visitor, SignedInOperator) and visitor.operator.operator_id == operator_id:
                _sign_out(session)

    def end_screen(self, screen: Screen) -> None:
        """A screen was revoked, or has a new link: end its sessions on all servers."""
        self.end_sign_in(screen.visitor_id)

    def sign_ins(self) -> set[str]:
        """The sign-ins that have an open socket."""
        return {each.visitor.visitor_id for each in self if isinstance(each.visitor, SignedInOperator)}

    def screens(self) -> dict[str, Screen]:
        """The screens that have an open socket, by id, as they were when it was opened."""
        return {each.visitor.screen_id: each.visitor for each in self if isinstance(each.visitor, Screen)}

    @property
    def is_closed(self) -> bool:
        """Whether no sessions are admitted, since `drain`."""
        return self._closing

    def reopen(self) -> None:
        """Admit sessions again after `drain`: the server goes on after all."""
        self._closing = False

    def drain(self, reconnect_after_ms: Callable[[], int]) -> None:
        """Close all sessions, each with its own delay for coming back, and admit no more."""
        self._closing = True
        for session in self:
            session.push(ServerDraining(reconnect_after_ms=reconnect_after_ms()))
            session.close(CloseCode.RESTART, "service restart")

    def _begin_epoch(self) -> None:
        """Send everyone the new epoch and a new overview. Those who are behind get both when they have caught up."""
        self._told_epoch = self._changes.epoch
        self._tell(everything=True)
        self._recent.end()
        overview = self._snapshot() if self._followers() else []
        for session in self:
            if not session.is_behind:
                whole = self._subject_feeds.whole(session.subject) if session.subject else overview
                session.push_frames(*self._greeting(session), *whole)

    def _tell(self, *, everything: bool) -> None:
        if not self._is_watched:
            return
        now = self._clock.now()
        is_due = now - self._told_at >= self._settings.overview_idle_seconds
        update = self._feed.update(is_due=is_due, everything=everything)
        if update is None:
            return
        self._told_at = now
        self._recent.add(self._feed.seq, update, now)
        followers = self._followers()
        self._counters.messages_out["overview_update"] += len(followers)
        for session in followers:
            session.offer(update)

    def _send_missed(self, session: OperatorSession) -> None:
        """A session that missed updates has taken everything that waited: send it a new overview."""
        self._tell(everything=True)  # only to the others: a session that is behind is offered nothing
        whole = self._subject_feeds.whole(session.subject) if session.subject else self._snapshot()
        session.is_behind = False
        greeting = [] if session.epoch == self._changes.epoch else self._greeting(session)
        session.push_frames(*greeting, *whole)

    def _snapshot(self) -> list[bytes]:
        """Everything, at the `seq` that all sessions have reached which are not behind."""
        self._counters.messages_out["overview"] += 1
        return encode_pieces(self._watched_snapshot())

    def _watched_snapshot(self) -> OverviewMessage:
        snapshot = self._feed.snapshot()
        self._feed.is_watched = True
        return snapshot

    @property
    def _is_watched(self) -> bool:
        return bool(self._followers()) or self._clock.now() < self._awaited_until

    def _followers(self) -> list[OperatorSession]:
        """The sessions of pages that show everything."""
        return [session for session in self._sessions.values() if session.subject is None]

    def _unwatch(self) -> None:
        self._feed.is_watched = False
        self._recent.end()

    def _greeting(self, session: OperatorSession, *, resumed: bool = False) -> list[bytes]:
        session.epoch = self._changes.epoch
        return encode_pieces(
            OperatorConnected(
                message="Connected to the overview",
                operator=session.visitor.name,
                role=session.visitor.role,
                session_id=session.session_id,
                epoch=session.epoch,
                seq=self._feed.seq,
                server_time=self._clock.utc(),
                heartbeat_interval=self._settings.heartbeat_interval_seconds,
                version=session.version,
                resumed=resumed,
            )
        )

    def _forget(self, session: OperatorSession) -> None:
        self._sessions.pop(session.session_id, None)
        self._liveness.forget(session)
        self._subject_feeds.leave(session)
        if not self._is_watched:
            self._unwatch()


def _nobody(_operator_id: int, _sign_in_id: str) -> None:
    """A server that is alone has nobody to tell."""


def _sign_out(session: OperatorSession) -> None:
    session.push(Error(message="Signed out", code="AUTH_ERROR"))
    session.close(CloseCode.TOKEN_EXPIRED, "signed out")
