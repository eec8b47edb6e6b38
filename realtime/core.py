"""Core: puts the parts of realtime together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from models.audit import Audit
from models.calls import Calls
from models.logins import Logins
from models.tokens import Tokens
from models.users import Users
from realtime.calls.call_store import CallStore
from realtime.calls.switchboard import CallListener, Switchboard
from realtime.clock import Clock, Environment, Timers
from realtime.counters import Counters
from realtime.dashboard.actions import Actions
from realtime.dashboard.event_log import EventLog
from realtime.dashboard.issues import IssueDetector
from realtime.dashboard.operator_session import OperatorCommands
from realtime.dashboard.operator_sessions import OperatorSessions
from realtime.dashboard.overview import Overview
from realtime.dashboard.overview_feed import OverviewFeed
from realtime.dashboard.row_builder import RowBuilder
from realtime.dashboard.store_check import StoreCheck
from realtime.dashboard.waiting_actions import WaitingActions
from realtime.limits import CommandGuard, Limits
from realtime.presence.changelog import ChangeLog
from realtime.presence.engine import Presence
from realtime.presence.loader import Loader
from realtime.presence.publisher import Publisher
from realtime.presence.registry import Registry
from realtime.presence.settlement import Settlement
from realtime.presence.writeback import WriteBack
from realtime.sockets.admission import Admission
from realtime.sockets.authenticator import Authenticator
from realtime.sockets.commands import Commands
from realtime.sockets.fanout import FanOut
from realtime.sockets.hub import Hub
from realtime.sockets.liveness import Liveness
from realtime.sockets.stats import Stats
from settings import Settings


@dataclass(frozen=True)
class Core:
    """The parts that others call."""

    environment: Environment
    timers: Timers
    wall_timers: Timers
    """Deadlines in wall time, as Unix seconds. There is one kind: the end of a busy status."""
    registry: Registry
    log: ChangeLog
    write_back: WriteBack
    presence: Presence
    loader: Loader
    settlement: Settlement
    switchboard: Switchboard
    fan_out: FanOut
    hub: Hub
    stats: Stats
    authenticator: Authenticator
    liveness: Liveness
    limits: Limits
    commands: Commands
    admission: Admission
    event_log: EventLog
    actions: Actions
    store_check: StoreCheck
    issues: IssueDetector
    overview: Overview
    overview_feed: OverviewFeed
    operator_sessions: OperatorSessions
    operator_commands: OperatorCommands

    @property
    def counters(self) -> Counters:
        """What the core counts."""
        return self.environment.counters

    def tick(self) -> None:
        """Run the deadlines that are due."""
        self.timers.run_due(self.environment.clock.tick())
        self.wall_timers.run_due(self.environment.clock.utc().timestamp())

    async def save(self) -> None:
        """Save what is behind, and settle writes whose outcome is unknown. Raises StoreUnavailable."""
        await self.write_back.flush()
        await self.settlement.settle_all()

    def sweep(self) -> None:
        """Several times a second: ping sockets, close slow or silent ones, and drop limits and tickets not in use."""
        self.liveness.sweep([*self.fan_out.behind(), *self.operator_sessions])
        self.operator_sessions.sweep()
        self.limits.sweep()
        self.authenticator.tickets.sweep()

    async def check_store(self) -> None:
        """Compare the store with memory, and find what needs attention because of it. Raises StoreUnavailable."""
        await self.store_check.compare()
        self.overview_feed.refresh()


def build_core(
    settings: Settings,
    environment: Environment,
    users: Users,
    calls: Calls,
    logins: Logins,
    audit: Audit,
    tokens: Tokens,
) -> Core:
    """Build all parts, each with the ones it needs."""
    clock, timers, wall_timers, registry = environment.clock, Timers(), Timers(), Registry()
    log = ChangeLog(environment.new_id())
    fan_out = FanOut(settings, log, environment.counters, environment.call_later, environment.elapsed)
    hub = Hub(fan_out, environment.counters)
    event_log = EventLog(registry, clock, environment.new_id()[:6], shown=settings.events_shown)
    publisher = Publisher(settings, environment, log, timers, fan_out.publish, event_log.status_announced)
    write_back = WriteBack(registry, users, environment.failures)
    presence = Presence(settings, clock, timers, wall_timers, registry, write_back, publisher)
    loader = Loader(settings, environment, presence, publisher, write_back)
    settlement = Settlement(users, presence, loader, write_back, environment.failures)
    listeners: list[CallListener] = [hub.tell_participants, event_log.call_changed]
    switchboard = Switchboard(settings, environment, CallStore(calls, clock), presence, timers, listeners)
    stats = Stats(registry, switchboard.ongoing, hub, log)
    authenticator = Authenticator(settings, tokens, registry, hub, clock, environment.unix_now)
    liveness = Liveness(settings, timers, clock)
    limits = Limits(settings, clock, environment.counters)
    guard = CommandGuard(settings, clock, environment.counters, limits.commands)
    commands = Commands(settings, guard, authenticator, presence, fan_out, liveness, switchboard.ongoing, stats)
    admission = Admission(settings, environment, presence, hub, fan_out, liveness, authenticator, stats)
    revoke = _revoke(users, logins, settlement, clock)
    waiting = WaitingActions(audit, registry, switchboard.ongoing, clock, timers, environment.spawn)
    actions = Actions(presence, switchboard, hub, event_log, revoke, waiting)
    listeners.append(actions.call_changed)
    store_check = StoreCheck(calls, users, registry, switchboard.ongoing)
    issues = IssueDetector(settings, environment, registry, switchboard.ongoing, hub, store_check)
    row_builder = RowBuilder(settings, registry, switchboard.ongoing, hub, clock, actions.waiting)
    overview = Overview(
        settings, clock, registry, switchboard.ongoing, hub, row_builder, issues, event_log
    )  # fmt: skip
    feed = OverviewFeed(
        settings, overview, registry, switchboard.ongoing, row_builder, issues, event_log, environment.failures
    )  # fmt: skip
    operator_sessions = OperatorSessions(settings, environment, feed, liveness, log.epoch)
    return Core(
        environment, timers, wall_timers, registry, log, write_back, presence, loader, settlement,
        switchboard, fan_out, hub, stats,
        authenticator, liveness, limits, commands, admission,
        event_log, actions, store_check, issues, overview, feed, operator_sessions, OperatorCommands(guard),
    )  # fmt: skip


def _revoke(users: Users, logins: Logins, settlement: Settlement, clock: Clock) -> Callable[[int], Awaitable[None]]:
    """How all tokens of a user are revoked: in the store first, so that a restart does not make them valid again."""

    async def revoke(user_id: int) -> None:
        await settlement.write(user_id, lambda: users.revoke_tokens(user_id))
        await logins.revoke_user(user_id, clock.utc())

    return revoke
