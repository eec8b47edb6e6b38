"""Core: puts the parts of realtime together."""

from __future__ import annotations

from dataclasses import dataclass

from models.shared_log import SharedLog
from models.tokens import Tokens
from realtime.calls.call_store import CallStore
from realtime.calls.switchboard import Switchboard
from realtime.clock import Environment, Timers
from realtime.cluster.assembly import build_node
from realtime.cluster.node import Node
from realtime.cluster.session_sharing import SessionSharing
from realtime.counters import Counters
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
from realtime.dashboard.session_list import SessionList
from realtime.dashboard.store_check import StoreCheck
from realtime.limits import Limits
from realtime.parts import Memory, build_dashboard, build_presence, build_sockets
from realtime.presence.changelog import ChangeLog
from realtime.presence.engine import Presence
from realtime.presence.incarnation import Incarnation
from realtime.presence.loader import Loader
from realtime.presence.log import Log
from realtime.presence.membership import Membership
from realtime.presence.registry import Registry
from realtime.presence.settlement import Settlement
from realtime.presence.writeback import WriteBack
from realtime.sockets.admission import Admission
from realtime.sockets.authenticator import Authenticator
from realtime.sockets.commands import Commands
from realtime.sockets.fanout import FanOut
from realtime.sockets.hub import Hub
from realtime.sockets.liveness import Liveness
from realtime.sockets.revocation import Revocations
from realtime.sockets.stats import Stats
from realtime.stores import CoreStores
from realtime.webhooks.parts import WebhookParts, build_webhooks
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
    membership: Membership
    switchboard: Switchboard
    fan_out: FanOut
    hub: Hub
    stats: Stats
    authenticator: Authenticator
    liveness: Liveness
    revocations: Revocations
    limits: Limits
    commands: Commands
    admission: Admission
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
    node: Node | None
    """The server's part in a cluster, unless it is alone."""
    webhooks: WebhookParts | None
    """What records changes for webhooks, if they are on."""

    @property
    def session_sharing(self) -> SessionSharing | None:
        """Tells the other servers of this one's sockets, unless it is alone."""
        return None if self.node is None else self.node.sharing

    @property
    def counters(self) -> Counters:
        """What the core counts."""
        return self.environment.counters

    @property
    def is_first(self) -> bool:
        """Whether this server does what only one of them needs to do: it is alone, or the first of them."""
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
        if self.node is not None:
            await self.actions.follow()
        if self.is_first:
            await self.membership.resume_deletions()
        self.overview_feed.refresh()


def build_core(
    settings: Settings,
    environment: Environment,
    stores: CoreStores,
    tokens: Tokens,
    shared: SharedLog | None = None,
) -> Core:
    """Build all parts, folder by folder. `shared` is the log of a server that is not alone."""
    memory = Memory(Incarnation(environment.incarnations.own, environment.new_id), ChangeLog(environment.new_id()))
    fan_out = FanOut(settings, memory.changes, environment.counters, environment.call_later, environment.elapsed)
    hub = Hub(fan_out, environment.counters)
    presence = build_presence(settings, environment, memory, stores.users, fan_out, shared)
    incarnations = presence.cluster.members if presence.cluster else environment.incarnations
    call_store = CallStore(stores.calls, environment.clock, incarnations)
    switchboard = Switchboard(settings, environment, call_store, presence.engine, memory.timers, memory.ongoing)
    sockets = build_sockets(settings, environment, memory, stores.service_keys, tokens, fan_out, hub, presence)
    revocations = Revocations(
        stores.users, stores.logins, presence.settlement, sockets.authenticator, environment.clock
    )  # fmt: skip
    membership = Membership(
        stores, environment, memory.timers, memory.registry, presence.settlement, switchboard, sockets.authenticator
    )  # fmt: skip
    account_actions = AccountActions(membership, revocations, stores.user_passwords, hub, environment.clock)
    board = build_dashboard(settings, environment, memory, stores, presence, sockets, switchboard, account_actions)
    node = build_node(settings, environment, memory, stores.users, presence, sockets, call_store, switchboard)
    webhooks = build_webhooks(settings, environment, memory, presence, board)
    if node is not None:
        board.issues.on_silence = node.sharing.note
        if webhooks is not None:
            node.reader.on_replaced = webhooks.recorder.skipped
    return Core(
        environment, memory.timers, memory.wall_timers, memory.registry, presence.log, memory.changes,
        presence.write_back, presence.engine, presence.loader, presence.settlement, membership, switchboard, fan_out,
        hub, sockets.stats, sockets.authenticator, sockets.liveness, revocations, sockets.limits, sockets.commands,
        sockets.admission, board.event_log, board.actions, board.store_check, board.issues,
        board.open_issues, board.acknowledgements, board.session_list, board.overview, board.overview_feed,
        board.operator_sessions, board.operator_commands, node, webhooks,
    )  # fmt: skip
