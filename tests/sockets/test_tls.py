"""TLS with certificate files: HTTPS and WSS on the same port."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import ssl
from collections.abc import Iterator

import pytest
from tornado.httpclient import AsyncHTTPClient
from tornado.ioloop import IOLoop
from websockets.exceptions import InvalidStatus

from settings import Settings
from tests.certificate import Certificate, make_certificate
from tests.clients import Message, Socket
from tests.conftest import MakePerson
from tests.running import RunningServer

pytestmark = [pytest.mark.gen_test, pytest.mark.any_store]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """A certificate for localhost."""
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def settings(settings: Settings, certificate: Certificate) -> Settings:
    """The settings of the other tests, plus TLS."""
    return dataclasses.replace(settings, tls_certificate=str(certificate.certificate), tls_key=str(certificate.key))


@pytest.fixture
def http(io_loop: IOLoop, certificate: Certificate) -> Iterator[AsyncHTTPClient]:
    """An HTTP client that trusts only this certificate."""
    client = AsyncHTTPClient(force_instance=True, defaults={"ca_certs": str(certificate.certificate)})
    yield client
    client.close()


@pytest.fixture
def tls(certificate: Certificate) -> ssl.SSLContext:
    """A client's TLS context that trusts only this certificate."""
    return ssl.create_default_context(cafile=str(certificate.certificate))


async def test_the_api_speaks_https(server: RunningServer, user: MakePerson) -> None:
    ada = await user("ada")
    ada.base_url = f"https://localhost:{server.port}"
    assert (await ada.get("/users/me")).body["username"] == "ada"


async def test_a_socket_over_tls_works_as_any_other(
    server: RunningServer, user: MakePerson, tls: ssl.SSLContext
) -> None:
    ada, bob = await user("ada"), await user("bob")
    for person in (ada, bob):
        person.base_url = f"https://localhost:{server.port}"
    await server.caught_up()
    async with await Socket.open(f"wss://localhost:{server.port}/ws/feed?token={ada.token}", tls=tls) as feed:
        assert (await feed.take())["type"] == "connection_established"
        await bob.post("/users/me/heartbeat")
        assert (await feed.update(bob.user_id))["status"]["is_online"] is True
        snapshot = await feed.ask({"type": "subscribe", "subscription": "feed", "snapshot": True}, "snapshot")
        assert len(snapshot["users"]) == 2


async def test_many_updates_over_tls_arrive_whole_and_in_order(
    server: RunningServer, user: MakePerson, tls: ssl.SSLContext
) -> None:
    ada, bob = await user("ada"), await user("bob", profile_image_url=f"https://example.com/{'x' * 2000}")
    bob.base_url = f"https://localhost:{server.port}"
    async with await Socket.open(f"wss://localhost:{server.port}/ws/feed?token={ada.token}", tls=tls) as feed:
        await feed.settle()
        await asyncio.gather(*(bob.put("/users/me/status", {"is_busy": number % 2 == 0}) for number in range(60)))
        told: list[Message] = [each for each in await feed.told() if each["type"] == "user_status_update"]
        assert [each["seq"] for each in told] == sorted(each["seq"] for each in told)
        assert told[-1]["status"]["is_busy"] == (await bob.get("/users/me/status")).body["is_busy"]


async def test_who_speaks_plainly_to_a_tls_port_is_closed(server: RunningServer) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    said = b""
    with contextlib.suppress(ConnectionError):
        async with asyncio.timeout(5):
            said = await reader.read()
    assert not said.startswith(b"HTTP/")
    writer.close()


async def test_a_client_that_does_not_trust_the_certificate_is_not_served(server: RunningServer) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        await asyncio.open_connection("localhost", server.port, ssl=ssl.create_default_context())


async def test_the_certificate_is_for_this_host_alone(server: RunningServer, tls: ssl.SSLContext) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        await asyncio.open_connection("127.0.0.1", server.port, ssl=tls, server_hostname="example.com")


@pytest.mark.one_node
async def test_a_page_of_the_same_name_without_tls_is_another_origin(
    server: RunningServer, user: MakePerson, tls: ssl.SSLContext
) -> None:
    ada = await user("ada")
    ada.base_url = f"https://localhost:{server.port}"
    url = f"wss://localhost:{server.port}/ws/feed?token={ada.token}"
    for scheme, status in (("https", 200), ("wss", 200), ("http", 403), ("ws", 403)):
        origin = {"Origin": f"{scheme}://localhost:{server.port}"}
        assert (await ada.request("GET", "/users/me", headers=origin)).status == status, scheme
    async with await Socket.open(url, tls=tls, headers={"Origin": f"https://localhost:{server.port}"}) as feed:
        assert (await feed.take())["type"] == "connection_established"
    with pytest.raises(InvalidStatus):
        await Socket.open(url, tls=tls, headers={"Origin": f"http://localhost:{server.port}"})


async def test_a_body_too_large_is_answered_over_tls(server: RunningServer, user: MakePerson) -> None:
    ada = await user("ada")
    ada.base_url = f"https://localhost:{server.port}"
    answer = await ada.request("PATCH", "/users/me", "x" * 70_000)
    assert (answer.status, answer.code) == (413, "BODY_TOO_LARGE")
