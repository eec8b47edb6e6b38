"""Screen authentication: screens get a link, which becomes a cookie when it is opened, and are identified and revoked.

The secrets of links and cookies are 256 random bits each. The store has only their hashes. A link is shown once and can
be opened once. A cookie is valid until its screen is revoked.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta

from models.errors import Conflict, Invalid, NotFound, Unauthenticated
from models.operator_auth import SECRET_BYTES, TOUCH
from models.screens import Screen, Screens
from models.tags import checked_tag
from models.times import utc_milliseconds
from models.usernames import demand_on
from settings import Settings

LONGEST_NAME = 64
"""Characters."""


class LinkRefused(Unauthenticated):
    """The link cannot be opened. `screen` is the one that it was made for, if that still exists."""

    def __init__(self, message: str, screen: Screen | None = None) -> None:
        super().__init__(message)
        self.screen = screen


class ScreenAuth:
    """Access of screens to the wall. `now` returns aware UTC."""

    def __init__(self, screens: Screens, settings: Settings, *, now: Callable[[], datetime]) -> None:
        self._screens = screens
        self._limit = settings.screens_limit
        self._link_life = timedelta(seconds=settings.screen_link_seconds)
        self._now = now

    async def all(self) -> list[Screen]:
        """All screens, by name."""
        return await self._screens.all()

    async def get(self, screen_id: str) -> Screen:
        """The screen with this id. Raises NotFound."""
        return _existing(await self._screens.get(screen_id))

    async def add(self, name: str, tag: str, made_by: str) -> tuple[Screen, str]:
        """Add a screen. Returns it and the secret of its link, which is kept nowhere. Raises Invalid, Conflict."""
        name = _checked_name(name)
        tag = checked_tag(tag) if tag else ""
        if await self._screens.count() >= self._limit:
            raise Conflict("TOO_MANY_SCREENS", f"There are already {self._limit} screens. Revoke one first.")
        secret, now = secrets.token_urlsafe(SECRET_BYTES), self._now_in_store
        return await self._screens.add(name, tag, made_by, now, _hash(secret), now + self._link_life), secret

    async def renew(self, screen_id: str) -> tuple[Screen, str]:
        """Give a screen a new link. The caller closes its sockets, because its cookie has ended. Raises NotFound."""
        secret = secrets.token_urlsafe(SECRET_BYTES)
        renewed = await self._screens.renew(screen_id, _hash(secret), self._now_in_store + self._link_life)
        return _existing(renewed), secret

    async def revoke(self, screen_id: str) -> Screen:
        """End a screen's access. The caller closes its sockets. Raises NotFound."""
        screen = await self.get(screen_id)
        await self._screens.remove(screen_id)
        return screen

    async def open(self, link: str, address: str, device: str) -> tuple[Screen, str]:
        """Use a link up. Returns its screen and the secret of the screen's cookie. Raises LinkRefused."""
        now, link_hash, cookie = self._now_in_store, _hash(link), secrets.token_urlsafe(SECRET_BYTES)
        screen = await self._screens.open(link_hash, _hash(cookie), now, address, device)
        if screen is not None:
            return screen, cookie
        screen = await self._screens.of_link(link_hash)
        if screen is None:
            raise LinkRefused("This link doesn't exist, or was revoked. Ask an admin for a new one.")
        if screen.opened_at is None:
            raise LinkRefused("This link has expired. Ask an admin for a new one.", screen)
        raise LinkRefused("This link was already opened, and works only once. Ask an admin for a new one.", screen)

    async def identify(self, cookie: str) -> Screen | None:
        """The screen that holds the cookie, or None if it was revoked."""
        screen = await self._screens.of_cookie(_hash(cookie))
        if screen is not None:
            await self._note_life(screen, self._now())
        return screen

    async def keep(self, screen_id: str, at: datetime) -> bool:
        """Record that a screen still has an open socket. False if it was revoked, or has a new link."""
        screen = await self._screens.get(screen_id)
        if screen is None or screen.opened_at is None:
            return False
        await self._note_life(screen, at)
        return True

    @property
    def _now_in_store(self) -> datetime:
        return utc_milliseconds(self._now())

    async def _note_life(self, screen: Screen, at: datetime) -> None:
        """At most once a minute for each screen and server."""
        if screen.seen_at is None or at - screen.seen_at >= TOUCH:
            await self._screens.touch(screen.screen_id, utc_milliseconds(at))


def _existing(screen: Screen | None) -> Screen:
    if screen is None:
        raise NotFound("There is no such screen.")
    return screen


def _checked_name(name: str) -> str:
    name = name.strip()
    if not 1 <= len(name) <= LONGEST_NAME:
        raise Invalid(f"The name of a screen must have 1 to {LONGEST_NAME} characters.")
    demand = demand_on(name)
    if demand:
        raise Invalid(f"The name of a screen must have {demand}.")
    return name


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
