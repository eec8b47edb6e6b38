"""Checks: whether a Redis can hold the shared log, and if not, what to do about it."""

from __future__ import annotations

import ssl

from redis.exceptions import AuthenticationError, BusyLoadingError, NoPermissionError, RedisError, ResponseError

from models.errors import StoreUnavailable, UnusableStore
from models.redis.address import RedisAddress

OLDEST_MAJOR_VERSION = 7
"""Earlier versions do not complete the n of an id `<generation>-*`."""


def read_info(reply: bytes) -> dict[str, str]:
    """The fields of INFO."""
    fields: dict[str, str] = {}
    for line in reply.decode(errors="replace").splitlines():
        name, colon, value = line.partition(":")
        if colon:
            fields[name] = value
    return fields


def check_info(info: dict[str, str], address: RedisAddress) -> None:
    """Raise UnusableStore if the server cannot hold the log."""
    if trouble := _trouble(info):
        raise UnusableStore(f"Redis at {address} {trouble}")


def _trouble(info: dict[str, str]) -> str:
    version = info.get("redis_version", "of an unknown version")
    policy = info.get("maxmemory_policy")
    if not version.partition(".")[0].isdigit() or int(version.partition(".")[0]) < OLDEST_MAJOR_VERSION:
        return f"is too old ({version}); Rollcall needs 7.0 or newer"
    if info.get("redis_mode") == "cluster" or info.get("cluster_enabled") == "1":
        return "is part of a Redis Cluster, which is not supported; use a single server, with a replica if you like"
    if info.get("role") == "slave":
        return "is a replica, which only reads; set ROLLCALL_REDIS_URL to the primary"
    if policy is None:
        return "does not show its maxmemory_policy in INFO; Rollcall needs to know that no key is evicted"
    if policy != "noeviction":
        return f"may evict keys ({policy}); set maxmemory-policy to noeviction"
    if not info.get("master_replid"):
        return "does not show its master_replid in INFO; without it a failover would go unnoticed"
    return ""


def connect_error(error: Exception, address: RedisAddress) -> StoreUnavailable | UnusableStore:
    """What to tell people when connecting failed. The driver's own texts may contain a user's name."""
    if isinstance(error.__cause__, RedisError):
        error = error.__cause__  # what went wrong in the handshake over a Unix socket
    match error:
        case AuthenticationError():
            return UnusableStore(f"Redis at {address} {_authentication_trouble(error)} (ROLLCALL_REDIS_URL)")
        case BusyLoadingError():
            return StoreUnavailable(f"Redis at {address} is still loading its data")
        case NoPermissionError():
            return UnusableStore(
                f"Redis at {address} does not allow the user to run INFO and scripts (ROLLCALL_REDIS_URL); "
                "see its ACL rules"
            )
        case ResponseError() if address.database:
            return UnusableStore(f"Redis at {address} has no database {address.database} (ROLLCALL_REDIS_URL)")
        case ResponseError():
            return UnusableStore(f"Redis at {address} refuses the connection: {code_of(error)}")
    if isinstance(error.__context__, ssl.SSLError):
        return UnusableStore(f"no TLS with Redis at {address}: {_tls_trouble(error.__context__)}")
    return StoreUnavailable(f"no Redis answers at {address}; start it, or set ROLLCALL_REDIS_URL")


def code_of(error: RedisError) -> str:
    """The first word of Redis' message, such as `OOM`."""
    return error.status_code or str(error).partition(" ")[0]


def _authentication_trouble(error: AuthenticationError) -> str:
    match error.status_code:
        case "NOAUTH":
            return "asks for a password"
        case "ERR":
            return "has no password, but one was given"
        case _:
            return "does not accept the user or the password"


def _tls_trouble(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not valid ({error.verify_message}); set the CA file"
    return str(error.reason or "the handshake failed").replace("_", " ").lower()
