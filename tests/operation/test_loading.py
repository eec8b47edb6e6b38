"""What happens to the store while a server starts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from models.times import utc_milliseconds
from models.user_documents import StoredUser
from models.users import Users
from tests.conftest import MakePerson
from tests.program import until
from tests.running import RunningServer

pytestmark = pytest.mark.gen_test


async def test_a_user_who_is_disabled_while_the_server_starts_is_shut_out(
    server: RunningServer, user: MakePerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = await user("ada")
    read_page, is_disabled = Users.page, False

    async def page_before_the_command(users: Users, *arguments: Any, **options: Any) -> list[StoredUser]:
        nonlocal is_disabled
        found = await read_page(users, *arguments, **options)
        if not is_disabled:
            is_disabled = True
            await users.disable(ada.user_id, utc_milliseconds(datetime.now(UTC)))
            await server.stores.notices.post("user_disabled", ada.user_id, ada.user_id)
        return found

    monkeypatch.setattr(Users, "page", page_before_the_command)
    await server.restart()

    async def is_shut_out() -> bool:
        return (await ada.get("/users/me")).status == 401

    await until(is_shut_out)
