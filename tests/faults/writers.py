"""Writers: clients that write until the server is killed, and then check what must have been stored."""

from __future__ import annotations

import itertools
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from tests.clients import Api, Person


class RepeatedWriter(Protocol):
    """Writes repeatedly. Remembers what was acknowledged, and what was in progress."""

    async def write(self) -> None:
        """Write once more. Raises OSError or HTTPClientError when the server is gone."""

    async def check(self) -> None:
        """Check after a restart: acknowledged writes are there; one in progress is there or not, and nothing else."""


class StatusWriter:
    """Sets the user's status in turn: offline, online, busy until some time, busy, not busy."""

    def __init__(self, person: Person) -> None:
        self.person = person
        self._count = itertools.count()
        self._acknowledged: dict[str, Any] = {}
        self._under_way: dict[str, Any] | None = None

    async def write(self) -> None:
        """See RepeatedWriter."""
        self._under_way = self._acknowledged | self._next_change()
        answer = await self.person.put("/users/me/status", self._under_way)
        assert answer.status == 200, answer.body
        self._acknowledged, self._under_way = self._under_way, None

    async def check(self) -> None:
        """See RepeatedWriter."""
        status = (await self.person.get("/users/me/status")).body
        allowed = [self._acknowledged] + ([self._under_way] if self._under_way is not None else [])
        shown = [{name: status[name] for name in wanted} for wanted in allowed]
        assert any(seen == wanted for seen, wanted in zip(shown, allowed, strict=True)), (status, allowed)
        self._acknowledged, self._under_way = {}, None

    def _next_change(self) -> dict[str, Any]:
        number = next(self._count)
        later = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1, seconds=number)
        return (
            {"is_online": False},
            {"is_online": True},
            {"is_busy": True, "busy_until": later.isoformat().replace("+00:00", "Z")},
            {"is_busy": True, "busy_until": None},
            {"is_busy": False, "busy_until": None},
        )[number % 5]


class CallWriter:
    """Starts and ends calls. With `has_rivals`, others call the same callee, so a start may be refused."""

    def __init__(self, caller: Person, callee: Person, *, has_rivals: bool = False) -> None:
        self.caller = caller
        self.callee = callee
        self._has_rivals = has_rivals
        self._ongoing: str | None = None
        self._starting: str | None = None
        self._ending: str | None = None
        self.ended: set[str] = set()

    async def write(self) -> None:
        """See RepeatedWriter."""
        if self._ongoing is None:
            self._starting = secrets.token_hex(8)
            await self._start(self._starting)
            self._starting = None
        else:
            self._ending = self._ongoing
            await self._end(self._ongoing)

    async def check(self) -> None:
        """See RepeatedWriter. Repeats requests that were in progress, as a client without a response does."""
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
        assert answer.status == 200 or (self._has_rivals and answer.status == 409), answer.body
        if answer.status == 200 and answer.body["status"] == "ongoing":
            self._ongoing = answer.body["call_id"]

    async def _end(self, call_id: str) -> None:
        answer = await self.caller.post("/calls/end", {"call_id": call_id})
        assert answer.status == 200, answer.body
        assert answer.body["status"] == "completed"
        self.ended.add(call_id)
        self._ongoing = self._ending = None


class RegistrationWriter:
    """Registers one account after another."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._label = secrets.token_hex(4)
        self._count = itertools.count()
        self._acknowledged: list[tuple[dict[str, str], dict[str, Any]]] = []
        self._under_way: dict[str, str] | None = None

    async def write(self) -> None:
        """See RepeatedWriter."""
        self._under_way = {"username": f"{self._label}-{next(self._count)}", "password": secrets.token_hex(16)}
        answer = await self._api.post("/auth/register", self._under_way)
        assert answer.status == 201, answer.body
        self._acknowledged.append((self._under_way, answer.body))
        self._under_way = None

    async def check(self) -> None:
        """See RepeatedWriter. Acknowledged accounts are checked by their tokens, the newest also by its password."""
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
