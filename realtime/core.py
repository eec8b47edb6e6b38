"""Core: the parts of realtime, put together once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from models.calls import Calls
from models.tokens import Tokens
from models.users import Users
from realtime.admission import Admission, SocketLimits
from realtime.announcer import Announcer
from realtime.changelog import ChangeLog
from realtime.clock import Clock
from realtime.commands import CommandRules, Commands
from realtime.counters import Counters
from realtime.directory import Directory
from realtime.fanout import CallLater, FanOut
from realtime.gate import Gate
from realtime.hub import Hub
from realtime.ledger import Ledger
from realtime.liveness import Liveness
from realtime.presence import Presence, PresenceTimes
from realtime.ratelimit import Buckets
from realtime.stats import Stats
from realtime.switchboard import Spawn, Switchboard
from realtime.timers import Timers
from realtime.turns import Turns
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

    def tick(self) -> None:
        """Let time pass: run what is due."""
        self.timers.run_due(self.world.clock.tick())

    def sweep(self) -> None:
        """Once a second: pings, slow sockets, buckets nobody needs."""
        self.liveness.sweep(self.fan_out.behind())
        self.buckets.drop_full(self.world.clock.now())


def build_core(settings: Settings, world: World, users: Users, calls: Calls, tokens: Tokens) -> Core:
    """All parts, each with the ones it needs."""
    s, clock, counters, timers = settings, world.clock, Counters(), Timers()
    directory, turns, log = Directory(), Turns(), ChangeLog(world.new_id())
    fan_out = FanOut(
        log,
        counters,
        world.call_later,
        world.elapsed,
        interval_seconds=s.flush_interval_seconds,
        slice_seconds=s.flush_slice_seconds,
    )
    hub = Hub(fan_out, counters)
    announcer = Announcer(
        log,
        timers,
        clock,
        fan_out.publish,
        counters,
        per_second=s.announcements_per_second,
        false_offline_seconds=s.false_offline_seconds,
    )
    write_back = WriteBack(directory, users, turns)
    times = PresenceTimes(s.grace_seconds, s.clean_close_seconds, s.heartbeat_life_seconds, s.hold_seconds)
    presence = Presence(directory, write_back, turns, timers, clock, times, announcer)
    switchboard = Switchboard(
        Ledger(calls, clock),
        presence,
        timers,
        clock,
        hub.tell_participants,
        world.spawn,
        world.new_id,
        lease_seconds=s.call_lease_seconds,
        settle_seconds=s.store_deadline_seconds,
    )
    stats = Stats(directory, switchboard, hub, log)
    gate = Gate(
        tokens,
        directory,
        hub,
        clock,
        world.unix_now,
        ticket_seconds=s.ticket_seconds,
    )
    liveness = Liveness(
        timers,
        clock,
        ping_interval_seconds=s.ping_interval_seconds,
        pong_timeout_seconds=s.pong_timeout_seconds,
        slow_limit_seconds=s.slow_limit_seconds,
        token_grace_seconds=s.token_grace_seconds,
        token_warning_seconds=s.token_warning_seconds,
    )
    buckets = Buckets(s.command_burst, s.commands_per_second)
    rules = CommandRules(
        s.rate_strikes, s.invalid_strikes, s.strike_window_seconds, s.watched_users_limit, s.token_grace_seconds
    )
    commands = Commands(gate, presence, fan_out, liveness, switchboard, stats, buckets, clock, counters, rules)
    limits = SocketLimits(
        s.sockets_per_user,
        s.sockets_per_address,
        s.sockets_limit,
        s.outbox_limit_bytes,
        s.snapshot_page_users,
        s.heartbeat_interval_seconds,
        s.error_interval_seconds,
    )
    admission = Admission(
        hub, fan_out, presence, directory, log, liveness, gate, stats, clock, counters, world.new_id, limits
    )
    return Core(
        world, counters, timers, directory, log, write_back, presence, switchboard, fan_out, hub, stats, gate,
        liveness, buckets, commands, admission,
    )  # fmt: skip
