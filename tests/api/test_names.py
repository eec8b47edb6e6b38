"""Names over HTTP: refused at registration and renaming, stored in NFC, found however they are spelled."""

from __future__ import annotations

import json
import secrets

import pytest

from models.database import open_database
from models.usernames import folded_name
from tests.clients import Api
from tests.conftest import MakePerson
from tests.running import RunningServer
from tests.secrets_seen import SecretsSeen

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


async def test_two_names_that_are_the_same_since_a_new_rule_both_sign_in_after_a_restart(
    api: Api, server: RunningServer, secrets_seen: SecretsSeen
) -> None:
    names = ("sṣ", "ß\u0323")
    ids: dict[str, int] = {}
    for number, name in enumerate(names):
        pair = (await api.post("/auth/register", {"username": f"new {number}", "password": PASSWORD})).body
        ids[name] = pair["user_id"]
    await server.stop()
    database = await open_database(server.settings)
    for name, user_id in ids.items():
        fields = {"username": name, "username_key": folded_name(name)}
        await database.collection("users").update_one({"_id": user_id}, {"$set": fields})
    await database.collection("counters").delete_one({"_id": "name_keys"})
    await database.close()
    await server.start()
    log = (secrets_seen.folder / "server.log").read_text(encoding="utf-8").splitlines()
    *_, line = (each for each in map(json.loads, log) if each["event"].startswith("two names are the same"))
    assert (line["level"], line["collection"], line["id"], line["other_id"]) == (
        "warning",
        "users",
        ids["ß\u0323"],
        ids["sṣ"],
    )
    for name, user_id in ids.items():
        answer = await api.post("/auth/login", {"username": name, "password": PASSWORD})
        assert (answer.status, answer.body["user_id"]) == (200, user_id)
    second = api.with_token(answer.body["access_token"])
    assert (await second.patch("/users/me", {"username": "ß\u0323"})).status == 200
    assert (await second.patch("/users/me", {"username": "sṣ"})).code == "USERNAME_TAKEN"
    assert (await second.get("/feed/users", q="ß")).body["total"] == 2  # a search knows no accents
