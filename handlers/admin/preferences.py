"""Preferences: what an operator chooses for all pages in this browser."""

from __future__ import annotations

from urllib.parse import urlsplit

from handlers.admin.base import ZONE_COOKIE, AdminContext, AdminHandler, allows
from handlers.admin.moments import BROWSERS_ZONE, zone_named
from models.direction import in_sentence

KEPT_DAYS = 400
"""The longest that browsers keep a cookie."""

NAME_SHOWN = 64
"""As much of a wrong name is repeated, in characters."""


class TimeZoneHandler(AdminHandler):
    """POST /admin/time-zone"""

    def initialize(self, admin: AdminContext) -> None:
        """The route passes the collaborators."""
        self.set_up_admin(admin)

    @allows("viewer")
    def post(self) -> None:
        """Show times in the browser's zone, in UTC, or in another zone by its IANA name."""
        zone = self.get_body_argument("zone", "browser")
        if zone == "other":
            zone = self.get_body_argument("other", "")
        if zone in ("browser", BROWSERS_ZONE):
            self.clear_cookie(ZONE_COOKIE)
            self.go(self._page_before(), "Times are in the browser's time zone.")
        elif zone_named(zone):
            self.set_cookie(ZONE_COOKIE, zone, expires_days=KEPT_DAYS)
            self.go(self._page_before(), f"Times are in {zone}.")
        else:
            name = in_sentence(zone[:NAME_SHOWN])
            problem = f"There is no time zone “{name}”. Give a name such as Europe/Berlin."
            self.go(self._page_before(), problem, is_refusal=True)

    def _page_before(self) -> str:
        """The page whose form this is."""
        url = urlsplit(self.request.headers.get("Referer", ""))
        return self.own_page(url.path + (f"?{url.query}" if url.query else ""))
