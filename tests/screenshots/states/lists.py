"""Lists: users."""

from __future__ import annotations

from tests.screenshots.state import plain

plain("lists_users", "/admin/users")
