"""Parts: builds the parts of each folder of realtime, in the order in which they need each other."""

from __future__ import annotations

from dataclasses import dataclass, field

from models.service_keys import ServiceKeys
from models.shared_log import SharedLog
from models.tokens import Tokens
from models.users import Users
from realtime.calls.ongoing import OngoingCalls
from realtime.calls.switchboard import Switchboard
from realtime.clock import Environment, Timers
from realtime.cluster.cluster_log import ClusterLog
from realtime.cluster.members import Members
from realtime.cluster.position import Position
from realtime.dashboard.account_actions import AccountActions
from realtime.dashboard.acknowledgements import Acknowledgements
from realtime.dashboard.actions import Actions
from realtime.dashboard.event_log import EventLog
from realtime.dashboard.issues import IssueDetector
from realtime.dashboard.open_issues import OpenIssues
from realtime.dashboard.operator_session import OperatorCommands
from realtime.dashboard.operator_sessions import OperatorSessions
from realtime.dashboard.overview import Overview
from realtime.dashboard.overview_feed import OverviewFeed
from realtime.dashboard.row_builder import RowBuilder
from realtime.dashboard.session_list import SessionList
from realtime.dashboard.store_check import StoreCheck
from realtime.dashboard.subject_feeds import SubjectFeeds
from realtime.dashboard.subjects import SubjectReader
from realtime.dashboard.waiting_actions import WaitingActions
from realtime.limits import CommandGuard, Limits
from realtime.presence.changelog import ChangeLog
from realtime.presence.deadlines import Deadlines
from realtime.presence.decider import Decider
from realtime.presence.engine import Presence
from realtime.presence.follower import Follower
from realtime.presence.incarnation import Incarnation
from realtime.presence.loader import Loader
from realtime.presence.log import LocalLog, Log
from realtime.presence.registry import Registry
from realtime.presence.settlement import Settlement
from realtime.presence.writeback import WriteBack
from realtime.sockets.admission import Admission
from realtime.sockets.authenticator import Authenticator
from realtime.sockets.commands import Commands
from realtime.sockets.fanout import FanOut
from realtime.sockets.hub import Hub
from realtime.sockets.key_ring import KeyRing
from realtime.sockets.liveness import Liveness
from realtime.sockets.named_users import NamedUsers
from realtime.sockets.shared_sessions import SharedSessions
from realtime.sockets.stats import Stats
from realtime.sockets.subscriptions import Subscriptions
from realtime.sockets.told_ahead import ToldAhead
from realtime.stores import CoreStores
from settings import Settings


@dataclass(frozen=True)
class Memory:
    """What several folders share."""

    incarnation: Incarnation
    changes: ChangeLog
    timers: Timers = field(default_factory=Timers)
    wall_timers: Timers = field(default_factory=Timers)
    registry: Registry = field(default_factory=Registry)
    ongoing: OngoingCalls = field(default_factory=OngoingCalls)


@dataclass(frozen=True)
class SharedLogParts:
    """The log that several servers share, and what is known of it and of them."""

    shared: SharedLog
    members: Members
    position: Position
    log: ClusterLog
    told_ahead: ToldAhead


@dataclass(frozen=True)
class PresenceParts:
    """The parts around the log."""

    write_back: WriteBack
    follower: Follower
    log: Log
    engine: Presence
    loader: Loader
    settlement: Settlement
    cluster: SharedLogParts | None
    """None if the server is alone."""


@dataclass(frozen=True)
class SocketsParts:
    """The parts that users' sockets need."""

    fan_out: FanOut
    hub: Hub
    stats: Stats
    authenticator: Authenticator
    liveness: Liveness
    limits: Limits
    guard: CommandGuard
    commands: Commands
    admission: Admission
    shared_sessions: SharedSessions


@dataclass(frozen=True)
class DashboardParts:
    """The parts that operators see or use."""

    event_log: EventLog
    actions: Actions
    store_check: StoreCheck
    issues: IssueDetector
    open_issues: OpenIssues
    acknowledgements: Acknowledgements
    session_list: SessionList
    overview: Overview
    overview_feed: OverviewFeed
    operator_sessions: OperatorSessions
    operator_commands: OperatorCommands


def build_presence(
    settings: Settings,
    environment: Environment,
    memory: Memory,
    users: Users,
    fan_out: FanOut,
    shared: SharedLog | None,
) -> PresenceParts:
    """Build the log, and the parts before and behind it. `shared` is the log of a server that is not alone."""
    incarnation, registry, timers = memory.incarnation, memory.registry, memory.timers
    write_back = WriteBack(settings, registry, users, environment.failures)
    told_ahead = ToldAhead(registry, fan_out)
    publish = fan_out.publish if shared is None else told_ahead.publish
    follower = Follower(
        settings, environment, incarnation, registry, memory.changes, write_back, memory.ongoing, publish
    )  # fmt: skip
    decider = Decider(
        settings, environment, incarnation, registry, memory.ongoing, timers, lambda proposal: log.append(proposal)
    )
    log: LocalLog | ClusterLog
    cluster = None
    if shared is None:
        log = LocalLog(memory.changes, incarnation, decider.rows, follower.apply)
    else:
        position, members = Position(), Members(settings, environment.clock, incarnation)
        log = ClusterLog(
            environment, timers, shared, incarnation, position, decider.rows,
            deadline_seconds=settings.store_deadline_seconds,
        )  # fmt: skip
        cluster = SharedLogParts(shared, members, position, log, told_ahead)
    deadlines = Deadlines(environment.clock, timers, memory.wall_timers, incarnation, registry, write_back, log)
    presence = Presence(settings, environment.clock, registry, write_back, log, deadlines)
    loader = Loader(settings, environment, incarnation, presence, log, write_back)
    settlement = Settlement(settings, users, presence, loader, write_back, environment.failures)
    follower.record_listeners += (deadlines.record_changed, decider.record_changed)
    follower.removal_listeners += (deadlines.user_removed, decider.user_removed)
    follower.on_returned = deadlines.user_returned
    return PresenceParts(write_back, follower, log, presence, loader, settlement, cluster)


def build_sockets(
    settings: Settings,
    environment: Environment,
    memory: Memory,
    service_keys: ServiceKeys,
    tokens: Tokens,
    fan_out: FanOut,
    hub: Hub,
    presence: PresenceParts,
) -> SocketsParts:
    """Build what users' sockets need."""
    clock, timers, registry = environment.clock, memory.timers, memory.registry
    stats = Stats(settings, environment, registry, memory.ongoing, hub, memory.changes)
    key_ring = KeyRing(settings, environment, service_keys)
    authenticator = Authenticator(settings, tokens, registry, hub, presence.log, key_ring, environment, timers)
    liveness = Liveness(settings, timers, clock)
    limits = Limits(settings, clock, environment.counters)
    guard = CommandGuard(settings, clock, environment.counters, limits.commands)
    named = NamedUsers(registry)
    subscriptions = Subscriptions(settings, fan_out, named, memory.ongoing, stats)
    commands = Commands(settings, guard, authenticator, presence.engine, liveness, subscriptions)
    admission = Admission(settings, environment, presence.engine, hub, fan_out, liveness, authenticator, stats)
    hub.on_end = named.forget_all
    presence.follower.record_listeners.append(subscriptions.record_changed)
    shared_sessions = SharedSessions(settings, memory.incarnation, registry)
    presence.follower.removal_listeners.append(authenticator.user_removed)
    presence.follower.revocation_listeners.append(authenticator.login_revoked)
    presence.engine.on_refused = authenticator.close_refused
    presence.follower.kick_listeners += (hub.kick, shared_sessions.kicked)
    presence.follower.sessions_listeners.append(shared_sessions.apply)
    return SocketsParts(
        fan_out, hub, stats, authenticator, liveness, limits, guard, commands, admission, shared_sessions
    )  # fmt: skip


def build_dashboard(
    settings: Settings,
    environment: Environment,
    memory: Memory,
    stores: CoreStores,
    presence: PresenceParts,
    sockets: SocketsParts,
    switchboard: Switchboard,
    account_actions: AccountActions,
) -> DashboardParts:
    """Build what operators see and use."""
    clock, registry, ongoing, hub = environment.clock, memory.registry, memory.ongoing, sockets.hub
    sessions = SessionList(hub, sockets.shared_sessions, clock, memory.incarnation)
    event_log = EventLog(
        registry, clock, environment.new_id()[:6], shown=settings.events_shown,
        entry_id=lambda: presence.follower.entry_id,
        position=lambda: presence.cluster.position.last_id if presence.cluster else "",
    )  # fmt: skip
    waiting = WaitingActions(
        stores.audit, registry, ongoing, clock, memory.timers, environment.spawn,
        is_shared=presence.cluster is not None,
    )  # fmt: skip
    store_check = StoreCheck(stores.calls, stores.users, registry, ongoing)
    actions = Actions(
        presence.log, presence.engine, switchboard, sessions, event_log, account_actions, waiting, store_check
    )  # fmt: skip
    presence.follower.action_listeners.append(event_log.acted)
    presence.follower.removal_listeners += (event_log.user_removed, switchboard.user_removed)
    presence.follower.status_listeners.append(event_log.status_announced)
    presence.follower.call_listeners += (
        switchboard.call_changed, hub.tell_participants, event_log.call_changed, actions.call_changed,
    )  # fmt: skip
    acknowledgements = Acknowledgements(stores.acknowledgements, clock, environment.spawn)
    open_issues = OpenIssues(settings, clock, acknowledgements)
    issues = IssueDetector(settings, environment, registry, ongoing, sessions, store_check, open_issues)
    acknowledgements.on_change = issues.detect
    row_builder = RowBuilder(settings, registry, ongoing, sessions, clock, actions.waiting)
    overview = Overview(settings, clock, registry, ongoing, sessions, row_builder, issues, event_log)
    feed = OverviewFeed(settings, overview, registry, ongoing, row_builder, issues, event_log, environment.failures)
    reader = SubjectReader(overview, registry, ongoing, event_log)
    subject_feeds = SubjectFeeds(settings, environment, event_log, reader)
    presence.follower.call_listeners.append(subject_feeds.call_changed)
    operator_sessions = OperatorSessions(
        settings, environment, feed, subject_feeds, sockets.liveness, memory.changes
    )  # fmt: skip
    commands = OperatorCommands(sockets.guard)
    return DashboardParts(
        event_log, actions, store_check, issues, open_issues, acknowledgements, sessions, overview, feed,
        operator_sessions, commands,
    )  # fmt: skip
