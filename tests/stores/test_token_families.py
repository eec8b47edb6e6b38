"""Token families: a used refresh token gets the same successor for a while, and then its use ends the login."""

from __future__ import annotations

import asyncio
import itertools
from datetime import UTC, datetime, timedelta

import pytest

from models.database import Database
from models.errors import TooMany
from models.stores import Stores
from models.token_families import USES_LIMIT, TokenFamilies
from models.tokens import Identity, Tokens
from settings import Settings

pytestmark = pytest.mark.gen_test(timeout=60)

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
LEEWAY = 60
PROCESSES = itertools.count()


class Family:
    """One login through a series of server processes, with a clock that the test moves."""

    def __init__(self, stores: Stores) -> None:
        self.stores = stores
        self.seconds = 1000.0
        self.correction = timedelta()
        self.tokens = Tokens(
            "s" * 32, "rollcall", "rollcall", now=lambda: self.now().timestamp(), new_id=lambda: "first"
        )
        self.restart()

    def now(self) -> datetime:
        return NOON + timedelta(seconds=self.seconds) + self.correction

    def restart(self) -> None:
        """Start a new process, which has only the store."""
        self.families = TokenFamilies(
            self.stores.logins,
            self.tokens,
            Settings(refresh_leeway_seconds=LEEWAY),
            now=self.now,
            steady=lambda: self.seconds,
            process_id=f"process {next(PROCESSES)}",
        )

    async def sign_in(self) -> str:
        token, identity = self.tokens.mint(7, "login", "refresh", 30 * 86400)
        await self.stores.logins.create("login", 7, identity.token_id, NOON + timedelta(days=30))
        return token

    def identity(self, token: str | None) -> Identity:
        assert token is not None
        return self.tokens.verify(token, "refresh")

    async def use(self, token: str | None) -> str | None:
        """Return the successor, or None if the family must end."""
        return await self.families.successor(self.identity(token))


@pytest.fixture
def family(stores: Stores) -> Family:
    return Family(stores)


async def test_a_successor_works_and_belongs_to_the_same_login(family: Family) -> None:
    second = await family.use(await family.sign_in())
    stated = family.identity(second)
    assert (stated.user_id, stated.login_id) == (7, "login")
    assert stated.expires_at - stated.issued_at == Settings().refresh_token_seconds
    assert await family.use(second) not in (None, second)


async def test_two_at_once_get_the_same_successor(family: Family) -> None:
    first = await family.sign_in()
    answers = await asyncio.gather(*(family.use(first) for _ in range(8)))
    assert answers[0] is not None
    assert set(answers) == {answers[0]}


@pytest.mark.parametrize("restarts", [False, True])
async def test_a_lost_answer_is_given_again(family: Family, restarts: bool) -> None:
    first = await family.sign_in()
    second = await family.use(first)
    family.seconds += 7 * 86400
    if restarts:
        family.restart()
    assert second is not None
    assert await family.use(first) == second


@pytest.mark.parametrize("restarts", [False, True])
async def test_three_refreshes_within_a_minute_still_answer_the_first(family: Family, restarts: bool) -> None:
    chain: list[str | None] = [await family.sign_in()]
    for _ in range(3):
        family.seconds += 10
        chain.append(await family.use(chain[-1]))
    if restarts:
        family.restart()
    family.seconds += LEEWAY - 20 - 1
    assert [await family.use(token) for token in chain[:-1]] == chain[1:]


@pytest.mark.parametrize("restarts", [False, True])
async def test_after_the_leeway_a_used_token_ends_the_family(family: Family, restarts: bool) -> None:
    first = await family.sign_in()
    second = await family.use(first)
    family.seconds += 10
    await family.use(second)
    family.seconds += LEEWAY - 10 - 1
    if restarts:
        family.restart()
    assert await family.use(first) == second
    family.seconds += 1
    assert await family.use(first) is None


@pytest.mark.parametrize("restarts", [False, True])
async def test_a_successor_used_late_ends_the_leeway_of_the_token_before_at_once(
    family: Family, restarts: bool
) -> None:
    first = await family.sign_in()
    second = await family.use(first)
    family.seconds += 10 * LEEWAY
    if restarts:
        family.restart()
    assert await family.use(first) == second
    assert await family.use(second) is not None
    assert await family.use(first) is None


@pytest.mark.parametrize("hours", [-24, -1, 1, 24])
async def test_a_corrected_clock_neither_shortens_nor_lengthens_the_leeway(family: Family, hours: int) -> None:
    first = await family.sign_in()
    second = await family.use(first)
    await family.use(second)
    family.correction = timedelta(hours=hours)
    family.seconds += LEEWAY - 1
    assert await family.use(first) == second
    family.seconds += 2
    assert await family.use(first) is None


async def test_after_a_restart_with_the_clock_set_back_the_leeway_still_ends(family: Family) -> None:
    first = await family.sign_in()
    second = await family.use(first)
    await family.use(second)
    family.correction = timedelta(hours=-1)
    family.restart()
    assert await family.use(first) == second
    family.seconds += LEEWAY
    assert await family.use(first) is None


async def test_a_token_that_never_belonged_to_the_family_gets_nothing(family: Family) -> None:
    await family.sign_in()
    stranger, _ = Tokens("s" * 32, "rollcall", "rollcall", now=lambda: NOON.timestamp(), new_id=lambda: "x").mint(
        7, "login", "refresh", 86400
    )
    assert await family.use(stranger) is None


async def test_a_revoked_login_gets_nothing_whatever_the_token(family: Family) -> None:
    first = await family.sign_in()
    second = await family.use(first)
    await family.stores.logins.revoke("login", 7, family.now(), family.now())
    assert [await family.use(token) for token in (first, second)] == [None, None]


async def test_a_login_that_an_older_version_stored_goes_on(family: Family, database: Database) -> None:
    token, identity = family.tokens.mint(7, "login", "refresh", 30 * 86400)
    await database.collection("logins").insert_one(
        {"_id": "login", "user_id": 7, "refresh_id": identity.token_id, "expires_at": NOON, "revoked_at": None}
    )
    second = await family.use(token)
    assert second is not None
    assert await family.use(token) == second
    assert await family.use(second) is not None


async def test_the_store_holds_no_token(family: Family, database: Database) -> None:
    second = await family.use(await family.sign_in())
    assert second is not None
    document = str(await database.collection("logins").find_one({"_id": "login"}))
    assert not any(part in document for part in second.split(".")[1:])


async def test_a_family_that_is_refreshed_without_end_has_to_wait_and_its_document_stays_small(family: Family) -> None:
    chain: list[str | None] = [await family.sign_in()]
    for _ in range(USES_LIMIT):
        family.seconds += 1
        chain.append(await family.use(chain[-1]))
    with pytest.raises(TooMany) as refusal:
        await family.use(chain[-1])
    assert refusal.value.retry_after == LEEWAY - USES_LIMIT + 1
    assert await family.use(chain[0]) == chain[1]
    family.seconds += refusal.value.retry_after
    assert await family.use(chain[-1]) is not None
