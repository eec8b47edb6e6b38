"""Dashboard: the parts that show operators what is going on, put together once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from realtime.attention import Attention, AttentionRules
from realtime.chronicle import Chronicle
from realtime.clock import Clock
from realtime.commands import CommandRules
from realtime.counters import Counters
from realtime.describer import Describer
from realtime.directory import Directory
from realtime.history import History
from realtime.hub import Hub
from realtime.inspector import InspectedCalls, InspectedUsers, Inspector
from realtime.operatorcommands import OperatorCommands
from realtime.overview import Overview
from realtime.ratelimit import Buckets
from realtime.rowcache import RowCache
from realtime.switchboard import Switchboard
from realtime.touched import Touched
from realtime.watchers import WatcherRules, Watchers
from settings import Settings


@dataclass(frozen=True)
class Shown:
    """What there is to show: everything that others keep."""

    directory: Directory
    switchboard: Switchboard
    hub: Hub
    chronicle: Chronicle
    touched: Touched
    waiting: Callable[[int], str]
    """The action that waits for the end of a user's call, in words."""
    calls: InspectedCalls
    users: InspectedUsers


@dataclass(frozen=True)
class Dashboard:
    """The parts that others call."""

    inspector: Inspector
    attention: Attention
    overview: Overview
    watchers: Watchers
    commands: OperatorCommands


def build_dashboard(
    settings: Settings,
    shown: Shown,
    clock: Clock,
    counters: Counters,
    buckets: Buckets,
    rules: CommandRules,
    epoch: str,
    new_id: Callable[[], str],
) -> Dashboard:
    """All parts, each with the ones it needs."""
    inspector = Inspector(shown.calls, shown.users, shown.directory, shown.switchboard)
    attention = Attention(shown.directory, shown.switchboard, shown.hub, inspector, clock, _attention_rules(settings))
    describer = Describer(
        shown.directory, shown.switchboard, shown.hub, clock, shown.waiting, grace_seconds=settings.grace_seconds
    )
    rows = RowCache(shown.directory, describer, shown.touched, attention.review)
    overview = Overview(
        shown.directory, shown.switchboard, shown.hub, clock, describer, rows, attention, shown.chronicle,
        History(settings.sample_interval_seconds), events_shown=settings.events_shown,
    )  # fmt: skip
    shown.chronicle.listen(overview.note_event)
    watchers = Watchers(overview, clock, counters, epoch, new_id, _watcher_rules(settings))
    commands = OperatorCommands(buckets, clock, counters, rules)
    return Dashboard(inspector, attention, overview, watchers, commands)


def _attention_rules(s: Settings) -> AttentionRules:
    return AttentionRules(s.long_call_seconds, s.silent_socket_seconds, s.flapping_changes, s.flapping_seconds)


def _watcher_rules(s: Settings) -> WatcherRules:
    return WatcherRules(
        s.operator_sockets_limit,
        s.operator_session_seconds,
        s.overview_idle_seconds,
        s.outbox_limit_bytes,
        s.ping_interval_seconds,
        s.pong_timeout_seconds,
        s.slow_limit_seconds,
        s.heartbeat_interval_seconds,
        s.error_interval_seconds,
    )
