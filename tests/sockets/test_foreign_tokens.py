"""Tokens of another issuer: they open sockets, are refreshed and revoked, and name users here."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from settings import Settings
from tests.clients import Api, Person
from tests.conftest import OpenSocket
from tests.issuer import KINDS, Issuer
from tests.running import RunningServer
from tests.secrets_seen import SecretsSeen

pytestmark = [pytest.mark.gen_test, pytest.mark.also_clustered]


@pytest.fixture(scope="module")
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
def settings(settings: Settings, issuer: Issuer, tmp_path: Path, secrets_seen: SecretsSeen) -> Settings:
    """The settings of the other tests, plus the issuer."""
    return dataclasses.replace(settings, **{"provision_users": True, **issuer.settings(tmp_path)})


@pytest.mark.parametrize("kind", KINDS)
async def test_a_token_opens_a_socket_and_creates_its_user(
    server: RunningServer, socket: OpenSocket, issuer: Issuer, api: Api, kind: str
) -> None:
    token = issuer.token("auth0|ada", kind, name="Ada", picture="https://example.com/ada.png")
    feed = await socket(None, token=token, first=True)
    hello = await feed.take()
    assert hello["type"] == "connection_established"
    own = await feed.take()
    assert own["status"]["username"] == "Ada"
    assert own["status"]["external_id"] == "auth0|ada"
    assert own["status"]["profile_image_url"] == "https://example.com/ada.png"
    ada = Person(api, hello["user_id"], "Ada", token)
    assert (await ada.get("/users/me")).body["username"] == "Ada"
