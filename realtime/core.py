"""Core: puts the parts of realtime together."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from models.audit import Audit
from models.calls import Calls
from models.logins import Logins
from models.shared_log import SharedLog
from models.tokens import Tokens
from models.users import Users
from realtime.calls.call_store import CallStore
from realtime.calls.ongoing import OngoingCalls
from realtime.calls.reconciliation import Reconciliation
from realtime.calls.switchboard import Switchboard
from realtime.clock import Clock, Environment, Timers
from realtime.cluster.adoption import Adoption
from realtime.cluster.cluster_log import ClusterLog
from realtime.cluster.comparison import Comparison
from realtime.cluster.members import Members
from realtime.cluster.node import Node
from realtime.cluster.outcome import NotApplied
from realtime.cluster.position import Position
from realtime.cluster.reader import Reader
from realtime.cluster.saved_changes import SavedChanges
from realtime.cluster.succession import Succession
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
from realtime.presence.deadlines import Deadlines
from realtime.presence.decider import Decider
from realtime.presence.engine import Presence
from realtime.presence.follower import Follower
from realtime.presence.incarnation import Incarnation
from realtime.presence.loader import Loader
from realtime.presence.log import LocalLog, Log, Revocation
from realtime.presence.registry import Registry
from realtime.presence.settlement import Settlement
from realtime.presence.writeback import WriteBack
from realtime.protocol import CloseCode
from realtime.sockets.admission import Admission
from realtime.sockets.authenticator import Authenticator
from realtime.sockets.commands import Commands
from realtime.sockets.fanout import FanOut
from realtime.sockets.hub import Hub
from realtime.sockets.liveness import Liveness
from realtime.sockets.shared_tickets import SharedTickets
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
    log: Log
    changes: ChangeLog
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
    node: Node | None
    """The server's part in a cluster, unless it is alone."""

    @property
    def counters(self) -> Counters:
        """What the core counts."""
        return self.environment.counters

    @property
    def is_on_duty(self) -> bool:
        """Whether this server does what only one of them needs to do."""
        return self.node is None or self.node.is_first

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
    shared: SharedLog | None = None,
) -> Core:
    """Build all parts, each with the ones it needs. `shared` is the log of a server that is not alone."""
    clock, timers, wall_timers, registry = environment.clock, Timers(), Timers(), Registry()
    incarnation, ongoing = Incarnation(environment.incarnations.own, environment.new_id), OngoingCalls()
    changes = ChangeLog(environment.new_id())
    fan_out = FanOut(settings, changes, environment.counters, environment.call_later, environment.elapsed)
    hub = Hub(fan_out, environment.counters)
    write_back = WriteBack(settings, registry, users, environment.failures)
    follower = Follower(settings, environment, incarnation, registry, changes, write_back, ongoing, fan_out.publish)
    decider = Decider(
        settings, environment, incarnation, registry, ongoing, timers, lambda proposal: log.append(proposal)
    )
    position = Position()
    members = None if shared is None else Members(settings, clock, incarnation)
    log: LocalLog | ClusterLog
    if shared is None:
        log = LocalLog(changes, incarnation, decider.rows, follower.apply)
    else:
        log = ClusterLog(
            environment, timers, shared, incarnation, position, decider.rows,
            deadline_seconds=settings.store_deadline_seconds,
        )  # fmt: skip
    deadlines = Deadlines(clock, timers, wall_timers, incarnation, registry, write_back, log)
    presence = Presence(settings, clock, registry, write_back, log, deadlines)
    loader = Loader(settings, environment, incarnation, presence, log, write_back)
    settlement = Settlement(settings, users, presence, loader, write_back, environment.failures)
    call_store = CallStore(calls, clock, members or environment.incarnations)
    switchboard = Switchboard(settings, environment, call_store, presence, timers, ongoing)
    event_log = EventLog(registry, clock, environment.new_id()[:6], shown=settings.events_shown)
    stats = Stats(registry, ongoing, hub, changes)
    authenticator = Authenticator(settings, tokens, registry, hub, log, clock, timers, environment.unix_now)
    liveness = Liveness(settings, timers, clock)
    limits = Limits(settings, clock, environment.counters)
    guard = CommandGuard(settings, clock, environment.counters, limits.commands)
    commands = Commands(settings, guard, authenticator, presence, fan_out, liveness, ongoing, stats)
    admission = Admission(settings, environment, presence, hub, fan_out, liveness, authenticator, stats)
    revoke = _revoke(users, logins, settlement, authenticator, clock)
    waiting = WaitingActions(audit, registry, ongoing, clock, timers, environment.spawn)
    actions = Actions(presence, switchboard, hub, event_log, revoke, waiting)
    follower.record_listeners += (deadlines.record_changed, decider.record_changed)
    follower.revocation_listeners.append(authenticator.login_revoked)
    follower.status_listeners.append(event_log.status_announced)
    follower.call_listeners += (
        switchboard.call_changed, hub.tell_participants, event_log.call_changed, actions.call_changed,
    )  # fmt: skip
    node = None
    if shared is not None and isinstance(log, ClusterLog) and members is not None:
        authenticator.shared_tickets = SharedTickets(settings, shared)
        follower.record_listeners.append(authenticator.record_changed)
        presence.on_refused = authenticator.close_refused
        reader = Reader(position, registry, changes, follower, fan_out)
        succession = Succession(settings, clock, shared, members, presence, log)
        adoption = Adoption(environment, shared, incarnation, members, reader, log, presence)
        adoption.on_lost_epoch = partial(hub.close_all, CloseCode.RESTART, "the log was lost")
        reconciliation = Reconciliation(call_store, presence, switchboard)
        comparison = Comparison(
            environment, timers, members, reconciliation, SavedChanges(users, registry, settlement)
        )  # fmt: skip
        node = Node(environment, timers, shared, reader, log, adoption, succession, comparison)
    store_check = StoreCheck(calls, users, registry, ongoing)
    issues = IssueDetector(settings, environment, registry, ongoing, hub, store_check)
    row_builder = RowBuilder(settings, registry, ongoing, hub, clock, actions.waiting)
    overview = Overview(
        settings, clock, registry, ongoing, hub, row_builder, issues, event_log
    )  # fmt: skip
    feed = OverviewFeed(
        settings, overview, registry, ongoing, row_builder, issues, event_log, environment.failures
    )  # fmt: skip
    operator_sessions = OperatorSessions(settings, environment, feed, liveness, changes.epoch)
    return Core(
        environment, timers, wall_timers, registry, log, changes, write_back, presence, loader, settlement,
        switchboard, fan_out, hub, stats,
        authenticator, liveness, limits, commands, admission,
        event_log, actions, store_check, issues, overview, feed, operator_sessions, OperatorCommands(guard), node,
    )  # fmt: skip


def _revoke(
    users: Users, logins: Logins, settlement: Settlement, authenticator: Authenticator, clock: Clock
) -> Callable[[int], Awaitable[None]]:
    """How all tokens of a user are revoked: in the store first, so that a restart does not make them valid again."""

    async def revoke(user_id: int) -> None:
        with contextlib.suppress(NotApplied):  # the store has it, and this server refuses the tokens already
            await settlement.write(user_id, lambda: users.revoke_tokens(user_id), revokes=True)
        authenticator.tell_others(Revocation(user_id=user_id, token_version=settlement.token_version(user_id)))
        await logins.revoke_user(user_id, clock.utc())

    return revoke
