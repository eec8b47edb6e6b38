"""Subject feeds: tell pages about one user, one call or some of the events what changes, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from models.calls import Call
from models.events import Event
from models.times import milliseconds
from realtime.clock import Environment
from realtime.dashboard.event_log import EventLog
from realtime.dashboard.event_text import event_details
from realtime.dashboard.operator_messages import SubjectMessage, SubjectUpdate, encode_pieces
from realtime.dashboard.operator_session import OperatorSession
from realtime.dashboard.rows import CallDetails
from realtime.dashboard.subjects import Subject, SubjectReader, steadied
from settings import Settings


class SubjectFeed:
    """What the pages about one subject are told. It is made once for all of them."""

    def __init__(self, subject: Subject, ended: CallDetails | None, renamings: int) -> None:
        self.subject = subject
        self.ended = ended
        """The call that the pages are about, if it has ended."""
        self.sessions: dict[str, OperatorSession] = {}
        self.seq = 0
        self.told_at = 0.0
        """Steady time of the last message."""
        self.facts: dict[str, Any] = {}
        """As they were sent."""
        self.events: list[Event] = []
        """Events that were not sent yet, oldest first."""
        self.renamings = renamings
        """The event log's number of renamings when something was last sent."""


class SubjectFeeds:
    """The feeds of all subjects that somebody looks at. A page costs as much as its subject changes."""

    def __init__(
        self, settings: Settings, environment: Environment, event_log: EventLog, reader: SubjectReader
    ) -> None:
        self._idle_seconds = settings.overview_idle_seconds
        self._events_shown = settings.page_rows
        self._clock = environment.clock
        self._counters = environment.counters
        self._failures = environment.failures
        self._event_log = event_log
        self._reader = reader
        self._feeds: dict[Subject, SubjectFeed] = {}
        self._noted = 0
        """How many events of the log the feeds have got."""

    def __len__(self) -> int:
        return len(self._feeds)

    def join(self, session: OperatorSession, subject: Subject, ended: CallDetails | None = None) -> list[bytes]:
        """Tell this session of the subject from now on. Returns the first message, as frames.

        `ended` is the call of the subject if it has ended.
        """
        self._absorb()
        feed = self._feeds.get(subject)
        if feed is None:
            feed = self._feeds[subject] = SubjectFeed(subject, ended, self._event_log.renamings)
        self._tell(feed)
        feed.sessions[session.session_id] = session
        session.subject = subject
        return self._snapshot(feed)

    def leave(self, session: OperatorSession) -> None:
        """The session has ended. A session that follows everything has nothing to leave."""
        feed = self._feeds.get(session.subject) if session.subject else None
        if feed is None:
            return
        feed.sessions.pop(session.session_id, None)
        if not feed.sessions:
            del self._feeds[feed.subject]

    def whole(self, subject: Subject) -> list[bytes]:
        """Everything again, for a session of this subject that has missed updates."""
        self._absorb()
        self._tell(self._feeds[subject])  # only to the others: a session that is behind is offered nothing
        return self._snapshot(self._feeds[subject])

    def tick(self) -> None:
        """Tell all pages what has changed, or that nothing has."""
        self._absorb()
        for feed in list(self._feeds.values()):
            self._tell(feed)

    def call_changed(self, call: Call, _is_own: bool) -> None:
        """A call began or ended. The event log has been told before."""
        feed = self._feeds.get(Subject("call", call_id=call.call_id))
        if feed is not None and call.status != "ongoing":
            feed.ended = self._reader.ended_call(call)

    def _absorb(self) -> None:
        """Take over the events since the last call."""
        for event in self._event_log.after(self._noted) if self._feeds else ():
            for feed in self._of_event(event):
                feed.events.append(event)
        self._noted = self._event_log.noted

    def _of_event(self, event: Event) -> Iterator[SubjectFeed]:
        user_ids = {event.user_id, event.other_id} - {None}
        subjects = [Subject("user", user_id) for user_id in user_ids]
        for subject in (*subjects, Subject("call", call_id=event.call_id)):
            if subject in self._feeds:
                yield self._feeds[subject]
        yield from (feed for feed in self._feeds.values() if feed.subject.page == "events" and feed.subject.has(event))

    def _tell(self, feed: SubjectFeed) -> None:
        """Send what has changed since the last message, or nothing but a sign of life when one is due."""
        changes = self._changes(feed)
        now = self._clock.now()
        if not feed.sessions or (not changes and now - feed.told_at < self._idle_seconds):
            return
        feed.told_at, feed.seq = now, feed.seq + 1
        update = encode_pieces(SubjectUpdate(seq=feed.seq, now=self._now, **changes))
        self._counters.messages_out["subject_update"] += len(feed.sessions)
        for session in list(feed.sessions.values()):
            session.offer(update)

    def _changes(self, feed: SubjectFeed) -> dict[str, Any]:
        """The fields of an update. From now on they count as sent."""
        before, feed.facts = feed.facts, self._facts(feed)
        changes = {name: fact for name, fact in feed.facts.items() if name not in before or fact != before[name]}
        if feed.events:
            changes["events"] = [event_details(event) for event in feed.events]
            feed.events = []
        if feed.renamings != self._event_log.renamings:
            feed.renamings = self._event_log.renamings
            changes["outdated"] = True
        return changes

    def _snapshot(self, feed: SubjectFeed) -> list[bytes]:
        """Everything, as it was last told."""
        self._counters.messages_out["subject"] += 1
        matching = [event for event in self._event_log.recent() if feed.subject.has(event)]
        shown = matching[-self._events_shown :]
        since = self._event_log.complete_since if len(shown) == len(matching) else shown[0].at
        return encode_pieces(
            SubjectMessage(
                seq=feed.seq,
                now=self._now,
                complete_since=milliseconds(since),
                events=[event_details(event) for event in shown],
                **feed.facts,
            )
        )

    def _facts(self, feed: SubjectFeed) -> dict[str, Any]:
        try:
            return steadied(self._reader.facts(feed.subject, feed.ended), feed.facts)
        except Exception as error:
            self._failures.note("subject of a page", feed.subject, error)
            return feed.facts

    @property
    def _now(self) -> int:
        return milliseconds(self._clock.utc())
