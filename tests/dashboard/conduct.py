"""Conduct: records what pages must never do, whatever a test does with them."""

from __future__ import annotations

import re

from playwright.async_api import BrowserContext, ConsoleMessage, Request, WebError

TELL_OF_POLICY = """
addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI, sourceFile }) => {
  console.error(`refused by the policy: ${violatedDirective} ${blockedURI} ${sourceFile}`);
});
"""

LEFT_EARLY = "WebSocket is closed before the connection is established"
"""What Chromium says when a test leaves a page whose socket is just being opened."""

ALWAYS_ALLOWED = ("data:", "about:", "chrome-error:")
"""URL prefixes that cause no network request."""


class Conduct:
    """Console errors, exceptions, requests to other origins, and violations of the content policy."""

    def __init__(self) -> None:
        self._complaints: list[str] = []
        self._excused: list[re.Pattern[str]] = []

    async def watch(self, context: BrowserContext, origin: str) -> None:
        """Watch every page of the context from now on."""
        await context.add_init_script(TELL_OF_POLICY)
        context.on("console", self._heard)
        context.on("weberror", self._failed)
        context.on("request", lambda request: self._asked(request, origin))

    def excuse(self, pattern: str) -> None:
        """Ignore matching complaints, because the test causes them on purpose."""
        self._excused.append(re.compile(pattern))

    @property
    def complaints(self) -> list[str]:
        """All complaints that are not excused."""
        return [each for each in self._complaints if not any(excuse.search(each) for excuse in self._excused)]

    def _heard(self, line: ConsoleMessage) -> None:
        if line.type in ("error", "warning") and LEFT_EARLY not in line.text:
            self._complaints.append(f"{line.type}: {line.text} {line.location.get('url', '')}")

    def _failed(self, error: WebError) -> None:
        self._complaints.append(f"exception: {error.error}")

    def _asked(self, request: Request, origin: str) -> None:
        if not request.url.startswith((f"{origin}/", *ALWAYS_ALLOWED)):
            self._complaints.append(f"asked elsewhere: {request.url}")
