"""Names over HTTP: refused at registration and renaming, stored in NFC, found however they are spelled."""

from __future__ import annotations

import secrets

import pytest

from tests.clients import Api
from tests.conftest import MakePerson

pytestmark = pytest.mark.gen_test

PASSWORD = f"password {secrets.token_hex(12)}"

REFUSED = ["\u3164", "a\u202eb", "a\u200bda", "ada\ufe0f", "\u0301ada", "a\u2028b", "ada\u00ad", "Ada  L", "a\ue000"]

HANGUL = "\u1112\u1161\u11ab" * 40
"""40 characters in NFC, and 120 as given."""


@pytest.mark.parametrize("name", REFUSED, ids=ascii)
async def test_a_name_is_refused_at_registration_and_when_renaming(api: Api, user: MakePerson, name: str) -> None:
    ada = await user("ada")
    for answer in (
        await api.post("/auth/register", {"username": name, "password": PASSWORD}),
        await ada.patch("/users/me", {"username": name}),
    ):
        assert (answer.status, answer.code) == (400, "INVALID_REQUEST")
        assert answer.body["error"]["message"].startswith("A name must have ")
    assert (await ada.get("/users/me")).body["username"] == "ada"
    assert (await ada.get("/feed/stats")).body["total_users"] == 1


@pytest.mark.parametrize("name", ["Zoe\u0308", HANGUL], ids=ascii)
async def test_a_name_is_kept_in_nfc_and_signs_in_as_it_was_given(api: Api, name: str) -> None:
    pair = (await api.post("/auth/register", {"username": name, "password": PASSWORD})).body
    stored = (await api.with_token(pair["access_token"]).get("/users/me")).body["username"]
    assert stored in ("Zoë", "한" * 40)
    for spelling in (name, stored, stored.upper()):
        answer = await api.post("/auth/login", {"username": spelling, "password": PASSWORD})
        assert (answer.status, answer.body["user_id"]) == (200, pair["user_id"])


async def test_a_new_name_is_answered_in_nfc(user: MakePerson) -> None:
    ada = await user("ada")
    assert (await ada.patch("/users/me", {"username": "Zoe\u0308"})).body["username"] == "Zoë"


async def test_a_name_that_would_be_refused_today_stays_until_it_is_changed(user: MakePerson) -> None:
    ada = await user("a\u202eda")
    assert (await ada.patch("/users/me", {"username": "a\u202eda"})).status == 200
    url = "https://example.com/ada.jpg"
    assert (await ada.patch("/users/me", {"profile_image_url": url})).body["username"] == "a\u202eda"
    assert (await ada.patch("/users/me", {"username": "a\u202edb"})).status == 400


@pytest.mark.parametrize("part", ["ǰ", "J\u030c", "j", "AN", "ｎ"], ids=ascii)
async def test_a_name_is_found_by_a_part_in_any_form(user: MakePerson, part: str) -> None:
    ada = await user("ǰan")
    assert [each["user_id"] for each in (await ada.get("/feed/users", q=part)).body["items"]] == [ada.user_id]
