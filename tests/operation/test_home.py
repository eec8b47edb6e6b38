"""The home page at /."""

from __future__ import annotations

import re

import pytest

from tests.clients import Api
from tests.conftest import MakePerson

pytestmark = [pytest.mark.gen_test, pytest.mark.any_store]


async def test_it_shows_the_figures_of_the_moment(api: Api, user: MakePerson) -> None:
    ada, _ = await user("ada"), await user("bob")
    await ada.post("/users/me/heartbeat")
    page = (await api.get("/")).body
    figures = {name.strip(): int(count) for name, count in re.findall(r"([a-z ]+)</dt><dd>(\d+)</dd>", page)}
    assert figures == {"available": 1, "busy": 0, "offline": 1, "total users": 2, "ongoing calls": 0}


async def test_all_it_links_to_is_there_and_is_the_servers_own(api: Api) -> None:
    page = (await api.get("/")).body
    links = re.findall(r'(?:href|src)="([^"]+)"', page)
    assert "/static/home.css" in links
    status = {link: (await api.get(link)).status for link in links}
    assert status.pop("/admin") == 303  # redirects to the sign-in
    assert set(status.values()) == {200}
    assert "<script" not in page
