"""Settings: every number and address the server uses, frozen, typed, read once at start.

A setting named `ping_interval_seconds` is the variable `ROLLCALL_PING_INTERVAL_SECONDS` and the flag
`--ping-interval-seconds`; `mongodb_url` alone keeps the name that hosting platforms give it, `MONGODB_URL`.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SECRET_BYTES_MINIMUM = 32
"""RFC 7518 §3.2: a key for HS256 has at least 256 bits."""


class SettingsError(Exception):
    """What is wrong with the settings, one line each, in words that say what to set."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def setting(default: Any, help: str, *, group: str = "", secret: bool = False) -> Any:
    """One setting: its default and the line that `--help` and the docs print."""
    return field(default=default, repr=not secret, metadata={"help": help, "group": group, "secret": secret})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings with their defaults. Units stand in the names."""

    host: str = setting("127.0.0.1", "address to listen on", group="network")
    port: int = setting(8000, "port to listen on; 0 takes a free one and prints it")
    tls_certificate: str = setting("", "certificate file (PEM); with tls_key the port speaks TLS")
    tls_key: str = setting("", "private key file (PEM) of tls_certificate")
    allowed_hosts: tuple[str, ...] = setting((), "names clients may call this server by, besides localhost")
    allowed_origins: tuple[str, ...] = setting((), "web origins allowed besides the server's own, scheme://host[:port]")
    trusted_proxies: tuple[str, ...] = setting((), "addresses whose X-Forwarded-For is believed")
    listen_backlog: int = setting(4096, "connections the kernel keeps waiting for accept")
    header_timeout_seconds: float = setting(10.0, "a request's headers arrive within this, idle time included")
    body_timeout_seconds: float = setting(10.0, "a request's body arrives within this")
    header_limit_bytes: int = setting(16 * 1024, "largest request head")
    body_limit_bytes: int = setting(64 * 1024, "largest request body")
    log_level: str = setting("info", "debug, info, warning or error")

    data_dir: Path = setting(Path("data"), "folder of the embedded store and of the secret it makes", group="store")
    mongodb_url: str = setting("", "MongoDB to keep users and calls in; empty: the embedded store", secret=True)
    mongodb_database: str = setting("rollcall", "name of the database in MongoDB")
    store_deadline_seconds: float = setting(1.5, "longest a call to the store may take")
    store_breaker_failures: int = setting(3, "failures in a row after which the store counts as down")
    store_breaker_retry_seconds: float = setting(0.5, "while the store is down, one call is tried this often")
    retry_after_seconds: int = setting(1, "Retry-After of a 503")
    save_interval_seconds: float = setting(1.0, "how often last_seen and heartbeats are saved, in bulk")
    notice_interval_seconds: float = setting(0.5, "how often the server looks for what the command line did")

    jwt_secret: str = setting(
        "", "key of the tokens, at least 32 bytes; the embedded store makes its own", group="tokens", secret=True
    )
    token_issuer: str = setting("rollcall", "iss of the tokens")
    token_audience: str = setting("rollcall", "aud of the tokens")
    access_token_seconds: int = setting(900, "life of an access token")
    refresh_token_seconds: int = setting(30 * 86400, "life of a refresh token, and of a login left unused")
    token_grace_seconds: float = setting(30.0, "a socket whose token expired is served this much longer")
    token_warning_seconds: float = setting(60.0, "token_expiring is pushed this long before exp")
    ticket_seconds: float = setting(30.0, "life of a single-use ticket")

    registration_open: bool = setting(True, "whether POST /auth/register makes accounts", group="accounts")
    password_length_minimum: int = setting(12, "shortest password, in characters")
    argon2_memory_kib: int = setting(19 * 1024, "memory of one argon2id hash (OWASP: 19 MiB)")
    argon2_passes: int = setting(2, "passes of argon2id")
    argon2_lanes: int = setting(1, "lanes of argon2id")
    password_workers: int = setting(2, "passwords hashed at the same time")
    password_waiting_limit: int = setting(20, "passwords waiting to be hashed; beyond it 503")
    sign_in_window_seconds: float = setting(900.0, "span over which failed sign-ins are counted")
    sign_in_failures_per_account: int = setting(5, "failed sign-ins an account has in the window; then 429")
    sign_in_failures_per_address: int = setting(20, "failed sign-ins an address has in the window; then 429")

    message_limit_bytes: int = setting(4096, "largest message from a client; beyond it 1009", group="sockets")
    outbox_limit_bytes: int = setting(256 * 1024, "most that waits for one socket")
    slow_limit_seconds: float = setting(10.0, "a socket that takes nothing this long is closed, 4002")
    ping_interval_seconds: float = setting(25.0, "how often a socket is pinged")
    pong_timeout_seconds: float = setting(10.0, "a socket silent this long after a ping is closed, 4000")
    heartbeat_interval_seconds: int = setting(30, "heartbeat interval that clients are told")
    sockets_per_user: int = setting(10, "sockets one user may have; beyond it 4503")
    sockets_per_address: int = setting(200, "sockets one address may have; loopback and trusted proxies exempt")
    sockets_limit: int = setting(10_000, "sockets in all, and at most 0.8 of the open files; beyond it 1013")
    refusals_per_address: int = setting(200, "refused credentials an address has at once; beyond it 429")
    refusals_per_second: float = setting(20.0, "refused credentials an address has after that")
    command_burst: int = setting(20, "commands a user may send at once")
    commands_per_second: float = setting(2.0, "commands a user may send after that")
    rate_strikes: int = setting(100, "commands refused for their rate within strike_window_seconds; then 4003")
    invalid_strikes: int = setting(20, "invalid commands within strike_window_seconds; then 4504")
    strike_window_seconds: float = setting(5.0, "span over which refused commands are counted")
    error_interval_seconds: float = setting(1.0, "errors are answered at most this often on a socket")
    watched_users_limit: int = setting(500, "user_ids of one subscription")
    snapshot_page_users: int = setting(200, "users in one snapshot message")
    stats_interval_seconds: float = setting(1.0, "feed_stats are pushed at most this often")
    flush_interval_seconds: float = setting(0.005, "changes that follow a change gather this long")
    flush_slice_seconds: float = setting(0.004, "longest the loop sends at a stretch")

    grace_seconds: float = setting(15.0, "a lost connection's user stays online this long", group="presence")
    clean_close_seconds: float = setting(1.0, "the same after a clean close, 1000")
    heartbeat_life_seconds: float = setting(90.0, "a heartbeat over REST keeps its user online this long")
    hold_seconds: float = setting(45.0, "after a start, users who were online are held this long")
    announcements_per_second: int = setting(4, "announcements one user causes a second; the last state wins")
    false_offline_seconds: float = setting(60.0, "an offline taken back within this counts as false in the metrics")
    stall_seconds: float = setting(1.0, "a pause of the server longer than this moves every deadline")
    call_lease_seconds: float = setting(90.0, "a participant gone this long drops the call")

    page_limit: int = setting(100, "largest per_page", group="lists")
    page_default: int = setting(20, "per_page when it is not given")
    presence_batch_limit: int = setting(100, "user_ids of GET /users/presence")

    operator_idle_seconds: int = setting(1800, "an operator idle this long is signed out", group="dashboard")
    operator_session_seconds: int = setting(12 * 3600, "an operator is signed in this long at most")
    operator_sockets_limit: int = setting(100, "operators' sockets in all; beyond it 1013")
    overview_interval_seconds: float = setting(0.25, "operators are sent what changed at most this often")
    overview_idle_seconds: float = setting(1.0, "operators are sent a sign of life at least this often")
    inspect_interval_seconds: float = setting(2.0, "how often the store is compared with what the server knows")
    long_call_seconds: float = setting(7200.0, "a call that lasts longer needs attention")
    silent_socket_seconds: float = setting(30.0, "a socket silent this long needs attention")
    flapping_changes: int = setting(4, "changes of state within flapping_seconds that need attention")
    flapping_seconds: float = setting(60.0, "span over which changes of state are counted")
    action_targets_limit: int = setting(500, "users that one action of an operator may be for")
    page_rows: int = setting(50, "rows on a page of the dashboard")
    events_shown: int = setting(50, "latest events on the live page")
    events_days: int = setting(30, "days that events are kept")
    events_limit: int = setting(1_000_000, "events that are kept at most; the oldest go first")
    samples_hours: int = setting(24, "hours that samples of the figures are kept")
    sample_interval_seconds: float = setting(5.0, "how often the figures are sampled")

    drain_seconds: float = setting(5.0, "sockets are told and closed within this", group="shutdown")
    exit_seconds: float = setting(10.0, "the server exits within this after SIGTERM")
    reconnect_spread_seconds: float = setting(5.0, "clients of a draining server come back over this span")

    def __post_init__(self) -> None:
        problems = _problems(self)
        if problems:
            raise SettingsError(problems)


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return "MONGODB_URL" if name == "mongodb_url" else f"ROLLCALL_{name.upper()}"


def read_settings(environment: Mapping[str, str], flags: Mapping[str, Any] | None = None) -> Settings:
    """Settings from flags, else variables, else defaults.

    Raises SettingsError when a variable is not of its setting's type, is no setting's name, or when values
    contradict each other.
    """
    known = {variable(each.name): each for each in dataclasses.fields(Settings)}
    problems = [
        f"{name} is no setting; `python server.py --help` lists them"
        for name in environment
        if name.startswith("ROLLCALL_") and name not in known
    ]
    values: dict[str, Any] = {}
    for name, each in known.items():
        if name in environment:
            try:
                values[each.name] = parse(environment[name], each.default)
            except ValueError as error:
                problems.append(f"{name}: {error}")
    if problems:
        raise SettingsError(problems)
    return Settings(**{**values, **(flags or {})})


def parse(text: str, default: Any) -> Any:
    """A variable's text as the type of the setting's default. Raises ValueError in words for the operator."""
    match default:
        case bool():
            if text.lower() not in ("1", "0", "true", "false", "yes", "no"):
                raise ValueError(f"must be true or false, not {text!r}")
            return text.lower() in ("1", "true", "yes")
        case int() | float():
            try:
                return type(default)(text)
            except ValueError:
                kind = "a whole number" if isinstance(default, int) else "a number"
                raise ValueError(f"must be {kind}, not {text!r}") from None
        case tuple():
            return tuple(part.strip() for part in text.split(",") if part.strip())
        case Path():
            return Path(text)
        case _:
            return text


def masked(settings: Settings) -> dict[str, str]:
    """Every setting as text for people; secrets as dots."""
    return {
        each.name: "••••"
        if each.metadata["secret"] and getattr(settings, each.name)
        else str(getattr(settings, each.name))
        for each in dataclasses.fields(settings)
    }


_ZERO_ALLOWED = {
    "port", "clean_close_seconds", "flush_interval_seconds", "token_grace_seconds", "hold_seconds", "grace_seconds",
    "reconnect_spread_seconds", "password_waiting_limit",
}  # fmt: skip


def _problems(s: Settings) -> list[str]:
    """What must hold of the settings and doesn't: each in words that say what to set."""
    return [*_numbers(s), *_secrets_and_addresses(s), *_pairs(s)]


def _numbers(s: Settings) -> Iterator[str]:
    for each in dataclasses.fields(s):
        if isinstance(each.default, int | float) and not isinstance(each.default, bool):
            value, zero = getattr(s, each.name), each.name in _ZERO_ALLOWED
            if not (0 < value < math.inf or (zero and value == 0)):
                yield f"set {variable(each.name)} to {'0 or more' if zero else 'more than 0'}, not {value}"
    if s.port > 65535:
        yield f"set ROLLCALL_PORT to at most 65535, not {s.port}"
    if s.outbox_limit_bytes < 65536:
        yield f"set ROLLCALL_OUTBOX_LIMIT_BYTES to at least 65536, not {s.outbox_limit_bytes}"
    if s.argon2_memory_kib < 8 * s.argon2_lanes:
        yield "set ROLLCALL_ARGON2_MEMORY_KIB to at least 8 for each of ROLLCALL_ARGON2_LANES"


def _secrets_and_addresses(s: Settings) -> Iterator[str]:
    if s.log_level not in ("debug", "info", "warning", "error"):
        yield f"set ROLLCALL_LOG_LEVEL to debug, info, warning or error, not {s.log_level!r}"
    if s.jwt_secret and len(s.jwt_secret.encode()) < SECRET_BYTES_MINIMUM:
        yield (
            f"set ROLLCALL_JWT_SECRET to at least {SECRET_BYTES_MINIMUM} bytes, such as the output of "
            "`openssl rand -hex 32`"
        )
    if s.mongodb_url and not s.jwt_secret:
        yield "with MONGODB_URL set ROLLCALL_JWT_SECRET too: every server on that database must use the same one"
    if bool(s.tls_certificate) != bool(s.tls_key):
        yield "set both ROLLCALL_TLS_CERTIFICATE and ROLLCALL_TLS_KEY, or neither"
    for proxy in s.trusted_proxies:
        try:
            ipaddress.ip_network(proxy, strict=False)
        except ValueError:
            yield f"set ROLLCALL_TRUSTED_PROXIES to addresses or networks, such as 10.0.0.0/8, not {proxy!r}"
    for origin in s.allowed_origins:
        if not re.fullmatch(r"https?://[^/\s@?#]+", origin):
            yield f"set ROLLCALL_ALLOWED_ORIGINS to scheme://host[:port], not {origin!r}"


def _pairs(s: Settings) -> Iterator[str]:
    """Settings of which one has to stay below another, and why."""
    below = [
        ("pong_timeout_seconds", "ping_interval_seconds", "a pong is awaited before the next ping"),
        ("heartbeat_interval_seconds", "heartbeat_life_seconds", "a heartbeat must outlast the wait for the next"),
        ("token_warning_seconds", "access_token_seconds", "the warning comes within the token's life"),
        ("access_token_seconds", "refresh_token_seconds", "a refresh token must outlive what it renews"),
        ("drain_seconds", "exit_seconds", "draining is a part of stopping"),
        ("operator_idle_seconds", "operator_session_seconds", "idle time is a part of a sign-in"),
        ("ping_interval_seconds", "silent_socket_seconds", "a healthy socket is silent from one ping to the next"),
        ("store_deadline_seconds", "inspect_interval_seconds", "a write under way must not be found by two checks"),
    ]
    at_most = [
        ("grace_seconds", "hold_seconds", "after a restart clients need longer than after a lost connection"),
        ("clean_close_seconds", "grace_seconds", "who says goodbye is not awaited longer than who was lost"),
        ("grace_seconds", "call_lease_seconds", "a socket drop within the grace period is not a hang-up"),
        ("page_default", "page_limit", "the default page must be allowed"),
        ("overview_interval_seconds", "overview_idle_seconds", "a sign of life comes when no change did"),
    ]
    for low, high, why in below:
        if getattr(s, low) >= getattr(s, high):
            yield f"set {variable(low)} ({getattr(s, low)}) below {variable(high)} ({getattr(s, high)}): {why}"
    for low, high, why in at_most:
        if getattr(s, low) > getattr(s, high):
            yield f"set {variable(low)} ({getattr(s, low)}) to at most {variable(high)} ({getattr(s, high)}): {why}"
    closed_after = s.ping_interval_seconds + s.pong_timeout_seconds
    if s.silent_socket_seconds >= closed_after:
        yield (
            f"set {variable('silent_socket_seconds')} ({s.silent_socket_seconds}) below {closed_after}, the sum of "
            f"{variable('ping_interval_seconds')} and {variable('pong_timeout_seconds')}: then the socket is closed"
        )
