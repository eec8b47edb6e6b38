"""Foreign keys: reads the keys of another issuer from a file or a URL, at start, in the background and when asked."""

from __future__ import annotations

import asyncio
import contextlib
import math
import ssl
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import structlog
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest

from handlers.logs import short
from models.foreign_tokens import ForeignTokens, open_foreign_tokens
from models.jwt_secret import is_exposed
from models.key_set import ALGORITHMS, KeySet, UnusableKeys, has_private_parts, names_of, read_key_set
from models.stores import Stores
from operation.tasks import end_tasks
from realtime.core import Core
from realtime.presence.provisioning import Provisioning
from realtime.sockets.foreign_identities import ForeignIdentities
from settings import Settings, SettingsError, is_url, variable

JWKS_BYTES_LIMIT = 256 * 1024
"""A key with its certificates has some 5 KB."""

REDIRECTS = range(300, 400)

_log = structlog.stdlib.get_logger("rollcall.keys")


class ForeignKeys:
    """Keeps the keys of one issuer up to date. What was read last stays in use while nothing can be read.

    `load` or `start` comes first, then `keep`.

    `steady` returns seconds that no correction of the clock changes.
    """

    def __init__(self, settings: Settings, tokens: ForeignTokens, *, steady: Callable[[], float]) -> None:
        self._settings = settings
        self._tokens = tokens
        self._steady = steady
        self._source = settings.foreign_token_keys
        self._tls = _trusted(settings.foreign_token_ca_file)
        self._client = AsyncHTTPClient(force_instance=True, max_body_size=JWKS_BYTES_LIMIT)
        self._reading: asyncio.Task[None] | None = None
        self._may_read_at = -math.inf
        """Steady time from which an unknown key may cause a read."""
        self._failure = ""
        """Why the keys could not be read the last time."""
        self._has_failed = asyncio.Event()
        """Set while the keys could not be read the last time. It may have been an unknown key that caused the read."""
        self._left_out: tuple[str, ...] = ()
        tokens.read_keys = self.read_for_unknown

    def load(self) -> None:
        """Read the keys for the first time if they are in a file. Raises SettingsError if it cannot be used."""
        if is_url(self._source):
            return
        try:
            content = _content(self._source)
            if content.startswith(b"-----BEGIN"):
                raise UnusableKeys("it is a PEM file; examples/python/jwks.py makes a JWKS of public keys")
            keys = read_key_set(content, strict=True)
            if not keys.keys:
                raise UnusableKeys(f"it has no key for {', '.join(ALGORITHMS[:-1])} or {ALGORITHMS[-1]}")
        except UnusableKeys as error:
            named = variable("foreign_token_keys")
            raise SettingsError([f"set {named} to a JWKS file; {self._source} cannot be used: {error}"]) from None
        self._use(keys, content)
        if any(each.algorithm == "HS256" for each in keys.keys) and is_exposed(Path(self._source)):
            fix = f"chmod 600 {self._source}"
            _log.warning("other users of this machine can read the secret in the keys of foreign tokens", fix=fix)

    async def start(self) -> None:
        """Read the keys for the first time if they are at a URL. If that fails, it is tried again later."""
        if is_url(self._source):
            await self.read()

    async def keep(self) -> None:
        """Read the keys again and again."""
        while True:
            await self._until_due()
            try:
                await self.read()
            except Exception:
                _log.exception("reading the keys of foreign tokens failed")

    async def _until_due(self) -> None:
        """Wait until the keys are to be read again, which is soon once a read has failed."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._settings.foreign_token_refresh_seconds):
                await self._has_failed.wait()
        if self._has_failed.is_set():
            await asyncio.sleep(self._settings.foreign_token_retry_seconds)

    async def read_for_unknown(self) -> None:
        """Read the keys because of an unknown one, unless that was done a moment ago."""
        if self._reading is None:
            if self._steady() < self._may_read_at:
                return
            self._may_read_at = self._steady() + self._settings.foreign_token_reread_seconds
        await self.read()

    async def read(self) -> None:
        """Read the keys. Everyone who asks meanwhile waits for the same read."""
        if self._reading is None:
            self._reading = asyncio.create_task(self._read())
            self._reading.add_done_callback(self._has_read)
        await asyncio.shield(self._reading)

    async def stop(self) -> None:
        """Read no more."""
        if self._reading is not None:
            await end_tasks([self._reading])
        self._client.close()

    def _has_read(self, _reading: asyncio.Task[None]) -> None:
        self._reading = None

    async def _read(self) -> None:
        try:
            content = await self._fetch() if is_url(self._source) else _content(self._source)
            self._use(read_key_set(content, strict=False), content)
        except UnusableKeys as error:
            self._tokens.is_behind = True
            self._has_failed.set()
            if not self._failure:
                _log.warning("the keys of foreign tokens cannot be read", source=self._named, reason=short(str(error)))
            self._failure = str(error)

    async def _fetch(self) -> bytes:
        """The JWKS at the URL. Redirects are not followed: they could lead to another host. Raises UnusableKeys."""
        seconds = self._settings.foreign_token_timeout_seconds
        request = HTTPRequest(
            self._source,
            headers={"Accept": "application/jwk-set+json, application/json"},
            connect_timeout=seconds,
            request_timeout=seconds,
            follow_redirects=False,
            decompress_response=False,
            ssl_options=self._tls,
        )
        try:
            return (await self._client.fetch(request)).body
        except HTTPClientError as error:
            what = "redirects are not followed" if error.code in REDIRECTS else error.message
            raise UnusableKeys(f"HTTP {error.code}: {what}") from None
        except (OSError, ValueError) as error:
            raise UnusableKeys(f"{type(error).__name__}: {error}") from None

    def _use(self, keys: KeySet, content: bytes) -> None:
        has_changed = keys.fingerprints != self._tokens.keys.fingerprints
        self._tokens.use(keys)
        if has_changed or self._failure:
            _log.info("keys of foreign tokens read", source=self._named, kids=names_of(keys.keys))
        if has_changed and not is_url(self._source) and has_private_parts(content):
            _log.warning("the file with the keys of foreign tokens contains private keys; remove them")
        if keys.left_out and keys.left_out != self._left_out:
            _log.warning("some keys of foreign tokens are not used", source=self._named, reasons=list(keys.left_out))
        self._failure, self._left_out = "", keys.left_out
        self._has_failed.clear()

    @property
    def _named(self) -> str:
        """The source without the query of a URL, which may contain a secret."""
        if not is_url(self._source):
            return self._source
        url = urlsplit(self._source)
        return f"{url.scheme}://{url.netloc}{url.path}"


def open_foreign_keys(settings: Settings) -> tuple[ForeignTokens, ForeignKeys] | None:
    """What verifies tokens of another issuer, and what reads its keys, if the settings name one.

    Raises SettingsError.
    """
    tokens = open_foreign_tokens(settings)
    return None if tokens is None else (tokens, ForeignKeys(settings, tokens, steady=time.monotonic))


def accept_foreign_tokens(settings: Settings, core: Core, stores: Stores) -> ForeignKeys | None:
    """Have the core accept tokens of another issuer, if the settings name one. Raises SettingsError."""
    opened = open_foreign_keys(settings)
    if opened is None:
        return None
    tokens, keys = opened
    keys.load()
    provisioning = Provisioning(
        settings, core.environment, core.membership, stores.users, core.settlement, core.registry
    )
    core.authenticator.foreign = ForeignIdentities(
        settings, core.environment, tokens, provisioning, core.registry, core.hub, stores.logins
    )
    return keys


def _content(path: str) -> bytes:
    """The content of a file. Raises UnusableKeys."""
    try:
        with Path(path).open("rb") as file:
            content = file.read(JWKS_BYTES_LIMIT + 1)
    except (OSError, ValueError) as error:
        raise UnusableKeys(getattr(error, "strerror", None) or "no such path is possible") from None
    if len(content) > JWKS_BYTES_LIMIT:
        raise UnusableKeys(f"it is larger than {JWKS_BYTES_LIMIT} bytes")
    return content


def _trusted(ca_file: str) -> ssl.SSLContext:
    """TLS to the URL, with the system's certificates or those of the file. Raises SettingsError."""
    try:
        return ssl.create_default_context(cafile=ca_file or None)
    except OSError as error:  # ssl.SSLError is one
        named = variable("foreign_token_ca_file")
        why = "it contains no certificates in PEM format" if isinstance(error, ssl.SSLError) else error.strerror
        raise SettingsError([f"set {named} to a file with certificates; {ca_file}: {why}"]) from None
