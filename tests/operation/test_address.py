"""The address at which a client finds a server."""

from __future__ import annotations

from typing import Any

import pytest

from operation.address import address_of, listening_address, parse_address
from settings import Settings


@pytest.mark.parametrize(
    ("changes", "http", "ws"),
    [
        ({}, "http://localhost:8000", "ws://localhost:8000"),
        ({"host": "0.0.0.0"}, "http://localhost:8000", "ws://localhost:8000"),
        ({"host": "::"}, "http://localhost:8000", "ws://localhost:8000"),
        ({"host": "::1"}, "http://[::1]:8000", "ws://[::1]:8000"),
        ({"host": "10.0.0.5"}, "http://10.0.0.5:8000", "ws://10.0.0.5:8000"),
        ({"tls_certificate": "c", "tls_key": "k"}, "https://localhost:8000", "wss://localhost:8000"),
    ],
)
def test_a_server_here_is_found_by_its_settings(changes: dict[str, Any], http: str, ws: str) -> None:
    address = address_of(Settings(**changes), 8000)
    assert (address.http, address.ws) == (http, ws)


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000"),
        ("0.0.0.0", "http://0.0.0.0:8000"),
        ("::", "http://[::]:8000"),
        ("0:0:0:0:0:0:0:1", "http://[::1]:8000"),
        ("fe80::1%eth0", "http://[fe80::1%eth0]:8000"),
        ("calls.example.org", "http://calls.example.org:8000"),
    ],
)
def test_the_address_it_listens_on_is_as_set_with_ipv6_in_brackets(host: str, url: str) -> None:
    assert listening_address(Settings(host=host), 8000).http == url


@pytest.mark.parametrize("url", ["ws://example.org:8000", "http://example.org:8000/"])
def test_a_url_gives_the_address_of_a_server(url: str) -> None:
    assert parse_address(url).ws == "ws://example.org:8000"


@pytest.mark.parametrize("url", ["wss://example.org", "https://example.org"])
def test_a_secure_url_gives_a_secure_address(url: str) -> None:
    assert parse_address(url).http == "https://example.org"


@pytest.mark.parametrize("url", ["", "example.org", "ftp://x", "ws://", "ws://a:b@c", "ws://x/ws/feed", "ws://x:99999"])
def test_what_is_no_address_is_refused_in_words(url: str) -> None:
    with pytest.raises(ValueError, match=r"is not a URL|is not of the form"):
        parse_address(url)
