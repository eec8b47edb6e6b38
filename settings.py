"""Settings: every number and address the server uses. Frozen, typed, and read once, at start.

The setting `ping_interval_seconds` is the variable `ROLLCALL_PING_INTERVAL_SECONDS` and the flag
`--ping-interval-seconds`. Only `mongodb_url` has the name that hosting platforms use, `MONGODB_URL`. A secret has
no flag, because everyone can read the process list; it may come from a file instead, as in `MONGODB_URL_FILE`.
"""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import ipaddress
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

SECRET_BYTES_MINIMUM = 32
"""RFC 7518 §3.2: a key for HS256 has at least 256 bits."""

FOREIGN_TOKEN_LIMIT = 8192
"""In characters. Other issuers put whole profiles and lists of roles into their tokens."""

WEBHOOK_SECRET_PREFIX = "whsec_"  # noqa: S105  (every key of Standard Webhooks begins so)
WEBHOOK_SECRET_LEAST, WEBHOOK_SECRET_MOST = 24, 64
"""Standard Webhooks: the sizes of a key in bytes."""

PREFIX = "ROLLCALL_"


class SettingsError(Exception):
    """What is wrong with the settings: one line for each problem, which says what to set."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def setting(default: Any, help: str, *, group: str = "", secret: bool = False) -> Any:
    """One setting: its default, and the line that `--help` and the documents print. `group` begins a group."""
    return field(default=default, repr=not secret, metadata={"help": help, "group": group, "secret": secret})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings with their defaults. The names give the units."""

    host: str = setting("127.0.0.1", "Address or name to listen on; 0.0.0.0 is every IPv4 interface.", group="network")
    port: int = setting(8000, "Port to listen on; 0 picks a free one.")
    tls_certificate: str = setting("", "Certificate chain file (PEM); turns on TLS.")
    tls_key: str = setting("", "Private key file (PEM), without a passphrase.")
    allowed_hosts: tuple[str, ...] = setting((), "Host names by which clients may call this server, besides localhost.")
    allowed_origins: tuple[str, ...] = setting(
        (), "Other web origins whose pages may call this server, such as https://example.org."
    )
    trusted_proxies: tuple[str, ...] = setting(
        (), "Addresses or networks of proxies whose X-Forwarded-* headers are trusted."
    )
    listen_backlog: int = setting(4096, "Connections queued until they are accepted.")
    header_timeout_seconds: float = setting(
        10.0, "Time for a request's headers to arrive, including the idle time before them."
    )
    body_timeout_seconds: float = setting(10.0, "Time for a request's body to arrive.")
    header_limit_bytes: int = setting(16 * 1024, "Largest size of a request's headers.")
    body_limit_bytes: int = setting(64 * 1024, "Largest size of a request's body.")
    batch_body_limit_bytes: int = setting(
        1024 * 1024, "Largest size of the body of POST /server/users/batch, if that is more than body_limit_bytes."
    )
    log_level: str = setting("info", "Least severe level to log: debug, info, warning or error.")

    data_dir: Path = setting(
        Path("data"), "Folder of the embedded store and of the signing key that the server generates.", group="store"
    )
    mongodb_url: str = setting(
        "", "MongoDB connection URL; without one, data is kept in the embedded store.", secret=True
    )
    mongodb_database: str = setting("rollcall", "Name of the database in MongoDB.")
    store_deadline_seconds: float = setting(1.5, "Time limit of a store operation.")
    store_breaker_failures: int = setting(3, "Failures in a row after which the store counts as down.")
    store_breaker_retry_seconds: float = setting(0.5, "Time between attempts to reach a store that is down.")
    retry_after_seconds: int = setting(1, "Retry-After header of a 503 response.")
    save_interval_seconds: float = setting(
        1.0, "How often last_seen and heartbeats are saved in bulk; half as often while a crowd connects."
    )
    notice_interval_seconds: float = setting(0.5, "How often the server looks for changes made on the command line.")
    write_attempts: int = setting(50, "Attempts to change a user whom other writers change too; then 503.")
    lease_renew_seconds: float = setting(2.0, "How often a server on MongoDB renews its lease on the database.")
    lease_seconds: float = setting(6.0, "After this long without a renewal, another server may take the database.")

    node_name: str = setting(
        "",
        "Name of this server for people, as in its log; by default its host name, port and process id.",
        group="cluster",
    )
    reuse_port: bool = setting(False, "Whether several servers on this machine listen on one port (SO_REUSEPORT).")
    probe_port: int = setting(
        0, "Port for health and metrics of this server alone; 0 is none or, with reuse_port, a free one."
    )
    redis_url: str = setting(
        "", "Redis connection URL, with which several servers share one MongoDB database.", secret=True
    )
    redis_prefix: str = setting("rollcall", "Prefix of the keys in Redis.")
    redis_ca_file: str = setting("", "Certificates (PEM) to trust for rediss://, instead of the system's.")
    redis_deadline_seconds: float = setting(1.5, "Silence after which the connection to Redis counts as lost.")
    redis_rest_seconds: float = setting(0.005, "Pause between two reads of the log in Redis, on average.")
    redis_log_length: int = setting(100_000, "Entries that Redis keeps of the log, approximately.")
    cut_off_seconds: float = setting(10.0, "After so long without Redis, a server drains if the others still have it.")

    jwt_secret: str = setting(
        "",
        "Signing key for tokens, at least 32 bytes; required with MongoDB, otherwise generated.",
        group="tokens",
        secret=True,
    )
    token_issuer: str = setting("rollcall", "Issuer (iss) of the tokens.")
    token_audience: str = setting("rollcall", "Audience (aud) of the tokens.")
    access_token_seconds: int = setting(900, "Lifetime of an access token.")
    refresh_token_seconds: int = setting(30 * 86400, "Lifetime of a refresh token.")
    refresh_leeway_seconds: float = setting(
        60.0, "How long after its use a refresh token gets the same successor again."
    )
    token_grace_seconds: float = setting(30.0, "How long a socket outlives its token.")
    token_warning_seconds: float = setting(
        60.0, "How long before the expiry of its token a socket is sent token_expiring."
    )
    ticket_seconds: float = setting(30.0, "Lifetime of a single-use ticket.")
    tickets_per_user: int = setting(20, "Unused tickets a user may have; one more replaces the oldest.")

    foreign_token_keys: str = setting(
        "", "Keys of another issuer whose tokens are accepted: a JWKS file, or an https URL.", group="foreign tokens"
    )
    foreign_token_issuer: str = setting("", "Issuer (iss) of these tokens.")
    foreign_token_audience: str = setting("", "Audience (aud) that these tokens must have.")
    provision_users: bool = setting(False, "Whether a user is created when a token with a new sub is first seen.")
    foreign_token_name_claim: str = setting("name", "Claim with the user's name, or its path, such as profile.name.")
    foreign_token_picture_claim: str = setting("picture", "Claim with the URL of the user's picture, or its path.")
    foreign_token_leeway_seconds: float = setting(
        60.0, "How far the issuer's clock may be off, when nbf is checked and when a user's tokens are revoked."
    )
    foreign_token_ca_file: str = setting("", "Certificates (PEM) to trust for the URL, instead of the system's.")
    foreign_token_refresh_seconds: float = setting(600.0, "How often the keys are read again.")
    foreign_token_reread_seconds: float = setting(
        60.0, "Shortest time between two reads of the keys because a token has an unknown kid."
    )
    foreign_token_retry_seconds: float = setting(5.0, "Time between attempts to read keys that could not be read.")
    foreign_token_timeout_seconds: float = setting(5.0, "Time limit of one attempt to read the keys from a URL.")

    registration_open: bool = setting(True, "Whether POST /auth/register is open.", group="accounts")
    password_login_open: bool = setting(
        True, "Whether users may have passwords; if not, POST /auth/login and /auth/register are closed."
    )
    password_length_minimum: int = setting(12, "Shortest password, in characters.")
    argon2_memory_kib: int = setting(19 * 1024, "Memory for one argon2id hash; OWASP recommends 19 MiB.")
    argon2_passes: int = setting(2, "Passes of one argon2id hash.")
    argon2_lanes: int = setting(1, "Parallel lanes of one argon2id hash.")
    password_workers: int = setting(2, "Passwords hashed at the same time.")
    password_waiting_limit: int = setting(20, "Passwords that may wait to be hashed; further requests get 503.")
    sign_in_window_seconds: float = setting(900.0, "The sign-in window: period over which failures are counted.")
    sign_in_failures_per_account: int = setting(
        5, "Failed sign-ins to an account from one address and in one window; further ones get 429."
    )
    sign_in_failures_per_address: int = setting(20, "Failed sign-ins per address and window; further ones get 429.")
    sign_in_failures_until_slow: int = setting(
        50, "Failed sign-ins to an account from anywhere in one window; further ones are slowed down."
    )
    sign_in_slow_seconds: float = setting(0.5, "How much longer a slowed-down sign-in takes.")
    registration_burst: int = setting(50, "Registrations an address may send in a burst; further ones get 429.")
    registrations_per_second: float = setting(1.0, "Registrations per second that an address may send after a burst.")
    sign_in_burst: int = setting(100, "Sign-ins an address may send in a burst, right or wrong; further ones get 429.")
    sign_ins_per_second: float = setting(5.0, "Sign-ins per second that an address may send after a burst.")

    request_burst: int = setting(
        60, "Requests with a token that a user may send in a burst; further ones get 429.", group="requests"
    )
    requests_per_second: float = setting(20.0, "Requests per second that a user may send after a burst.")
    requests_at_once: int = setting(8, "Requests of a user handled at the same time; the others wait for their turn.")
    history_reads_at_once: int = setting(
        2, "Pages of the call history that a user's requests read at the same time; the others wait."
    )
    key_request_burst: int = setting(1000, "Requests that a service key may send in a burst; further ones get 429.")
    key_requests_per_second: float = setting(200.0, "Requests per second that a service key may send after a burst.")
    key_requests_at_once: int = setting(
        32, "Requests of a service key handled at the same time; the others wait for their turn."
    )
    key_use_interval_seconds: float = setting(60.0, "How often the last use of a service key is noted.")
    limited_keys: int = setting(
        50_000,
        "Most users or addresses a limit keeps track of; beyond that, the least recent is forgotten.",
    )

    message_limit_bytes: int = setting(
        4096, "Largest message a client may send, in bytes; a larger one closes the socket with 1009.", group="sockets"
    )
    outbox_limit_bytes: int = setting(256 * 1024, "Most data queued for one socket.")
    slow_limit_seconds: float = setting(10.0, "A socket that takes no data for this long is closed with 4002.")
    ping_interval_seconds: float = setting(25.0, "How often a socket is pinged.")
    pong_timeout_seconds: float = setting(10.0, "A socket that is silent this long after a ping is closed with 4000.")
    heartbeat_interval_seconds: int = setting(30, "Heartbeat interval that clients are told to use.")
    sockets_per_user: int = setting(10, "Sockets that one user may have; one more is closed with 4503.")
    sockets_per_address: int = setting(
        200, "Sockets that one address may have; loopback and trusted proxies are exempt."
    )
    sockets_per_key: int = setting(
        50, "Sockets that one service key may have on one server; one more is closed with 1013."
    )
    sockets_limit: int = setting(
        10_000, "Most sockets in total, and never more than 0.8 of the open-file limit; one more is closed with 1013."
    )
    connect_burst: int = setting(30, "Sockets a user or a service key may open in a burst; further ones get 429.")
    connects_per_second: float = setting(2.0, "Sockets per second that a user or a service key may open after a burst.")
    refusals_per_address: int = setting(
        200, "Socket requests with bad credentials that an address may send in a burst; further ones get 429."
    )
    refusals_per_second: float = setting(
        20.0, "Socket requests with bad credentials per second that an address may send after a burst."
    )
    command_burst: int = setting(20, "Commands a user may send in a burst.")
    commands_per_second: float = setting(2.0, "Commands per second that a user may send after a burst.")
    rate_strikes: int = setting(100, "Commands over the rate, within the strike window, that close a socket with 4003.")
    invalid_strikes: int = setting(20, "Invalid commands, within the strike window, that close a socket with 4504.")
    strike_window_seconds: float = setting(5.0, "The strike window: period over which refused commands are counted.")
    error_interval_seconds: float = setting(1.0, "Shortest time between two error messages on a socket.")
    watched_users_limit: int = setting(500, "Most user_ids in one subscription.")
    snapshot_page_users: int = setting(200, "Users in one snapshot message.")
    stats_interval_seconds: float = setting(1.0, "Shortest time between two feed_stats.")
    flush_interval_seconds: float = setting(
        0.005, "How long changes that follow a first one are collected before they are sent together."
    )
    flush_gather_seconds: float = setting(
        0.25, "Longest time that such changes are collected while the server has a lot of other work."
    )
    flush_slice_seconds: float = setting(
        0.004, "Time that the event loop sends before it handles other work, or twice that to send the rest."
    )

    grace_seconds: float = setting(15.0, "How long a user stays online after losing the connection.", group="presence")
    clean_close_seconds: float = setting(1.0, "How long a user stays online after closing the socket with 1000.")
    heartbeat_life_seconds: float = setting(90.0, "How long a heartbeat over HTTP keeps its user online.")
    hold_seconds: float = setting(45.0, "How long after a restart the users who were online are kept online.")
    announcements_per_second: int = setting(
        4, "Most changes announced per user per second; the latest one is always announced."
    )
    false_offline_seconds: float = setting(
        60.0, "If a user is back this soon after going offline, the metrics count a false offline."
    )
    stall_seconds: float = setting(1.0, "When the process pauses for longer than this, every deadline is postponed.")
    call_lease_seconds: float = setting(90.0, "A call is dropped when a participant has been gone for this long.")

    page_limit: int = setting(100, "Largest per_page of a list.", group="lists")
    page_default: int = setting(20, "The per_page of a request that doesn't specify one.")
    batch_users_limit: int = setting(1000, "Most users in one POST /server/users/batch.")
    presence_batch_limit: int = setting(100, "Most user_ids in one GET /users/presence.")

    operator_idle_seconds: int = setting(1800, "An operator who is idle this long is signed out.", group="dashboard")
    operator_session_seconds: int = setting(12 * 3600, "Longest time an operator is signed in.")
    operator_sockets_limit: int = setting(1000, "Operators' sockets in total; one more is closed with 1013.")
    sockets_per_operator: int = setting(100, "Sockets that one operator may have; one more is closed with 1013.")
    screens_limit: int = setting(100, "Screens that admins may make; each has a link for one display on a wall.")
    screen_link_seconds: int = setting(86400, "How long the link for a screen can be opened.")
    refused_action_burst: int = setting(
        20, "Refused actions that are recorded for an operator in a burst; further actions get 429."
    )
    refused_actions_per_second: float = setting(
        1.0, "Refused actions per second that are recorded for an operator after a burst."
    )
    overview_interval_seconds: float = setting(0.25, "Shortest time between dashboard updates.")
    overview_idle_seconds: float = setting(1.0, "Longest time between two messages to a dashboard.")
    inspect_interval_seconds: float = setting(2.0, "How often the store is compared with the server's memory.")
    long_call_seconds: float = setting(7200.0, "A call longer than this needs attention.")
    silent_socket_seconds: float = setting(30.0, "A socket silent this long needs attention.")
    offline_in_call_seconds: float = setting(0.0, "A participant who is offline this long in a call needs attention.")
    two_calls_seconds: float = setting(0.0, "A user who is in two calls this long needs attention.")
    busy_without_cause_seconds: float = setting(0.0, "A user who is busy without a cause this long needs attention.")
    busy_until_past_seconds: float = setting(0.0, "A user whose busy_until has been past this long needs attention.")
    flapping_changes: int = setting(
        4, "A user whose state changes this often within the flapping window needs attention."
    )
    flapping_seconds: float = setting(60.0, "The flapping window: period over which changes of state are counted.")
    action_targets_limit: int = setting(500, "Most users that one action may apply to.")
    page_rows: int = setting(50, "Rows on a page of the dashboard.")
    shift_hours: int = setting(8, "Hours of a shift, for the time range that the dashboard calls the last shift.")
    events_shown: int = setting(50, "Latest events on the live page.")
    events_days: int = setting(30, "Days for which events are kept.")
    events_limit: int = setting(1_000_000, "Most events that are kept; the oldest are deleted first.")
    samples_hours: int = setting(192, "Hours for which samples of the figures are kept, fewer the older they are.")
    sample_interval_seconds: float = setting(5.0, "How often the figures are sampled.")

    webhook_url: str = setting(
        "", "URL (http or https) to which changes are sent; without one, none are sent.", group="webhooks", secret=True
    )
    webhook_secret: str = setting(
        "", "Key that signs webhooks: whsec_ and 24 to 64 random bytes in Base64; required with a URL.", secret=True
    )
    webhook_ca_file: str = setting("", "Certificates (PEM) to trust for webhooks, instead of the system's.")
    webhook_batch_events: int = setting(100, "Most events in one webhook.")
    webhook_interval_seconds: float = setting(0.25, "How often new events are made into webhooks.")
    webhook_deadline_seconds: float = setting(10.0, "Time in which the receiver of a webhook must answer.")
    webhook_response_bytes: int = setting(64 * 1024, "Most data that is read of an answer to a webhook.")
    webhook_retry_first_seconds: float = setting(1.0, "Longest delay before the first retry; it doubles each time.")
    webhook_retry_longest_seconds: float = setting(60.0, "Longest delay between two retries.")
    webhook_retry_span_seconds: float = setting(86400.0, "How long a webhook is retried before it is set aside.")
    webhook_backlog_events: int = setting(
        100_000, "Most events that wait for the receiver; beyond it, only the latest states are kept."
    )
    webhook_unsaved_events: int = setting(
        10_000, "Most events in memory while the store cannot be reached; beyond it, only the latest states are kept."
    )
    webhook_set_aside_batches: int = setting(
        10_000, "Webhooks that are set aside and can be sent again; the oldest are deleted first."
    )

    drain_seconds: float = setting(5.0, "Time for closing sockets during a shutdown.", group="shutdown")
    exit_seconds: float = setting(10.0, "Longest time that a shutdown may take.")
    reconnect_spread_seconds: float = setting(
        5.0, "Period over which the reconnects of clients are spread after a shutdown."
    )

    def __post_init__(self) -> None:
        problems = _problems(self)
        if problems:
            raise SettingsError(problems)


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return "MONGODB_URL" if name == "mongodb_url" else f"{PREFIX}{name.upper()}"


def file_variable(name: str) -> str:
    """The environment variable that names the file of a secret."""
    return f"{variable(name)}_FILE"


def flag(name: str) -> str:
    """The command-line flag of a setting that is no secret."""
    return f"--{name.replace('_', '-')}"


def variables() -> list[str]:
    """Every environment variable that the server reads."""
    secrets = [each.name for each in dataclasses.fields(Settings) if each.metadata["secret"]]
    return [*(variable(each.name) for each in dataclasses.fields(Settings)), *map(file_variable, secrets)]


def groups() -> dict[str, list[dataclasses.Field[Any]]]:
    """The settings by group, in the order in which they are declared."""
    found: dict[str, list[dataclasses.Field[Any]]] = {}
    for each in dataclasses.fields(Settings):
        if each.metadata["group"]:
            found[each.metadata["group"]] = []
        found[list(found)[-1]].append(each)
    return found


def masked(settings: Settings) -> dict[str, str]:
    """Every setting as text for people, with dots in place of secrets, and of the query of a URL."""
    return {
        each.name: "••••"
        if each.metadata["secret"] and getattr(settings, each.name)
        else _QUERY.sub(r"\1?••••", str(getattr(settings, each.name)))
        for each in dataclasses.fields(settings)
    }


_QUERY = re.compile(r"^(\w+://[^?]*)\?.*", re.DOTALL)
"""A URL with a query, which may be an API key."""

_LABEL = r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?"
_NAME = re.compile(rf"(?:\*\.)?{_LABEL}(?:\.{_LABEL})*", re.IGNORECASE | re.ASCII)
_APP_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[a-z0-9._~-]+(?::\d+)?", re.IGNORECASE | re.ASCII)
"""The origin of an app's own pages, such as capacitor://localhost or chrome-extension://id."""


def _is_host(text: str) -> bool:
    """Whether some Host header can match: a name, an address or *.name, with or without a port."""
    name, colon, port = text.rpartition(":") if re.fullmatch(r"[^:]*:[^:]*|\[.*\]:.*", text) else (text, "", "")
    if colon and not (port.isascii() and port.isdigit() and len(port) <= 5 and int(port) <= 65535):
        return False
    if ":" not in name and not name.rpartition(".")[2].isdigit():
        return _NAME.fullmatch(name) is not None
    try:
        ipaddress.ip_address(name[1:-1] if name.startswith("[") and name.endswith("]") else name)
    except ValueError:
        return False
    return True


def _is_origin(text: str) -> bool:
    """Whether some Origin header can match."""
    scheme, _, host = text.partition("://")
    if scheme.lower() in ("http", "https", "ws", "wss"):
        return _is_host(host) and (host.count(":") < 2 or host.startswith("["))
    port = host.rpartition(":")[2] if ":" in host else "0"
    return scheme.lower() != "file" and _APP_ORIGIN.fullmatch(text) is not None and int(port) <= 65535


def _suggested_host(text: str) -> str:
    """What was probably meant: the host alone, as it stands in headers."""
    host = text.strip().rpartition("://")[2].partition("/")[0].rpartition("@")[2].rstrip(".")
    with contextlib.suppress(UnicodeError):
        host = host.encode("idna").decode("ascii") if not host.isascii() else host
    return host if _is_host(host) and host != "null" else "example.org"


def _suggested_origin(text: str) -> str:
    """What was probably meant, with https if the scheme itself cannot be allowed."""
    scheme, host = text.partition("://")[0] if "://" in text else "https", _suggested_host(text)
    return next(filter(_is_origin, (f"{scheme}://{host}", f"https://{host}", f"https://[{host}]")))


_ZERO_ALLOWED = {
    "port", "clean_close_seconds", "flush_interval_seconds", "token_grace_seconds", "hold_seconds", "grace_seconds",
    "reconnect_spread_seconds", "password_waiting_limit", "refresh_leeway_seconds", "redis_rest_seconds",
    "probe_port", "foreign_token_leeway_seconds", "offline_in_call_seconds", "two_calls_seconds",
    "busy_without_cause_seconds", "busy_until_past_seconds",
}  # fmt: skip

_MOST = {
    "port": 65535, "probe_port": 65535, "events_days": 36_500, "samples_hours": 24 * 36_500, "shift_hours": 24,
    "webhook_batch_events": 1000, "webhook_unsaved_events": 100_000, "webhook_backlog_events": 1_000_000,
}  # fmt: skip
_MOST_OF_ALL = 2**31 - 1
"""More of anything is a mistake, and more than libraries and operating systems take."""

_DATABASE_NAME = re.compile(r'[^/\\. "$*<>:|?\x00]+')
"""What MongoDB allows on every platform."""

_DATABASE_NAME_BYTES = 63
"""The longest name in UTF-8 that MongoDB allows."""


def _problems(s: Settings) -> list[str]:
    """Every rule that the settings break, each with what to set."""
    return [
        *_numbers(s), *_texts(s), *_ports(s), *_secrets(s), *_foreign(s), *_webhooks(s), *_lists(s), *_pairs(s),
    ]  # fmt: skip


def _numbers(s: Settings) -> Iterator[str]:
    for each in dataclasses.fields(s):
        if isinstance(each.default, int | float) and not isinstance(each.default, bool):
            value, zero, most = getattr(s, each.name), each.name in _ZERO_ALLOWED, _MOST.get(each.name, _MOST_OF_ALL)
            if not (0 < value < math.inf or (zero and value == 0)):
                yield f"set {variable(each.name)} to {'0 or more' if zero else 'more than 0'}, not {value}"
            elif value > most:
                yield f"set {variable(each.name)} to at most {most}, not {value}"
    if s.outbox_limit_bytes < 65536:
        yield f"set ROLLCALL_OUTBOX_LIMIT_BYTES to at least 65536, not {s.outbox_limit_bytes}"
    if s.argon2_memory_kib < 8 * s.argon2_lanes:
        yield "set ROLLCALL_ARGON2_MEMORY_KIB to at least 8 for each of ROLLCALL_ARGON2_LANES"


def _texts(s: Settings) -> Iterator[str]:
    if not s.host.strip():
        yield "set ROLLCALL_HOST to an address, such as 127.0.0.1, or 0.0.0.0 for every IPv4 interface; it is empty"
    if s.host.startswith("["):
        yield f"set ROLLCALL_HOST to an IPv6 address without brackets, not {s.host!r}"
    if s.log_level not in ("debug", "info", "warning", "error"):
        yield f"set ROLLCALL_LOG_LEVEL to debug, info, warning or error, not {s.log_level!r}"
    name = s.mongodb_database
    if not _DATABASE_NAME.fullmatch(name) or len(name.encode(errors="surrogatepass")) > _DATABASE_NAME_BYTES:
        yield f"set ROLLCALL_MONGODB_DATABASE to 1 to 63 letters, digits, - or _, not {s.mongodb_database!r}"
    if not re.fullmatch(r"[A-Za-z0-9_.:/@-]{0,64}", s.node_name):
        yield f"set ROLLCALL_NODE_NAME to at most 64 letters, digits, _, ., :, /, @ or -, not {s.node_name!r}"
    if not re.fullmatch(r"[A-Za-z0-9_.:-]{1,64}", s.redis_prefix):
        yield f"set ROLLCALL_REDIS_PREFIX to 1 to 64 letters, digits, _, ., : or -, not {s.redis_prefix!r}"
    if bool(s.tls_certificate) != bool(s.tls_key):
        yield "set both ROLLCALL_TLS_CERTIFICATE and ROLLCALL_TLS_KEY, or neither"


def _ports(s: Settings) -> Iterator[str]:
    if s.reuse_port and not s.mongodb_url:
        yield (
            "unset ROLLCALL_REUSE_PORT, or set MONGODB_URL and ROLLCALL_REDIS_URL: only one process can use the "
            "embedded store"
        )
    elif s.reuse_port and not s.redis_url:
        yield "set ROLLCALL_REDIS_URL together with ROLLCALL_REUSE_PORT: several servers share data only with Redis"
    if s.reuse_port and s.port == 0:
        yield "set ROLLCALL_PORT together with ROLLCALL_REUSE_PORT: with 0, each server would listen on another port"
    if s.probe_port and s.probe_port == s.port:
        yield f"set ROLLCALL_PROBE_PORT to another port than ROLLCALL_PORT ({s.port})"


def _secrets(s: Settings) -> Iterator[str]:
    if s.jwt_secret and len(s.jwt_secret.encode()) < SECRET_BYTES_MINIMUM:
        yield (
            f"set ROLLCALL_JWT_SECRET to at least {SECRET_BYTES_MINIMUM} bytes, such as the output of "
            "`openssl rand -hex 32`"
        )
    if s.redis_url and not s.mongodb_url:
        yield "set MONGODB_URL together with ROLLCALL_REDIS_URL: servers that share Redis share a MongoDB database too"
    if s.mongodb_url and not s.jwt_secret:
        yield (
            "set ROLLCALL_JWT_SECRET or ROLLCALL_JWT_SECRET_FILE together with MONGODB_URL: every server on that "
            "database must use the same one"
        )


def _foreign(s: Settings) -> Iterator[str]:
    given = [s.foreign_token_keys, s.foreign_token_issuer, s.foreign_token_audience]
    if any(given) and not all(given):
        yield (
            "set all of ROLLCALL_FOREIGN_TOKEN_KEYS, ROLLCALL_FOREIGN_TOKEN_ISSUER and "
            "ROLLCALL_FOREIGN_TOKEN_AUDIENCE, or none"
        )
    if s.foreign_token_issuer and s.foreign_token_issuer == s.token_issuer:
        yield (
            "set ROLLCALL_FOREIGN_TOKEN_ISSUER to another issuer than ROLLCALL_TOKEN_ISSUER "
            f"({s.token_issuer!r}): the issuer of a token tells which keys verify it"
        )
    if s.provision_users and not s.foreign_token_keys:
        yield "set ROLLCALL_FOREIGN_TOKEN_KEYS together with ROLLCALL_PROVISION_USERS"
    if not (s.foreign_token_name_claim and s.foreign_token_picture_claim):
        yield (
            "set ROLLCALL_FOREIGN_TOKEN_NAME_CLAIM and ROLLCALL_FOREIGN_TOKEN_PICTURE_CLAIM to names of claims, "
            "or unset them"
        )
    if is_url(s.foreign_token_keys) and not _is_safe_url(s.foreign_token_keys):
        yield (
            "set ROLLCALL_FOREIGN_TOKEN_KEYS to a file, or to an https URL without user name, password and fragment "
            "(http is allowed for this machine only)"
        )


def is_url(text: str) -> bool:
    """Whether a text names something on the network rather than a file."""
    return "://" in text


def _is_safe_url(text: str) -> bool:
    """Whether nobody on the way can change what a URL returns, and no log can contain a password from it."""
    try:
        url = urlsplit(text)
        host, port = url.hostname, url.port
    except ValueError:
        return False
    if not host or port == 0 or "@" in url.netloc or "#" in text or not re.fullmatch(r"[!-~]+", text):
        return False
    return url.scheme == "https" or (url.scheme == "http" and _is_loopback(host))


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _webhooks(s: Settings) -> Iterator[str]:
    """Neither the URL nor the secret is quoted: both are secret."""
    if s.webhook_url and not _is_webhook_url(s.webhook_url):
        yield "set ROLLCALL_WEBHOOK_URL to a URL such as https://example.org/rollcall, without spaces and fragment"
    sizes = [len(key) for key in webhook_keys(s.webhook_secret)]
    if s.webhook_secret and not all(WEBHOOK_SECRET_LEAST <= size <= WEBHOOK_SECRET_MOST for size in sizes or [0]):
        yield (
            f"set ROLLCALL_WEBHOOK_SECRET to whsec_ and {WEBHOOK_SECRET_LEAST} to {WEBHOOK_SECRET_MOST} random bytes "
            'in Base64, such as the output of `echo "whsec_$(openssl rand -base64 32)"`'
        )
    if s.webhook_url and not s.webhook_secret:
        yield (
            "set ROLLCALL_WEBHOOK_SECRET or ROLLCALL_WEBHOOK_SECRET_FILE together with ROLLCALL_WEBHOOK_URL: the "
            "receiver must be able to tell who sent a webhook"
        )
    for name in ("webhook_unsaved_events", "webhook_backlog_events"):
        if getattr(s, name) < s.webhook_batch_events:
            yield (
                f"set {variable(name)} ({getattr(s, name)}) to at least {variable('webhook_batch_events')} "
                f"({s.webhook_batch_events})"
            )


def webhook_keys(secrets: str) -> list[bytes]:
    """The keys in some secrets of Standard Webhooks, with spaces between them. One that is wrong has no bytes."""
    return [_webhook_key(each) for each in secrets.split()]


def _webhook_key(secret: str) -> bytes:
    if not secret.startswith(WEBHOOK_SECRET_PREFIX):
        return b""
    text = secret.removeprefix(WEBHOOK_SECRET_PREFIX)
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)  # many leave the padding out
    except ValueError:
        return b""


def _is_webhook_url(text: str) -> bool:
    """Whether a webhook can be sent to the URL. It may have a user and a password, a path and a query."""
    try:
        parts = urlsplit(text)
        port, host = parts.port, parts.hostname or ""
    except ValueError:
        return False
    is_plain = text.isascii() and text.isprintable() and " " not in text and "#" not in text
    return (
        is_plain and parts.scheme in ("http", "https") and _is_host(f"[{host}]" if ":" in host else host) and port != 0
    )


def _lists(s: Settings) -> Iterator[str]:
    for proxy in s.trusted_proxies:
        try:
            ipaddress.ip_network(proxy, strict=False)
        except ValueError:
            yield f"set ROLLCALL_TRUSTED_PROXIES to addresses or networks, such as 10.0.0.0/8, not {proxy!r}"
    for host in s.allowed_hosts:
        if not _is_host(host):
            yield f"set ROLLCALL_ALLOWED_HOSTS to a name alone, such as {_suggested_host(host)}, not {host!r}"
    for origin in s.allowed_origins:
        if not _is_origin(origin):
            suggested = _suggested_origin(origin)
            yield f"set ROLLCALL_ALLOWED_ORIGINS to scheme://host[:port], such as {suggested}, not {origin!r}"


def _pairs(s: Settings) -> Iterator[str]:
    """Settings that must stay below another one, and why."""
    below = [
        ("pong_timeout_seconds", "ping_interval_seconds", "the pong must come before the next ping"),
        ("heartbeat_interval_seconds", "heartbeat_life_seconds", "a heartbeat must last until the next one"),
        ("token_warning_seconds", "access_token_seconds", "the warning comes during the token's lifetime"),
        ("access_token_seconds", "refresh_token_seconds", "a refresh token must outlive the token that it renews"),
        ("drain_seconds", "exit_seconds", "draining is part of the shutdown"),
        ("operator_idle_seconds", "operator_session_seconds", "idle time is part of a sign-in"),
        ("ping_interval_seconds", "silent_socket_seconds", "a healthy socket is silent between two pings"),
        ("store_deadline_seconds", "inspect_interval_seconds", "two comparisons must not see the same running write"),
    ]
    at_most = [
        ("grace_seconds", "hold_seconds", "clients need longer to return after a restart than after a lost connection"),
        (
            "clean_close_seconds",
            "grace_seconds",
            "a clean close must not last longer than a lost connection",
        ),
        ("grace_seconds", "call_lease_seconds", "losing a socket within the grace period does not end a call"),
        ("page_default", "page_limit", "the default must be allowed"),
        ("overview_interval_seconds", "overview_idle_seconds", "a sign of life is due only when no change was sent"),
        ("webhook_retry_first_seconds", "webhook_retry_longest_seconds", "delays only grow"),
        ("webhook_retry_longest_seconds", "webhook_retry_span_seconds", "a webhook is retried before it is set aside"),
    ]
    for low, high, why in below:
        if getattr(s, low) >= getattr(s, high):
            yield f"set {variable(low)} ({getattr(s, low)}) below {variable(high)} ({getattr(s, high)}): {why}"
    for low, high, why in at_most:
        if getattr(s, low) > getattr(s, high):
            yield f"set {variable(low)} ({getattr(s, low)}) to at most {variable(high)} ({getattr(s, high)}): {why}"
    if s.lease_seconds <= 2 * s.lease_renew_seconds:
        yield (
            f"set {variable('lease_seconds')} ({s.lease_seconds}) to more than twice "
            f"{variable('lease_renew_seconds')} ({s.lease_renew_seconds}): one renewal may fail"
        )
    closed_after = s.ping_interval_seconds + s.pong_timeout_seconds
    if s.silent_socket_seconds >= closed_after:
        yield (
            f"set {variable('silent_socket_seconds')} ({s.silent_socket_seconds}) below {closed_after}, the sum of "
            f"{variable('ping_interval_seconds')} and {variable('pong_timeout_seconds')}: then the socket is closed"
        )
