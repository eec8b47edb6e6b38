"""Core: the parts of realtime, put together once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from models.calls import Call, Calls
from models.logins import Logins
from models.tokens import Tokens
from models.users import Users
from realtime.calls.call_store import CallStore
from realtime.calls.switchboard import Spawn, Switchboard, Tell
from realtime.clock import Clock
from realtime.counters import Counters
from realtime.dashboard.action_previews import ActionPreviews
from realtime.dashboard.actions import Actions
from realtime.dashboard.event_log import EventLog
from realtime.dashboard.issues import AttentionRules, IssueDetector
from realtime.dashboard.operator_commands import OperatorCommands
from realtime.dashboard.operator_sessions import OperatorSessions, WatcherRules
from realtime.dashboard.overview import History, Overview
from realtime.dashboard.row_builder import RowBuilder
from realtime.dashboard.row_cache import ChangedUsers, RowCache
from realtime.dashboard.store_check import CheckedCalls, CheckedUsers, StoreCheck
from realtime.presence.changelog import ChangeLog
from realtime.presence.deadlines import Deadlines
from realtime.presence.engine import Presence, PresenceTimes
from realtime.presence.locks import UserLocks
from realtime.presence.publisher import Publisher
from realtime.presence.registry import Registry
from realtime.presence.writeback import WriteBack
from realtime.ratelimit import Buckets
from realtime.sockets.admission import Admission, SocketLimits
from realtime.sockets.authenticator import Authenticator
from realtime.sockets.commands import CommandRules, Commands
from realtime.sockets.fanout import CallLater, FanOut
from realtime.sockets.hub import Hub
from realtime.sockets.liveness import Liveness
from realtime.sockets.stats import Stats
from realtime.timers import Timers
from settings import Settings


@dataclass(frozen=True)
class Environment:
    """What the core takes from outside: time, ids, and ways to do things later."""

    clock: Clock
    unix_now: Callable[[], float]
    elapsed: Callable[[], float]
    """Exact seconds, for measuring; the clock's are for deadlines."""
    call_later: CallLater
    spawn: Spawn
    new_id: Callable[[], str]


@dataclass(frozen=True)
class Core:
    """The parts that others call."""

    environment: Environment
    counters: Counters
    timers: Timers
    registry: Registry
    log: ChangeLog
    write_back: WriteBack
    presence: Presence
    switchboard: Switchboard
    fan_out: FanOut
    hub: Hub
    stats: Stats
    authenticator: Authenticator
    liveness: Liveness
    buckets: Buckets
    commands: Commands
    admission: Admission
    event_log: EventLog
    actions: Actions
    store_check: StoreCheck
    attention: IssueDetector
    overview: Overview
    operator_sessions: OperatorSessions
    operator_commands: OperatorCommands

    def tick(self) -> None:
        """Let time pass: run what is due."""
        self.timers.run_due(self.environment.clock.tick())

    def sweep(self) -> None:
        """Once a second: pings, slow sockets, buckets nobody needs."""
        self.liveness.sweep(self.fan_out.behind())
        self.operator_sessions.sweep()
        self.buckets.drop_full(self.environment.clock.now())

    async def inspect(self) -> None:
        """Compare the store with memory, and at once see what needs attention by it. Raises StoreUnavailable."""
        await self.store_check.look()
        self.overview.look()


def build_core(
    settings: Settings, environment: Environment, users: Users, calls: Calls, logins: Logins, tokens: Tokens
) -> Core:
    """All parts, each with the ones it needs."""
    clock, counters, timers = environment.clock, Counters(), Timers()
    registry, user_locks, log, changed_users = Registry(), UserLocks(), ChangeLog(environment.new_id()), ChangedUsers()
    fan_out = _fan_out(settings, environment, log, counters)
    hub = Hub(fan_out, counters)
    event_log = EventLog(registry, clock, environment.new_id()[:6], shown=settings.events_shown)
    publisher = _publisher(settings, log, timers, clock, fan_out, event_log, counters)
    write_back = WriteBack(registry, users, user_locks)
    presence = Presence(
        registry, write_back, user_locks, Deadlines(timers, clock), clock, _presence_times(settings), publisher,
        changed_users.users.add, changed_users.heard.add,
    )  # fmt: skip
    told: list[Tell] = [hub.tell_participants, event_log.call_changed]
    switchboard = _switchboard(settings, environment, calls, presence, timers, told)
    stats = Stats(registry, switchboard, hub, log)
    authenticator = Authenticator(
        tokens, registry, hub, clock, environment.unix_now, ticket_seconds=settings.ticket_seconds
    )
    liveness = _liveness(settings, timers, clock)
    buckets = Buckets(settings.command_burst, settings.commands_per_second)
    commands = Commands(
        authenticator,
        presence,
        fan_out,
        liveness,
        switchboard,
        stats,
        buckets,
        clock,
        counters,
        _command_rules(settings),
    )
    admission = Admission(
        hub, fan_out, presence, registry, log, liveness, authenticator, stats, clock, counters, environment.new_id,
        _socket_limits(settings),
    )  # fmt: skip
    actions = Actions(
        presence, switchboard, hub, event_log, ActionPreviews(registry, switchboard, hub),
        _revoke(users, logins, presence, clock), environment.spawn, changed_users.users.add,
    )  # fmt: skip
    told.append(actions.call_changed)
    board = build_dashboard(
        settings, Shown(registry, switchboard, hub, event_log, changed_users, actions.waiting, calls, users),
        clock, counters, buckets, _command_rules(settings), log.epoch, environment.new_id,
    )  # fmt: skip
    return Core(
        environment, counters, timers, registry, log, write_back, presence, switchboard, fan_out, hub, stats,
        authenticator,        liveness, buckets, commands, admission, event_log, actions,
        board.store_check, board.attention, board.overview, board.operator_sessions, board.commands,
    )  # fmt: skip


def _revoke(users: Users, logins: Logins, presence: Presence, clock: Clock) -> Callable[[int], Awaitable[None]]:
    """How all of a user's tokens are made useless: in the store first, so that a restart doesn't bring them back."""

    async def revoke(user_id: int) -> None:
        at = clock.utc()
        await users.revoke_tokens(user_id, at)
        await logins.revoke_user(user_id, at)
        presence.revoke_tokens(user_id, at)

    return revoke


def _fan_out(settings: Settings, environment: Environment, log: ChangeLog, counters: Counters) -> FanOut:
    return FanOut(
        log,
        counters,
        environment.call_later,
        environment.elapsed,
        interval_seconds=settings.flush_interval_seconds,
        slice_seconds=settings.flush_slice_seconds,
    )


def _publisher(
    settings: Settings,
    log: ChangeLog,
    timers: Timers,
    clock: Clock,
    fan_out: FanOut,
    event_log: EventLog,
    counters: Counters,
) -> Publisher:
    return Publisher(
        log,
        timers,
        clock,
        fan_out.publish,
        event_log.status_announced,
        counters,
        per_second=settings.announcements_per_second,
        false_offline_seconds=settings.false_offline_seconds,
    )


def _switchboard(
    settings: Settings,
    environment: Environment,
    calls: Calls,
    presence: Presence,
    timers: Timers,
    told: list[Tell],
) -> Switchboard:
    return Switchboard(
        CallStore(calls, environment.clock),
        presence,
        timers,
        environment.clock,
        _each(told),
        environment.spawn,
        environment.new_id,
        lease_seconds=settings.call_lease_seconds,
        settle_seconds=settings.store_deadline_seconds,
    )


def _each(told: list[Tell]) -> Tell:
    """Who hears of calls, one after another, also those who are added later."""

    def tell(call: Call) -> None:
        for each in told:
            each(call)

    return tell


def _liveness(settings: Settings, timers: Timers, clock: Clock) -> Liveness:
    return Liveness(
        timers,
        clock,
        ping_interval_seconds=settings.ping_interval_seconds,
        pong_timeout_seconds=settings.pong_timeout_seconds,
        slow_limit_seconds=settings.slow_limit_seconds,
        token_grace_seconds=settings.token_grace_seconds,
        token_warning_seconds=settings.token_warning_seconds,
    )


def _presence_times(s: Settings) -> PresenceTimes:
    return PresenceTimes(s.grace_seconds, s.clean_close_seconds, s.heartbeat_life_seconds, s.hold_seconds)


def _command_rules(s: Settings) -> CommandRules:
    return CommandRules(
        s.rate_strikes, s.invalid_strikes, s.strike_window_seconds, s.watched_users_limit, s.token_grace_seconds
    )


def _socket_limits(s: Settings) -> SocketLimits:
    return SocketLimits(
        s.sockets_per_user,
        s.sockets_per_address,
        s.sockets_limit,
        s.outbox_limit_bytes,
        s.snapshot_page_users,
        s.heartbeat_interval_seconds,
        s.error_interval_seconds,
    )


@dataclass(frozen=True)
class Shown:
    """What there is to show: everything that others keep."""

    registry: Registry
    switchboard: Switchboard
    hub: Hub
    event_log: EventLog
    changed_users: ChangedUsers
    waiting: Callable[[int], str]
    """The action that waits for the end of a user's call, in words."""
    calls: CheckedCalls
    users: CheckedUsers


@dataclass(frozen=True)
class Dashboard:
    """The parts that others call."""

    store_check: StoreCheck
    attention: IssueDetector
    overview: Overview
    operator_sessions: OperatorSessions
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
    store_check = StoreCheck(shown.calls, shown.users, shown.registry, shown.switchboard)
    attention = IssueDetector(
        shown.registry, shown.switchboard, shown.hub, store_check, clock, _attention_rules(settings)
    )
    row_builder = RowBuilder(
        shown.registry, shown.switchboard, shown.hub, clock, shown.waiting, grace_seconds=settings.grace_seconds
    )
    rows = RowCache(shown.registry, row_builder, shown.changed_users, attention.review)
    overview = Overview(
        shown.registry, shown.switchboard, shown.hub, clock, row_builder, rows, attention, shown.event_log,
        History(settings.sample_interval_seconds), events_shown=settings.events_shown,
    )  # fmt: skip
    shown.event_log.listen(overview.note_event)
    operator_sessions = OperatorSessions(overview, clock, counters, epoch, new_id, _watcher_rules(settings))
    commands = OperatorCommands(buckets, clock, counters, rules)
    return Dashboard(store_check, attention, overview, operator_sessions, commands)


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
