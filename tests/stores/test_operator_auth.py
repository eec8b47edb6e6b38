"""Operator authentication: signing in and out, sessions of limited time, and adding and changing operators."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from tornado.ioloop import IOLoop

from models.database import Database
from models.errors import Conflict, Invalid, NotFound, RequestError, TooMany, Unauthenticated
from models.operator_auth import OperatorAuth, SignedInOperator
from models.operators import Operator
from models.passwords import Passwords
from models.sign_ins import SignIn
from models.stores import Stores, open_stores
from settings import Settings
from tests.stores.conftest import store_settings

pytestmark = pytest.mark.gen_test(timeout=60)

NOON = datetime(2026, 1, 31, 12, 0, 0, 123_000, tzinfo=UTC)
PASSWORD = "correct horse battery"
OTHER = "staple battery horse"
MINUTE = timedelta(minutes=1)


class CountingPasswords(Passwords):
    """Counts comparisons, and can run something during one."""

    def __init__(self) -> None:
        super().__init__(PasswordHasher(1, 8, 1), workers=2, waiting_limit=100)
        self.compared = 0
        self.meanwhile: Callable[[], Awaitable[Any]] | None = None
        """Runs while the next password is compared."""

    async def matches(self, password: str, stored: str | None, key: str = "") -> bool:
        self.compared += 1
        answer = await super().matches(password, stored, key)
        if self.meanwhile is not None:
            meanwhile, self.meanwhile = self.meanwhile, None
            await meanwhile()
        return answer


class AuthFixture:
    """Operator authentication with its stores and passwords. `now` is the time."""

    def __init__(self, stores: Stores, database: Database, settings: Settings) -> None:
        self.stores = stores
        self.database = database
        self.passwords = CountingPasswords()
        self.now = NOON
        self.operator_auth = OperatorAuth(stores, self.passwords, settings, now=lambda: self.now)

    async def sign_in(self, name: str = "maya", password: str = PASSWORD, address: str = "192.0.2.1") -> str:
        """Sign in and return the secret."""
        return (await self.operator_auth.sign_in(name, password, address, "Firefox on Linux"))[0]

    async def fails(self, name: str, password: str, address: str = "192.0.2.1") -> str:
        """Attempt a sign-in that must fail. Returns the message."""
        with pytest.raises(Unauthenticated) as refused:
            await self.sign_in(name, password, address)
        return refused.value.message

    async def is_signed_in(self, secret: str) -> bool:
        """Return whether the secret still opens the dashboard."""
        try:
            await self.operator_auth.identify(secret)
        except Unauthenticated:
            return False
        return True


@pytest.fixture
def dashboard(database: Database, io_loop: IOLoop, tmp_path: Path) -> Iterator[AuthFixture]:
    """A dashboard without operators."""
    settings = store_settings(
        tmp_path,
        operator_idle_seconds=1800,
        operator_session_seconds=12 * 3600,
        password_length_minimum=12,
        sign_in_window_seconds=900.0,
        sign_in_failures_per_account=3,
        sign_in_failures_per_address=6,
    )
    opened = AuthFixture(io_loop.run_sync(lambda: open_stores(database, settings)), database, settings)
    yield opened
    opened.passwords.close()


async def test_who_signs_in_is_identified_by_the_secret(dashboard: AuthFixture) -> None:
    maya = await dashboard.operator_auth.add("Maya", PASSWORD, "operator")
    secret, sign_in, operator = await dashboard.operator_auth.sign_in("mAYA", PASSWORD, "192.0.2.1", "Firefox on Linux")
    assert operator == maya == Operator(maya.operator_id, "Maya", "operator", False, NOON)
    assert sign_in == SignIn(sign_in.sign_in_id, maya.operator_id, NOON, NOON, "192.0.2.1", "Firefox on Linux")
    assert await dashboard.operator_auth.identify(secret) == SignedInOperator(maya, sign_in)


async def test_secrets_have_256_bits_and_are_never_the_same(dashboard: AuthFixture) -> None:
    await dashboard.operator_auth.add("maya", PASSWORD, "viewer")
    secrets = {await dashboard.sign_in() for _ in range(5)}
    assert len(secrets) == 5
    assert {len(secret) for secret in secrets} == {43}


async def test_the_store_has_the_hash_and_neither_secret_nor_password(dashboard: AuthFixture) -> None:
    await dashboard.operator_auth.add("maya", PASSWORD, "viewer")
    secret = await dashboard.sign_in()
    (kept,) = await dashboard.database.collection("sign_ins").find({})
    assert kept["_id"] == hashlib.sha256(secret.encode()).hexdigest()
    assert secret not in repr(kept)
    assert PASSWORD not in repr(await dashboard.database.collection("operators").find({}))
    assert not await dashboard.is_signed_in(kept["_id"])


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("maya", OTHER),
        ("maya", ""),
        ("nobody", PASSWORD),
        ("gone", PASSWORD),
        ("", PASSWORD),
        ("ma\0ya", PASSWORD),
        ("m" * 100_000, PASSWORD),
        ("maya", "\0" * 5_000),
    ],
)
async def test_whatever_is_wrong_the_answer_and_the_work_are_the_same(
    dashboard: AuthFixture, name: str, password: str
) -> None:
    await dashboard.operator_auth.add("maya", PASSWORD, "admin")
    gone = await dashboard.operator_auth.add("gone", PASSWORD, "viewer")
    await dashboard.operator_auth.change(gone.operator_id, disabled=True)
    assert await dashboard.fails(name, password) == "Wrong name or password."
    assert dashboard.passwords.compared == 1


async def test_a_user_is_no_operator(dashboard: AuthFixture) -> None:
    new = await dashboard.passwords.hash(PASSWORD)
    await dashboard.database.collection("users").insert_one({"_id": 1, "username_key": "ada", "password_hash": new})
    assert await dashboard.fails("ada", PASSWORD) == "Wrong name or password."


async def test_guessing_at_a_name_ends_after_some_failures_also_for_the_right_password(dashboard: AuthFixture) -> None:
    await dashboard.operator_auth.add("maya", PASSWORD, "viewer")
    for _ in range(3):
        await dashboard.fails("maya", OTHER)
    with pytest.raises(TooMany) as refused:
        await dashboard.sign_in()
    assert refused.value.retry_after == 900
    assert dashboard.passwords.compared == 3
    dashboard.now += timedelta(seconds=901)
    assert await dashboard.is_signed_in(await dashboard.sign_in())


async def test_guessing_at_many_names_ends_for_the_address(dashboard: AuthFixture) -> None:
    await dashboard.operator_auth.add("maya", PASSWORD, "viewer")
    for number in range(6):
        await dashboard.fails(f"name {number}", OTHER)
    with pytest.raises(TooMany):
        await dashboard.sign_in()
    assert await dashboard.is_signed_in(await dashboard.sign_in(address="192.0.2.9"))


async def test_nobody_locks_an_operator_out_from_elsewhere(dashboard: AuthFixture) -> None:
    await dashboard.operator_auth.add("maya", PASSWORD, "viewer")
    for number in range(9):
        await dashboard.fails("maya", OTHER, f"192.0.2.{number // 3}")
    assert await dashboard.is_signed_in(await dashboard.sign_in(address="192.0.2.9"))


async def test_guesses_from_one_ipv6_network_count_as_one_address(dashboard: AuthFixture) -> None:
    await dashboard.operator_auth.add("maya", PASSWORD, "viewer")
    for number in range(3):
        await dashboard.fails("maya", OTHER, f"2001:db8::{number}")
    with pytest.raises(TooMany):
        await dashboard.sign_in(address="2001:db8::9")
    assert await dashboard.is_signed_in(await dashboard.sign_in(address="2001:db8:0:1::9"))


async def test_a_success_forgets_the_failures_of_the_name(dashboard: AuthFixture) -> None:
    await dashboard.operator_auth.add("maya", PASSWORD, "viewer")
    for number in range(6):
        await dashboard.fails("maya", OTHER, f"192.0.2.{number}")
        await dashboard.sign_in(address="192.0.2.9")
    assert dashboard.passwords.compared == 12


async def test_no_user_clears_the_failures_of_an_operator(dashboard: AuthFixture) -> None:
    """A user may have any name without control characters, and a successful login resets the count of that name."""
    await dashboard.operator_auth.add("maya", PASSWORD, "viewer")
    await dashboard.fails("maya", OTHER)
    counted = await dashboard.database.collection("sign_in_attempts").find({})
    assert any("\n" in each["_id"] for each in counted)


async def test_idle_operators_are_signed_out(dashboard: AuthFixture) -> None:
    await dashboard.operator_auth.add("maya", PASSWORD, "viewer")
    secret = await dashboard.sign_in()
    dashboard.now += timedelta(minutes=30)
    assert await dashboard.is_signed_in(secret)
    dashboard.now += timedelta(minutes=30, milliseconds=1)
    assert not await dashboard.is_signed_in(secret)


async def test_a_sign_in_ends_after_twelve_hours_however_busy(dashboard: AuthFixture) -> None:
    await dashboard.operator_auth.add("maya", PASSWORD, "viewer")
    secret = await dashboard.sign_in()
    for _ in range(36):
        dashboard.now += timedelta(minutes=20)
        assert await dashboard.is_signed_in(secret)
    dashboard.now += timedelta(milliseconds=1)
    assert not await dashboard.is_signed_in(secret)


async def test_who_is_there_is_noted_once_a_minute(dashboard: AuthFixture) -> None:
    await dashboard.operator_auth.add("maya", PASSWORD, "viewer")
    secret, sign_in, _ = await dashboard.operator_auth.sign_in("maya", PASSWORD, "192.0.2.1", "")
    for after, noted in ((59, 0), (60, 60), (119, 60), (120, 120)):
        dashboard.now = NOON + timedelta(seconds=after)
        await dashboard.operator_auth.identify(secret)
        found = await dashboard.stores.sign_ins.get(sign_in.sign_in_id)
        assert found is not None
        assert found.seen_at == NOON + timedelta(seconds=noted)


async def test_an_open_socket_keeps_its_operator_until_the_sign_in_is_over(dashboard: AuthFixture) -> None:
    await dashboard.operator_auth.add("maya", PASSWORD, "viewer")
    secret, sign_in, _ = await dashboard.operator_auth.sign_in("maya", PASSWORD, "192.0.2.1", "")
    for minutes in (20, 40, 60):
        assert await dashboard.operator_auth.keep(sign_in.sign_in_id, NOON + minutes * MINUTE)
    dashboard.now = NOON + 80 * MINUTE
    assert await dashboard.is_signed_in(secret)
    assert not await dashboard.operator_auth.keep(sign_in.sign_in_id, NOON + timedelta(hours=12, seconds=1))
    await dashboard.operator_auth.sign_out(secret)
    assert not await dashboard.operator_auth.keep(sign_in.sign_in_id, dashboard.now)


async def test_signing_out_ends_one_sign_in_and_says_which(dashboard: AuthFixture) -> None:
    await dashboard.operator_auth.add("maya", PASSWORD, "viewer")
    here, sign_in, _ = await dashboard.operator_auth.sign_in("maya", PASSWORD, "192.0.2.1", "")
    there = await dashboard.sign_in()
    assert await dashboard.operator_auth.sign_out(here) == sign_in
    assert not await dashboard.is_signed_in(here)
    assert await dashboard.is_signed_in(there)
    with pytest.raises(Unauthenticated):
        await dashboard.operator_auth.sign_out(here)


@pytest.mark.parametrize("secret", ["", "x", "é" * 43, "\udcff"])
async def test_what_is_no_secret_identifies_nobody(dashboard: AuthFixture, secret: str) -> None:
    assert not await dashboard.is_signed_in(secret)


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("", PASSWORD),
        (" maya", PASSWORD),
        ("ma\nya", PASSWORD),
        ("m" * 65, PASSWORD),
        ("maya", "x" * 11),
        ("maya", "x" * 1025),
        ("maya", "\0" * 12),
    ],
)
async def test_a_name_or_password_that_is_none_is_refused_in_words(
    dashboard: AuthFixture, name: str, password: str
) -> None:
    with pytest.raises(Invalid, match=r"A (name|password) must have"):
        await dashboard.operator_auth.add(name, password, "viewer")


async def test_a_name_is_given_once(dashboard: AuthFixture) -> None:
    await dashboard.operator_auth.add("maya", PASSWORD, "viewer")
    with pytest.raises(Conflict, match="already"):
        await dashboard.operator_auth.add("MAYA", PASSWORD, "viewer")


@pytest.mark.parametrize(
    "change", [{"disabled": True}, {"role": "viewer"}, {"password": OTHER}], ids=lambda each: next(iter(each))
)
async def test_who_is_changed_is_signed_out_everywhere_and_others_are_not(
    dashboard: AuthFixture, change: dict[str, Any]
) -> None:
    maya = await dashboard.operator_auth.add("maya", PASSWORD, "operator")
    await dashboard.operator_auth.add("sam", PASSWORD, "viewer")
    secrets = [await dashboard.sign_in() for _ in range(2)]
    of_sam = await dashboard.sign_in("sam")
    await dashboard.operator_auth.change(maya.operator_id, **change)
    assert [await dashboard.is_signed_in(secret) for secret in secrets] == [False, False]
    assert await dashboard.is_signed_in(of_sam)


async def test_a_change_that_changes_nothing_signs_nobody_out(dashboard: AuthFixture) -> None:
    maya = await dashboard.operator_auth.add("maya", PASSWORD, "operator")
    secret = await dashboard.sign_in()
    assert await dashboard.operator_auth.change(maya.operator_id, role="operator", disabled=False) == maya
    assert await dashboard.is_signed_in(secret)


async def test_a_reset_changes_which_password_is_right(dashboard: AuthFixture) -> None:
    maya = await dashboard.operator_auth.add("maya", PASSWORD, "viewer")
    await dashboard.operator_auth.change(maya.operator_id, password=OTHER)
    await dashboard.fails("maya", PASSWORD)
    assert await dashboard.is_signed_in(await dashboard.sign_in(password=OTHER))


async def test_a_new_password_that_is_too_short_changes_nothing(dashboard: AuthFixture) -> None:
    maya = await dashboard.operator_auth.add("maya", PASSWORD, "viewer")
    secret = await dashboard.sign_in()
    with pytest.raises(Invalid, match="at least 12"):
        await dashboard.operator_auth.change(maya.operator_id, password="short")
    assert await dashboard.is_signed_in(secret)
    assert await dashboard.is_signed_in(await dashboard.sign_in())


@pytest.mark.parametrize(
    "change", [{"disabled": True}, {"role": "viewer"}, {"password": OTHER}], ids=lambda each: next(iter(each))
)
async def test_who_is_changed_while_signing_in_does_not_get_in(dashboard: AuthFixture, change: dict[str, Any]) -> None:
    maya = await dashboard.operator_auth.add("maya", PASSWORD, "operator")
    dashboard.passwords.meanwhile = lambda: dashboard.operator_auth.change(maya.operator_id, **change)
    assert await dashboard.fails("maya", PASSWORD) == "Wrong name or password."
    assert await dashboard.database.collection("sign_ins").count_documents({}) == 0


async def test_a_disabled_operator_comes_back_with_the_old_password_and_role(dashboard: AuthFixture) -> None:
    maya = await dashboard.operator_auth.add("maya", PASSWORD, "operator")
    await dashboard.operator_auth.change(maya.operator_id, disabled=True)
    await dashboard.fails("maya", PASSWORD)
    assert await dashboard.operator_auth.change(maya.operator_id, disabled=False) == maya
    assert await dashboard.is_signed_in(await dashboard.sign_in())


@pytest.mark.parametrize("change", [{"disabled": True}, {"role": "operator"}], ids=["disabled", "role"])
async def test_the_last_admin_who_is_enabled_stays_one(dashboard: AuthFixture, change: dict[str, Any]) -> None:
    maya = await dashboard.operator_auth.add("maya", PASSWORD, "admin")
    sam = await dashboard.operator_auth.add("sam", PASSWORD, "admin")
    await dashboard.operator_auth.change(sam.operator_id, disabled=True)
    secret = await dashboard.sign_in()
    with pytest.raises(Conflict) as refused:
        await dashboard.operator_auth.change(maya.operator_id, **change)
    assert refused.value.code == "LAST_ADMIN"
    assert (await dashboard.operator_auth.identify(secret)).operator == maya


async def test_of_two_admins_who_disable_each_other_at_once_one_stays(dashboard: AuthFixture) -> None:
    both = [await dashboard.operator_auth.add(name, PASSWORD, "admin") for name in ("maya", "sam")]
    results = await asyncio.gather(
        *(dashboard.operator_auth.change(each.operator_id, disabled=True) for each in both), return_exceptions=True
    )
    assert [type(each) for each in results if isinstance(each, RequestError)] == [Conflict]
    assert [each.disabled for each in await dashboard.stores.operators.all()].count(False) == 1


async def test_changing_nobody_is_not_found(dashboard: AuthFixture) -> None:
    with pytest.raises(NotFound):
        await dashboard.operator_auth.change(7, role="admin")
