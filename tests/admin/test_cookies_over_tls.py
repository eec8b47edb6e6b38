"""Over TLS, the dashboard's cookies have names that browsers accept only over TLS."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

import pytest
from tornado.httpclient import AsyncHTTPClient
from tornado.ioloop import IOLoop

from settings import Settings
from tests.admin.browser import JSON_PLEASE, Browser, set_cookies
from tests.admin.conftest import PASSWORD, AddOperator
from tests.certificate import Certificate, make_certificate
from tests.clients import Api
from tests.running import RunningServer
from tests.secrets_seen import SecretsSeen

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
def api(server: RunningServer, http: AsyncHTTPClient, secrets_seen: SecretsSeen) -> Api:
    """The API of the server over TLS."""
    return Api(f"https://localhost:{server.port}", http, secrets_seen)


async def test_both_cookies_are_bound_to_this_host_and_to_tls(browser: Browser, operator: AddOperator) -> None:
    await operator("viewer")
    form = await browser.get("/admin/login")
    answer = await browser.sign_in("viewer", PASSWORD)
    cookies = [*set_cookies(form), *set_cookies(answer)]
    assert {cookie.partition("=")[0] for cookie in cookies} == {"__Host-xsrf", "__Host-rollcall"}
    kept = [cookie.partition("; ")[2] for cookie in cookies if "expires" not in cookie]
    assert set(kept) == {"HttpOnly; Path=/; SameSite=Lax; Secure"}
    assert (await browser.get("/admin")).status == 200


async def test_so_is_the_cookie_of_a_screen(
    browser: Browser, operator: AddOperator, new_browser: Callable[[], Browser], secrets_seen: SecretsSeen
) -> None:
    await operator("admin")
    await browser.signed_in("admin", PASSWORD)
    made = await browser.post("/admin/screens", {"name": "Lobby"}, headers=JSON_PLEASE)
    url, _, secret = made.body["link"].partition("#")
    secrets_seen.note(secret)
    assert url == f"{browser.base_url}/admin/screen"
    screen = new_browser()
    await screen.get("/admin/screen")
    (cookie,) = set_cookies(await screen.post("/admin/screen", {"code": secret}))
    name, _, rest = cookie.partition("=")
    secrets_seen.note(rest.partition(";")[0])
    assert name == "__Host-rollcall-screen"
    assert rest.partition("; ")[2] == f"HttpOnly; Max-Age={400 * 86400}; Path=/; SameSite=Lax; Secure"
    assert (await screen.get("/admin/screen/overview")).status == 200
