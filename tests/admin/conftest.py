"""Fixtures: operators, and browsers that visit the dashboard."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from typing import Protocol

import pytest

from models.operators import Operator, Role
from tests.admin.browser import Browser
from tests.clients import Api
from tests.running import RunningServer
from tests.secrets_seen import SecretsSeen

PASSWORD = f"an operator's password {secrets.token_hex(8)}"
"""The password of every operator."""


class AddOperator(Protocol):
    """Adds an operator with the password `PASSWORD`."""

    def __call__(self, role: Role, name: str = "") -> Awaitable[Operator]: ...


SignedIn = Callable[[Role], Awaitable[Browser]]


@pytest.fixture
def new_browser(api: Api, secrets_seen: SecretsSeen) -> Callable[[], Browser]:
    """Makes browsers without cookies."""
    return lambda: Browser(api, secrets_seen)


@pytest.fixture
def browser(new_browser: Callable[[], Browser]) -> Browser:
    """A browser without cookies."""
    return new_browser()


@pytest.fixture
def operator(server: RunningServer, secrets_seen: SecretsSeen) -> AddOperator:
    """Adds operators. The name defaults to the role."""
    secrets_seen.note(PASSWORD)

    async def add(role: Role, name: str = "") -> Operator:
        return await server.server._operator_auth.add(name or role, PASSWORD, role)

    return add


@pytest.fixture
def signed_in(operator: AddOperator, new_browser: Callable[[], Browser]) -> SignedIn:
    """Adds an operator with a role and returns a browser that is signed in as that operator."""

    async def sign_in(role: Role) -> Browser:
        added = await operator(role)
        return await new_browser().signed_in(added.name, PASSWORD)

    return sign_in
