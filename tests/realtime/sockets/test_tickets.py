"""Tickets: each works once and for a short time, and a user has only so many."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from models.tokens import Identity
from realtime.clock import Clock
from realtime.sockets.authenticator import Tickets
from settings import Settings


class Time:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.seconds = 1024.0
        self.clock = Clock(lambda: self.seconds, lambda: datetime(2030, 1, 1, tzinfo=UTC), stall_seconds=1e9)


def identity(user_id: int) -> Identity:
    """Return an identity of a user."""
    return Identity(
        user_id=user_id, login_id=f"login-{user_id}", token_id=f"token-{user_id}", issued_at=0, expires_at=2**40
    )


@pytest.fixture
def time() -> Time:
    """A clock that stands still."""
    return Time()


def test_a_ticket_works_once(time: Time) -> None:
    tickets = Tickets(Settings(), time.clock)
    ticket = tickets.issue(identity(1))
    assert [tickets.redeem(ticket), tickets.redeem(ticket)] == [identity(1), None]
    assert len(tickets) == 0


def test_a_ticket_works_for_thirty_seconds(time: Time) -> None:
    tickets = Tickets(Settings(), time.clock)
    first, second = tickets.issue(identity(1)), tickets.issue(identity(1))
    time.seconds += 29.5
    assert tickets.redeem(first) == identity(1)
    time.seconds += 0.5
    assert tickets.redeem(second) is None


def test_the_twenty_first_ticket_of_a_user_replaces_the_oldest(time: Time) -> None:
    tickets = Tickets(Settings(), time.clock)
    of_bob = tickets.issue(identity(2))
    of_ada = [tickets.issue(identity(1)) for _ in range(21)]
    assert len(tickets) == 21
    assert tickets.redeem(of_ada[0]) is None
    assert [tickets.redeem(each) for each in of_ada[1:]] == [identity(1)] * 20
    assert tickets.redeem(of_bob) == identity(2)


def test_whoever_asks_for_tickets_without_end_has_twenty(time: Time) -> None:
    tickets = Tickets(Settings(), time.clock)
    for _ in range(10_000):
        tickets.issue(identity(1))
    assert len(tickets) == 20


def test_expired_tickets_are_swept(time: Time) -> None:
    tickets = Tickets(Settings(), time.clock)
    for user_id in range(1, 4):
        tickets.issue(identity(user_id))
        time.seconds += 10
    tickets.sweep()
    assert len(tickets) == 2
    time.seconds += 30
    tickets.sweep()
    assert (len(tickets), tickets._by_user) == (0, {})
