"""Conduct: what pages must never do, whatever is done with them, noted as it happens."""

from __future__ import annotations

import re

from playwright.async_api import BrowserContext, ConsoleMessage, Request, WebError

TELL_OF_POLICY = """
addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI, sourceFile }) => {
  console.error(`refused by the policy: ${violatedDirective} ${blockedURI} ${sourceFile}`);
});
"""

ALWAYS_ALLOWED = ("data:", "about:", "chrome-error:")
"""Addresses that lead nowhere."""


class Conduct:
    """Errors in the console, exceptions, requests off the origin, and what the policy had to refuse."""

    def __init__(self) -> None:
        self._complaints: list[str] = []
        self._excused: list[re.Pattern[str]] = []

    async def watch(self, context: BrowserContext, origin: str) -> None:
        """From now on, every page of the context."""
        await context.add_init_script(TELL_OF_POLICY)
        context.on("console", self._heard)
        context.on("weberror", self._failed)
        context.on("request", lambda request: self._asked(request, origin))

    def excuse(self, pattern: str) -> None:
        """What a test does on purpose: complaints that match are none."""
        self._excused.append(re.compile(pattern))

    @property
    def complaints(self) -> list[str]:
        """All that was not excused."""
        return [each for each in self._complaints if not any(excuse.search(each) for excuse in self._excused)]

    def _heard(self, line: ConsoleMessage) -> None:
        if line.type in ("error", "warning"):
            self._complaints.append(f"{line.type}: {line.text} {line.location.get('url', '')}")

    def _failed(self, error: WebError) -> None:
        self._complaints.append(f"exception: {error.error}")

    def _asked(self, request: Request, origin: str) -> None:
        if not request.url.startswith((f"{origin}/", *ALWAYS_ALLOWED)):
            self._complaints.append(f"asked elsewhere: {request.url}")
