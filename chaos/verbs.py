"""Verbs: what all HTTP clients of the API have in common."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

AnswerT = TypeVar("AnswerT")


class Verbs(ABC, Generic[AnswerT]):
    """Requests with a query or a JSON body. A subclass says how a request is sent."""

    @abstractmethod
    async def request(
        self, method: str, path: str, body: str | None = None, headers: Mapping[str, str] | None = None
    ) -> AnswerT:
        """Send a request, with the body as given."""

    async def get(self, path: str, **query: Any) -> AnswerT:
        """Send a GET request with a query."""
        return await self.request("GET", path + ("?" + urlencode(query) if query else ""))

    async def post(self, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> AnswerT:
        """POST a value as JSON, or an empty body."""
        return await self.request("POST", path, "" if body is None else json.dumps(body), headers)

    async def put(self, path: str, body: Any) -> AnswerT:
        """PUT a value as JSON."""
        return await self.request("PUT", path, json.dumps(body))

    async def patch(self, path: str, body: Any) -> AnswerT:
        """PATCH a value as JSON."""
        return await self.request("PATCH", path, json.dumps(body))

    async def delete(self, path: str, body: Any = None) -> AnswerT:
        """DELETE with a value as JSON, or with an empty body."""
        return await self.request("DELETE", path, None if body is None else json.dumps(body))


def error_code(body: Any) -> str | None:
    """The code in the body of a response, if it is an error."""
    return body["error"]["code"] if isinstance(body, dict) and "error" in body else None
