"""DashboardClient: an operator at the dashboard without a browser: cookies, the form's token, and sockets."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from http.cookies import SimpleCookie
from urllib.parse import urlencode

from chaos.raw_socket import RawSocket
from chaos.rest import LOCALHOST, Answer, Api


class DashboardClient:
    """One browser at one address of this machine."""

    def __init__(self, port: int, source: str = LOCALHOST) -> None:
        self._api = Api(port, None, source)
        self._cookies: dict[str, str] = {}
        self._xsrf = ""

    async def sign_in(self, name: str, password: str) -> Answer:
        """Submit the sign-in form. A status of 303 means success."""
        if not self._xsrf:
            await self.request("GET", "/admin/login")
        answer = await self.post("/admin/login", {"name": name, "password": password})
        if answer.status == 303:
            self._xsrf = ""
            await self.request("GET", "/admin/users")
        return answer

    async def post(self, path: str, fields: Mapping[str, str], headers: Mapping[str, str] | None = None) -> Answer:
        """Send a form, with the token that our own pages hold."""
        form = {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
        return await self.request("POST", path, urlencode({**fields, "_xsrf": self._xsrf}), form)

    async def request(
        self, method: str, path: str, body: str | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Any request, with the cookies."""
        answer = await self._api.request(method, path, body, {**self._cookie_header(), **(headers or {})})
        for line in answer.cookies:
            for name, morsel in SimpleCookie(line).items():
                self._cookies[name] = morsel.value
        found = re.search(r'name="_xsrf" value="([^"]+)"', answer.content.decode("utf-8", "replace"))
        self._xsrf = html.unescape(found[1]) if found else self._xsrf
        return answer

    async def open_socket(self) -> RawSocket:
        """The operators' feed."""
        cookie = "".join(f"{name}: {value}\r\n" for name, value in self._cookie_header().items())
        return await RawSocket.open(self._api.port, "/ws/operators", source=self._api.source, headers=cookie)

    def _cookie_header(self) -> dict[str, str]:
        text = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        return {"Cookie": text} if text else {}
