"""Address: where Redis is and how to connect to it, from a URL."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

import msgspec

from models.errors import UnusableStore
from models.redis.connection import RedisConnection, TcpConnection, TlsConnection, UnixConnection

DEFAULT_PORT = 6379

NOT_A_URL = (
    "ROLLCALL_REDIS_URL is not a Redis URL; write redis://[user:password@]host[:port][/database], rediss://… for TLS, "
    "or unix://[user:password@]/path/of/the/socket, and special characters in the user and password as %XX (@ is %40)"
)


class RedisAddress(msgspec.Struct, frozen=True):
    """One Redis server. Its text has no credentials."""

    host: str = ""
    port: int = DEFAULT_PORT
    path: str = ""
    """The Unix socket, which is used instead of host and port."""
    database: int = 0
    username: str | None = None
    password: str | None = None
    uses_tls: bool = False
    ca_file: Path | None = None
    """The certificates to trust instead of the system's."""

    def __str__(self) -> str:
        if self.path:
            return self.path
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def __repr__(self) -> str:
        return f"RedisAddress({self})"

    def connection(self) -> RedisConnection:
        """A connection that is not open yet.

        The driver neither retries nor has deadlines: a retry could carry out a command twice, and its deadlines cancel
        commands, whose replies the next commands would then get.
        """
        common: dict[str, Any] = {
            "db": self.database,
            "username": self.username,
            "password": self.password,
            "protocol": 2,
            "socket_timeout": None,
            "socket_connect_timeout": None,
            "retry": None,
            "driver_info": None,
            "client_name": "rollcall",
        }
        if self.path:
            return UnixConnection(path=self.path, **common)
        if self.uses_tls:
            ca_file = None if self.ca_file is None else str(self.ca_file)
            return TlsConnection(host=self.host, port=self.port, ssl_ca_certs=ca_file, **common)
        return TcpConnection(host=self.host, port=self.port, **common)


def parse_redis_url(url: str, ca_file: Path | None = None) -> RedisAddress:
    """The address in a URL. Raises UnusableStore, whose message says what to write and contains no credentials."""
    try:
        parts = urlsplit(url)
        # What follows an unescaped special character in a password ends up in another part of the URL.
        if not url.isprintable() or parts.fragment or "@" in parts.path + parts.query:
            raise ValueError
        address = _unix_address(parts) if parts.scheme == "unix" else _network_address(parts)
    except ValueError:
        raise UnusableStore(NOT_A_URL) from None
    if ca_file is None:
        return address
    if not address.uses_tls:
        raise UnusableStore("a CA file is set for Redis, but ROLLCALL_REDIS_URL does not begin with rediss://")
    _check_ca_file(ca_file)
    return msgspec.structs.replace(address, ca_file=ca_file)


def _unix_address(parts: SplitResult) -> RedisAddress:
    database = parts.query.removeprefix("db=") if parts.query else "0"
    if parts.hostname or not parts.path:
        raise ValueError
    return RedisAddress(
        path=unquote(parts.path),
        database=_number(database),
        username=_unquoted(parts.username),
        password=_unquoted(parts.password),
    )


def _network_address(parts: SplitResult) -> RedisAddress:
    if parts.scheme not in ("redis", "rediss") or not parts.hostname or parts.query:
        raise ValueError
    return RedisAddress(
        host=parts.hostname,
        port=DEFAULT_PORT if parts.port is None else parts.port,
        database=_number(parts.path.removeprefix("/") or "0"),
        username=_unquoted(parts.username),
        password=_unquoted(parts.password),
        uses_tls=parts.scheme == "rediss",
    )


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ValueError
    return int(text)


def _unquoted(text: str | None) -> str | None:
    return unquote(text) if text else None


def _check_ca_file(ca_file: Path) -> None:
    try:
        ssl.create_default_context(cafile=str(ca_file))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "it contains no certificate"
        raise UnusableStore(f"cannot read the CA file {ca_file} for Redis: {reason}") from None
