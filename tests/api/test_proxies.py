"""What proxies add to a request: the client's address, the connection's scheme, and the proxy's own credentials."""

from __future__ import annotations

import pytest
from tornado.httputil import HTTPHeaders, HTTPServerRequest

from handlers.origins import Origins, parse_origin
from settings import Settings
from tests.clients import RawSocket
from tests.conftest import MakePerson
from tests.running import RunningServer

PROXY = "10.0.0.1"


class _Context:
    def __init__(self, address: str, protocol: str) -> None:
        self.remote_ip = address
        self.protocol = protocol


class _Connection:
    def __init__(self, address: str, protocol: str) -> None:
        self.context = _Context(address, protocol)

    def set_close_callback(self, _: object) -> None:
        """Does nothing: no connection closes here."""


def request(*, remote: str = PROXY, protocol: str = "http", **headers: str) -> HTTPServerRequest:
    """Return a request from an address. `X_Forwarded_For` is `X-Forwarded-For`."""
    named = HTTPHeaders({name.replace("_", "-"): value for name, value in headers.items()})
    return HTTPServerRequest("GET", "/", headers=named, connection=_Connection(remote, protocol))  # type: ignore[arg-type]


ORIGINS = Origins(Settings(trusted_proxies=("10.0.0.0/8", "fd00::/8"), allowed_hosts=("n.example",)))


@pytest.mark.parametrize(
    ("remote", "forwarded", "address"),
    [
        (PROXY, "1.2.3.4", "1.2.3.4"),
        (PROXY, "1.2.3.4:5678", "1.2.3.4"),
        (PROXY, '"1.2.3.4:5678"', "1.2.3.4"),
        (PROXY, "2001:db8::1", "2001:db8::1"),
        (PROXY, "2001:DB8:0::1", "2001:db8::1"),
        (PROXY, "[2001:db8::1]", "2001:db8::1"),
        (PROXY, "[2001:db8::1]:4711", "2001:db8::1"),
        (PROXY, '"[2001:db8::1]:4711"', "2001:db8::1"),
        (PROXY, "[::1]:80", "::1"),
        (PROXY, "::ffff:1.2.3.4", "1.2.3.4"),
        (PROXY, "[::ffff:1.2.3.4]:80", "1.2.3.4"),
        (PROXY, "9.9.9.9, 1.2.3.4:80, 10.0.0.2:81", "1.2.3.4"),
        (PROXY, "10.0.0.3, 10.0.0.2", "10.0.0.3"),
        (PROXY, " , 1.2.3.4 ,", "1.2.3.4"),
        (PROXY, "1.2.3.4, unknown", PROXY),
        (PROXY, "1.2.3.4, 10.0.0.2, _hidden", PROXY),
        (PROXY, "1.2.3.4:x", PROXY),
        (PROXY, "1.2.3", PROXY),
        (PROXY, "[1.2.3.4", PROXY),
        (PROXY, "", PROXY),
        ("::ffff:10.0.0.1", "1.2.3.4", "1.2.3.4"),
        ("fd00::5", "1.2.3.4", "1.2.3.4"),
        ("6.6.6.6", "1.2.3.4", "6.6.6.6"),
        ("::ffff:6.6.6.6", "1.2.3.4", "6.6.6.6"),
    ],
)
def test_the_address_is_the_last_one_that_is_no_trusted_proxy(remote: str, forwarded: str, address: str) -> None:
    assert ORIGINS.address(request(remote=remote, X_Forwarded_For=forwarded)) == address


@pytest.mark.parametrize("trusted", ["::ffff:10.0.0.1", "::ffff:10.0.0.0/104", "::ffff:a00:1/128"])
@pytest.mark.parametrize("remote", ["10.0.0.1", "::ffff:10.0.0.1"])
def test_a_trusted_proxy_may_be_given_as_an_ipv4_address_that_is_mapped_into_ipv6(trusted: str, remote: str) -> None:
    origins = Origins(Settings(trusted_proxies=(trusted,)))
    assert origins.address(request(remote=remote, X_Forwarded_For="1.2.3.4")) == "1.2.3.4"
    assert origins.address(request(remote="11.0.0.1", X_Forwarded_For="1.2.3.4")) == "11.0.0.1"


@pytest.mark.parametrize(
    ("remote", "protocol", "said", "is_https"),
    [
        (PROXY, "http", "https", True),
        (PROXY, "http", "HTTPS", True),
        (PROXY, "http", "https,http", True),
        (PROXY, "http", " https , http", True),
        (PROXY, "http", "wss", True),
        (PROXY, "http", "http, https", False),
        (PROXY, "http", "http", False),
        (PROXY, "http", "", False),
        (PROXY, "http", ",https", False),
        ("6.6.6.6", "http", "https", False),
        ("6.6.6.6", "https", "http", True),
    ],
)
def test_a_trusted_proxy_may_say_that_the_client_uses_tls(
    remote: str, protocol: str, said: str, is_https: bool
) -> None:
    assert ORIGINS.is_https(request(remote=remote, protocol=protocol, X_Forwarded_Proto=said)) is is_https


@pytest.mark.parametrize(
    ("protocol", "said", "origin", "host", "is_own"),
    [
        ("https", "", "https://n.example", "n.example", True),
        ("https", "", "https://n.example:443", "n.example", True),
        ("https", "", "https://n.example", "n.example:443", True),
        ("https", "", "wss://n.example", "n.example", True),
        ("https", "", "https://n.example:8443", "n.example:8443", True),
        ("https", "", "http://n.example", "n.example", False),
        ("https", "", "http://n.example:443", "n.example:443", False),
        ("https", "", "http://n.example:8443", "n.example:8443", False),
        ("https", "", "ws://n.example", "n.example", False),
        ("http", "https", "https://n.example", "n.example", True),
        ("http", "https", "http://n.example", "n.example", False),
        ("http", "https, http", "http://n.example", "n.example", False),
        ("http", "", "http://n.example", "n.example", True),
        ("http", "", "https://n.example", "n.example", True),
        ("http", "http", "https://n.example", "n.example", True),
        ("http", "", "https://n.example", "n.example:80", False),
        ("http", "", "https://n.example:443", "n.example", True),
        ("http", "", "http://n.example:8000", "n.example", False),
        ("http", "", "http://n.example", "n.example:8000", False),
        ("http", "", "capacitor://n.example", "n.example", False),
        ("http", "", "null", "n.example", False),
    ],
)
def test_the_servers_own_origin_is_of_its_scheme_host_and_port(
    protocol: str, said: str, origin: str, host: str, is_own: bool
) -> None:
    asked = request(protocol=protocol, X_Forwarded_Proto=said, Host=host)
    assert ORIGINS.is_own(origin, asked) is is_own


@pytest.mark.parametrize(
    "text",
    [
        "", "null", "https", "https://", "://n", "https:/n", "https://n/", "https://n?x", "https://n#x", "https://u@n",
        "https://n:x", "https://n:65536", "https://n:1:2", "https://[::1", "https://[n]", "https://n, https://m",
        "https://n m", "https://n\\m", "https://n\tm",
    ],
)  # fmt: skip
def test_a_text_that_is_no_origin_is_none(text: str) -> None:
    assert parse_origin(text) is None


@pytest.mark.gen_test
@pytest.mark.any_store
@pytest.mark.parametrize("scheme", ["Basic dXNlcjpwYXNz", "Digest x=y", "Negotiate abc"])
async def test_the_credentials_of_a_proxy_are_none_of_ours(
    server: RunningServer, user: MakePerson, scheme: str
) -> None:
    ada = await user("ada")
    ticket = (await ada.post("/auth/ticket")).body["ticket"]
    for target, headers in (
        (f"/ws/feed?token={ada.token}", {}),
        (f"/ws/feed?ticket={ticket}", {}),
        ("/ws/feed", {"Sec-WebSocket-Protocol": f"rollcall.v1, bearer.{ada.token}"}),
        ("/ws/feed", {"Authorization": f"{scheme}\r\nAuthorization: Bearer {ada.token}"}),
    ):
        raw, status = await RawSocket.open(server.port, target, **{"Authorization": scheme, **headers})
        assert (status, (await raw.read_frame())[1][:31]) == (101, b'{"type":"connection_established'), target
        raw.end()
    raw, _ = await RawSocket.open(server.port, "/ws/feed", Authorization=scheme)
    assert await raw.close_code() == 4500
    assert (await ada.request("GET", "/users/me", headers={"Authorization": scheme})).status == 401


@pytest.mark.gen_test
@pytest.mark.any_store
async def test_two_tokens_are_refused_whatever_else_is_there(server: RunningServer, user: MakePerson) -> None:
    ada = await user("ada")
    raw, _ = await RawSocket.open(
        server.port, f"/ws/feed?token={ada.token}", Authorization=f"Basic x\r\nAuthorization: Bearer {ada.token}"
    )
    assert await raw.close_code() == 4500
