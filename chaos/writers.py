"""Writers: of statuses, heartbeats, names, calls and accounts. See Writer for what they have in common."""

from __future__ import annotations

import asyncio
import itertools
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from chaos.writer import WriterApi, WriterPerson, is_refused

ONLINE_SECONDS = 0.2
"""How long a user who came online by a heartbeat stays so, so that the server is often killed meanwhile."""


class StatusWriter:
    """Sets the user's status in turn: offline, online, busy until some time, busy, not busy."""

    def __init__(self, person: WriterPerson) -> None:
        self.person = person
        self.count = 0
        self._numbers = itertools.count()
        self._acknowledged: dict[str, Any] = {}
        self._under_way: dict[str, Any] | None = None

    async def write(self) -> None:
        """See Writer."""
        self._under_way = self._acknowledged | self._next_change()
        answer = await self.person.put("/users/me/status", self._under_way)
        if await is_refused(answer):
            self._under_way = None
            return
        assert answer.status == 200, answer.body
        self.count += 1
        self._acknowledged, self._under_way = self._under_way, None

    async def check(self) -> None:
        """See Writer."""
        status = (await self.person.get("/users/me/status")).body
        allowed = [self._acknowledged] + ([self._under_way] if self._under_way is not None else [])
        shown = [{name: status[name] for name in wanted} for wanted in allowed]
        assert any(seen == wanted for seen, wanted in zip(shown, allowed, strict=True)), (status, allowed)
        self._acknowledged, self._under_way = {}, None

    def _next_change(self) -> dict[str, Any]:
        number = next(self._numbers)
        later = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1, seconds=number)
        return (
            {"is_online": False},
            {"is_online": True},
            {"is_busy": True, "busy_until": later.isoformat().replace("+00:00", "Z")},
            {"is_busy": True, "busy_until": None},
            {"is_busy": False, "busy_until": None},
        )[number % 5]


class HeartbeatWriter:
    """Goes offline and comes back by a heartbeat, in turn.

    A heartbeat that only confirms what is known may be saved a second later. One that brings the user online may not.
    """

    def __init__(self, person: WriterPerson) -> None:
        self.person = person
        self.count = 0
        self._acknowledged: bool | None = None
        self._under_way: bool | None = None

    async def write(self) -> None:
        """See Writer."""
        self._under_way = self._acknowledged is False
        if self._under_way:
            answer = await self.person.post("/users/me/heartbeat")
        else:
            answer = await self.person.put("/users/me/status", {"is_online": False})
        if await is_refused(answer):
            self._under_way = None
            return
        assert answer.status == 200, answer.body
        self.count += 1
        self._acknowledged, self._under_way = self._under_way, None
        if self._acknowledged:
            await asyncio.sleep(ONLINE_SECONDS)

    async def check(self) -> None:
        """See Writer."""
        status = (await self.person.get("/users/me/status")).body
        if self._acknowledged is not None:
            allowed = {self._acknowledged, self._under_way}
            assert status["is_online"] in allowed, (status, allowed)
        self._acknowledged = self._under_way = None


class NameWriter:
    """Changes the user's own name."""

    def __init__(self, person: WriterPerson) -> None:
        self.person = person
        self.count = 0
        self._label = secrets.token_hex(4)
        self._numbers = itertools.count()
        self._acknowledged = ""
        self._under_way = ""

    async def write(self) -> None:
        """See Writer."""
        self._under_way = f"{self._label}-{next(self._numbers)}"
        answer = await self.person.patch("/users/me", {"username": self._under_way})
        if await is_refused(answer):
            self._under_way = ""
            return
        assert answer.status == 200, answer.body
        self.count += 1
        self._acknowledged, self._under_way = self._under_way, ""

    async def check(self) -> None:
        """See Writer."""
        profile = (await self.person.get("/users/me")).body
        if self._acknowledged:
            allowed = (self._acknowledged, self._under_way)
            assert profile["username"] in allowed, (profile["username"], allowed)
        self._acknowledged = self._under_way = ""


class CallWriter:
    """Starts and ends calls. With `has_rivals`, others call the same callee, so a start may be refused."""

    def __init__(self, caller: WriterPerson, callee: WriterPerson, *, has_rivals: bool = False) -> None:
        self.count = 0
        self.caller = caller
        self.callee = callee
        self._has_rivals = has_rivals
        self._ongoing: str | None = None
        self._starting: str | None = None
        self._ending: str | None = None
        self.ended: set[str] = set()

    async def write(self) -> None:
        """See Writer."""
        if self._ongoing is None:
            self._starting = secrets.token_hex(8)
            await self._start(self._starting)
            self._starting = None
        else:
            self._ending = self._ongoing
            await self._end(self._ongoing)

    async def check(self) -> None:
        """See Writer. Repeats requests that were in progress, as a client without a response does."""
        ongoing = [call["call_id"] for call in (await self.caller.get("/calls/ongoing")).body["items"]]
        if self._ongoing is not None and self._ending is None:
            assert ongoing == [self._ongoing]
        if self._ending is not None:
            assert ongoing in ([self._ending], [])
            await self._end(self._ending)
        if self._starting is not None:
            await self._start(self._starting)
            self._starting = None

    async def check_history(self) -> None:
        """Check that every call whose end was acknowledged has ended."""
        page, completed = 1, set[str]()
        while True:
            answer = await self.caller.get("/calls/history", page=page, per_page=100, status="completed")
            completed |= {call["call_id"] for call in answer.body["items"]}
            if not answer.body["has_next"]:
                break
            page += 1
        assert self.ended <= completed

    async def hang_up(self) -> None:
        """End the ongoing call, if there is one."""
        if self._ongoing is not None:
            await self._end(self._ongoing)

    async def _start(self, key: str) -> None:
        body = {"callee_id": self.callee.user_id, "call_type": "audio"}
        answer = await self.caller.post("/calls/start", body, {"Idempotency-Key": key})
        if await is_refused(answer):
            return
        assert answer.status == 200 or (self._has_rivals and answer.status == 409), answer.body
        if answer.status == 200 and answer.body["status"] == "ongoing":
            self._ongoing = answer.body["call_id"]
            self.count += 1

    async def _end(self, call_id: str) -> None:
        answer = await self.caller.post("/calls/end", {"call_id": call_id})
        if await is_refused(answer):
            return
        assert answer.status == 200, answer.body
        self.count += 1
        assert answer.body["status"] == "completed"
        self.ended.add(call_id)
        self._ongoing = self._ending = None


class RegistrationWriter:
    """Registers one account after another."""

    def __init__(self, api: WriterApi) -> None:
        self.count = 0
        self._api = api
        self._label = secrets.token_hex(4)
        self._numbers = itertools.count()
        self._acknowledged: list[tuple[dict[str, str], dict[str, Any]]] = []
        self._under_way: dict[str, str] | None = None

    async def write(self) -> None:
        """See Writer."""
        self._under_way = {"username": f"{self._label}-{next(self._numbers)}", "password": secrets.token_hex(16)}
        answer = await self._api.post("/auth/register", self._under_way)
        if await is_refused(answer):
            self._under_way = None
            return
        assert answer.status == 201, answer.body
        self.count += 1
        self._acknowledged.append((self._under_way, answer.body))
        self._under_way = None

    async def check(self) -> None:
        """See Writer. Acknowledged accounts are checked by their tokens, the newest also by its password."""
        for credentials, tokens in self._acknowledged:
            own = await self._api.with_token(tokens["access_token"]).get("/users/me")
            assert (own.status, own.body.get("username")) == (200, credentials["username"])
        if self._acknowledged:
            credentials, tokens = self._acknowledged[-1]
            assert (await self._api.post("/auth/login", credentials)).status == 200
            fresh = await self._api.post("/auth/refresh", {"refresh_token": tokens["refresh_token"]})
            assert fresh.status == 200
        if self._under_way is not None:
            again = await self._api.post("/auth/register", self._under_way)
            assert again.status == 201 or (again.status, again.code) == (409, "USERNAME_TAKEN")
            assert (await self._api.post("/auth/login", self._under_way)).status == 200
        self._acknowledged, self._under_way = [], None
