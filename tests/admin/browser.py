"""Browser: a browser without scripts. It keeps cookies and submits the forms of the pages it has opened."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode

from tests.clients import Answer, Api
from tests.secrets_seen import SecretsSeen

Fields = Mapping[str, str] | Iterable[tuple[str, str]]

SESSION_COOKIE = "rollcall_operator"
JSON_PLEASE = {"Accept": "application/json"}


class Browser:
    """A visitor of the dashboard, signed in or not."""

    def __init__(self, api: Api, seen: SecretsSeen) -> None:
        self._api = api
        self._seen = seen
        self.cookies: dict[str, str] = {}
        self.xsrf = ""
        """The XSRF token of the last page that had one."""

    @property
    def base_url(self) -> str:
        """The base URL of the server."""
        return self._api.base_url

    async def get(self, path: str, *, headers: Mapping[str, str] | None = None, **query: Any) -> Answer:
        """Open a page."""
        return await self.request("GET", path + ("?" + urlencode(query) if query else ""), headers=headers)

    async def post(
        self, path: str, fields: Fields = (), *, headers: Mapping[str, str] | None = None, with_xsrf: bool = True
    ) -> Answer:
        """Submit a form, with the XSRF token of a page opened before."""
        if with_xsrf and not self.xsrf:
            await self.get("/admin/login")
        given = list(fields.items() if isinstance(fields, Mapping) else fields)
        body = urlencode([*given, ("_xsrf", self.xsrf)] if with_xsrf else given)
        return await self.request("POST", path, body, headers=headers)

    async def request(
        self, method: str, path: str, body: str | None = None, *, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send a request with the browser's cookies."""
        cookies = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        form = {"Content-Type": "application/x-www-form-urlencoded"} if body is not None else {}
        sent = {**(cookies if self.cookies else {}), **form, **(headers or {})}
        answer = await self._api.request(method, path, body, sent)
        self._keep(answer)
        return answer

    async def sign_in(self, name: str, password: str, **fields: str) -> Answer:
        """Submit the sign-in form."""
        self._seen.note(password)
        self.xsrf = ""
        answer = await self.post("/admin/login", {"name": name, "password": password, **fields})
        self.xsrf = ""
        return answer

    async def signed_in(self, name: str, password: str) -> Browser:
        """Sign in and fail the test if that is refused."""
        answer = await self.sign_in(name, password)
        assert answer.status == 303, answer.body
        await self.get("/admin")
        return self

    def _keep(self, answer: Answer) -> None:
        for line in set_cookies(answer):
            for name, morsel in SimpleCookie(line).items():
                if morsel.value:
                    self.cookies[name] = morsel.value
                else:
                    self.cookies.pop(name, None)
        if SESSION_COOKIE in self.cookies:
            self._seen.note(self.cookies[SESSION_COOKIE])
        if isinstance(answer.body, str):
            found = re.search(r'name="_xsrf" value="([^"]+)"', answer.body)
            self.xsrf = html.unescape(found[1]) if found else self.xsrf


def set_cookies(answer: Answer) -> list[str]:
    """Return all Set-Cookie headers."""
    return list(answer.headers.get_list("Set-Cookie"))  # type: ignore[attr-defined]


def fields_of(page: str) -> list[tuple[str, str]]:
    """Return the hidden fields of a page's form, except for the XSRF token."""
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page)
    return [(name, html.unescape(value)) for name, value in found if name != "_xsrf"]
