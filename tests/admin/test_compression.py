"""Compression: pages, scripts and the first overview come as gzip to those who take it."""

from __future__ import annotations

import gzip
import json
import re
from dataclasses import dataclass

import pytest
from tornado.httpclient import AsyncHTTPClient

from handlers.admin.assets import compact
from tests.admin.browser import Browser
from tests.admin.conftest import SignedIn
from tests.conftest import MakePerson
from tests.program import ROOT

pytestmark = pytest.mark.gen_test


@dataclass(frozen=True)
class Load:
    """Loads as a browser does, and returns the encoding and the body as they came over the line."""

    http: AsyncHTTPClient
    browser: Browser

    async def __call__(self, path: str, accepts: str = "gzip, deflate, br") -> tuple[str | None, bytes]:
        cookies = "; ".join(f"{name}={value}" for name, value in self.browser.cookies.items())
        answer = await self.http.fetch(
            self.browser.base_url + path,
            headers={"Cookie": cookies, "Accept-Encoding": accepts},
            decompress_response=False,
        )
        assert answer.headers["Vary"] == "Accept-Encoding"
        return answer.headers.get("Content-Encoding"), answer.body


async def test_pages_scripts_and_styles_are_compressed(http: AsyncHTTPClient, signed_in: SignedIn) -> None:
    load = Load(http, await signed_in("admin"))
    encoding, body = await load("/admin")
    page = gzip.decompress(body).decode()
    assert (encoding, page.endswith("</html>")) == ("gzip", True)
    assets = sorted(set(re.findall(r'(?:href|src)="(/static/v/[^"]+)"', page)))
    assert len(assets) > 20
    for path in assets:
        encoding, body = await load(path)
        _, plain = await load(path, "identity")
        assert encoding == "gzip", path
        assert gzip.decompress(body) == compact(plain)
        assert len(body) < len(plain) or len(plain) < 500


def test_indents_empty_lines_and_comments_on_lines_of_their_own_are_left_out() -> None:
    source = b"/** What\n * it is. */\nlet a = 1; // kept\n  // gone\n\n\n  let b = `//x`;\n/* gone */ let c;\n"
    assert compact(source) == b"let a = 1; // kept\nlet b = `//x`;\n/* gone */ let c;\n"


def test_no_text_in_a_script_spans_lines_so_that_nothing_in_it_looks_like_a_comment() -> None:
    for script in (ROOT / "static").rglob("*.js"):
        for line in compact(script.read_bytes()).splitlines():
            assert line.replace(b"\\`", b"").count(b"`") % 2 == 0, (script, line)


@pytest.mark.parametrize("accepts", ["identity", "br", "gzip;q=0", "", "xgzip"])
async def test_who_does_not_take_gzip_gets_none(http: AsyncHTTPClient, signed_in: SignedIn, accepts: str) -> None:
    load = Load(http, await signed_in("viewer"))
    for path in ("/admin/users", "/admin/overview"):
        encoding, body = await load(path, accepts)
        assert (encoding, body[:1] in (b"<", b"{")) == (None, True)


async def test_the_first_overview_is_compressed_and_names_what_to_go_on_from(
    http: AsyncHTTPClient, signed_in: SignedIn, user: MakePerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    await user("ada")
    load = Load(http, await signed_in("viewer"))
    for loop_bytes in (1 << 20, 1):  # compressed at once, or in a thread
        monkeypatch.setattr("handlers.compression.LOOP_BYTES", loop_bytes)
        encoding, body = await load("/admin/overview", "*")
        overview = json.loads(gzip.decompress(body) if encoding else body)
        assert (overview["type"], [each["username"] for each in overview["users"]]) == ("overview", ["ada"])
        assert overview["feed"]
        assert overview["seq"] >= 0
    assert encoding == "gzip"
