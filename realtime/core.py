"""Core: the parts of realtime, put together once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from models.calls import Call, Calls
from models.logins import Logins
from models.tokens import Tokens
from models.users import Users
from realtime.actions import Actions
from realtime.admission import Admission, SocketLimits
from realtime.announcer import Announcer
from realtime.attention import Attention
from realtime.changelog import ChangeLog
from realtime.chronicle import Chronicle
from realtime.clock import Clock
from realtime.commands import CommandRules, Commands
from realtime.counters import Counters
from realtime.dashboard import Shown, build_dashboard
from realtime.deadlines import Deadlines
from realtime.directory import Directory
from realtime.fanout import CallLater, FanOut
from realtime.gate import Gate
from realtime.hub import Hub
from realtime.inspector import Inspector
from realtime.ledger import Ledger
from realtime.liveness import Liveness
from realtime.operatorcommands import OperatorCommands
from realtime.overview import Overview
from realtime.plans import Plans
from realtime.presence import Presence, PresenceTimes
from realtime.ratelimit import Buckets
from realtime.stats import Stats
from realtime.switchboard import Spawn, Switchboard, Tell
from realtime.timers import Timers
from realtime.touched import Touched
from realtime.turns import Turns
from realtime.watchers import Watchers
from realtime.writeback import WriteBack
from settings import Settings


@dataclass(frozen=True)
class World:
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

    world: World
    counters: Counters
    timers: Timers
    directory: Directory
    log: ChangeLog
    write_back: WriteBack
    presence: Presence
    switchboard: Switchboard
    fan_out: FanOut
    hub: Hub
    stats: Stats
    gate: Gate
    liveness: Liveness
    buckets: Buckets
    commands: Commands
    admission: Admission
    chronicle: Chronicle
    actions: Actions
    inspector: Inspector
    attention: Attention
    overview: Overview
    watchers: Watchers
    operator_commands: OperatorCommands

    def tick(self) -> None:
        """Let time pass: run what is due."""
        self.timers.run_due(self.world.clock.tick())

    def sweep(self) -> None:
        """Once a second: pings, slow sockets, buckets nobody needs."""
        self.liveness.sweep(self.fan_out.behind())
        self.watchers.sweep()
        self.buckets.drop_full(self.world.clock.now())

    async def inspect(self) -> None:
        """Compare the store with memory, and at once see what needs attention by it. Raises StoreUnavailable."""
        await self.inspector.look()
        self.overview.look()


def build_core(settings: Settings, world: World, users: Users, calls: Calls, logins: Logins, tokens: Tokens) -> Core:
    """All parts, each with the ones it needs."""
    clock, counters, timers = world.clock, Counters(), Timers()
    directory, turns, log, touched = Directory(), Turns(), ChangeLog(world.new_id()), Touched()
    fan_out = _fan_out(settings, world, log, counters)
    hub = Hub(fan_out, counters)
    chronicle = Chronicle(directory, clock, world.new_id()[:6], shown=settings.events_shown)
    announcer = _announcer(settings, log, timers, clock, fan_out, chronicle, counters)
    write_back = WriteBack(directory, users, turns)
    presence = Presence(
        directory, write_back, turns, Deadlines(timers, clock), clock, _presence_times(settings), announcer,
        touched.users.add, touched.heard.add,
    )  # fmt: skip
    told: list[Tell] = [hub.tell_participants, chronicle.call_changed]
    switchboard = _switchboard(settings, world, calls, presence, timers, told)
    stats = Stats(directory, switchboard, hub, log)
    gate = Gate(tokens, directory, hub, clock, world.unix_now, ticket_seconds=settings.ticket_seconds)
    liveness = _liveness(settings, timers, clock)
    buckets = Buckets(settings.command_burst, settings.commands_per_second)
    commands = Commands(
        gate, presence, fan_out, liveness, switchboard, stats, buckets, clock, counters, _command_rules(settings)
    )
    admission = Admission(
        hub, fan_out, presence, directory, log, liveness, gate, stats, clock, counters, world.new_id,
        _socket_limits(settings),
    )  # fmt: skip
    actions = Actions(
        presence, switchboard, hub, chronicle, Plans(directory, switchboard, hub),
        _revoke(users, logins, presence, clock), world.spawn, touched.users.add,
    )  # fmt: skip
    told.append(actions.call_changed)
    board = build_dashboard(
        settings, Shown(directory, switchboard, hub, chronicle, touched, actions.waiting, calls, users),
        clock, counters, buckets, _command_rules(settings), log.epoch, world.new_id,
    )  # fmt: skip
    return Core(
        world, counters, timers, directory, log, write_back, presence, switchboard, fan_out, hub, stats, gate,
        liveness, buckets, commands, admission, chronicle, actions,
        board.inspector, board.attention, board.overview, board.watchers, board.commands,
    )  # fmt: skip


def _revoke(users: Users, logins: Logins, presence: Presence, clock: Clock) -> Callable[[int], Awaitable[None]]:
    """How all of a user's tokens are made useless: in the store first, so that a restart doesn't bring them back."""

    async def revoke(user_id: int) -> None:
        at = clock.utc()
        await users.revoke_tokens(user_id, at)
        await logins.revoke_user(user_id, at)
        presence.revoke_tokens(user_id, at)

    return revoke


def _fan_out(settings: Settings, world: World, log: ChangeLog, counters: Counters) -> FanOut:
    return FanOut(
        log,
        counters,
        world.call_later,
        world.elapsed,
        interval_seconds=settings.flush_interval_seconds,
        slice_seconds=settings.flush_slice_seconds,
    )


def _announcer(
    settings: Settings,
    log: ChangeLog,
    timers: Timers,
    clock: Clock,
    fan_out: FanOut,
    chronicle: Chronicle,
    counters: Counters,
) -> Announcer:
    return Announcer(
        log,
        timers,
        clock,
        fan_out.publish,
        chronicle.status_announced,
        counters,
        per_second=settings.announcements_per_second,
        false_offline_seconds=settings.false_offline_seconds,
    )


def _switchboard(
    settings: Settings,
    world: World,
    calls: Calls,
    presence: Presence,
    timers: Timers,
    told: list[Tell],
) -> Switchboard:
    return Switchboard(
        Ledger(calls, world.clock),
        presence,
        timers,
        world.clock,
        _each(told),
        world.spawn,
        world.new_id,
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
