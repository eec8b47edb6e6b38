"""Foreign keys: read from a file or a URL, kept when they cannot be read, and read again for an unknown key."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs
from tornado.ioloop import IOLoop

from models.errors import Unauthenticated
from models.foreign_tokens import ForeignTokens, KeysMissing, UnknownKey
from operation.foreign_keys import JWKS_BYTES_LIMIT, ForeignKeys, open_foreign_keys
from settings import Settings, SettingsError
from tests.certificate import make_certificate
from tests.issuer import AUDIENCE, ISSUER, Issuer, IssuerKey, rsa_key
from tests.jwks_server import JwksServer

pytestmark = pytest.mark.gen_test

REREAD_SECONDS = 60.0


class Steady:
    """Seconds that a test advances."""

    now = 1000.0


class Opened:
    """Tokens and the keys that verify them."""

    def __init__(self, source: str, **changes: Any) -> None:
        settings = Settings(
            foreign_token_keys=source, foreign_token_issuer=ISSUER, foreign_token_audience=AUDIENCE,
            foreign_token_retry_seconds=0.01, foreign_token_timeout_seconds=2.0, **changes,
        )  # fmt: skip
        opened = open_foreign_keys(settings)
        assert opened is not None
        self.steady = Steady()
        self.tokens: ForeignTokens = opened[0]
        self.keys = ForeignKeys(settings, self.tokens, steady=lambda: self.steady.now)


@pytest.fixture
def issuer() -> Issuer:
    return Issuer("ES256", "EdDSA")


@pytest.fixture
def jwks(issuer: Issuer, io_loop: IOLoop) -> Iterator[JwksServer]:
    """Serves the issuer's keys."""
    server = JwksServer(issuer.jwks)
    io_loop.run_sync(_started(server))
    yield server
    io_loop.run_sync(server.stop)


def _started(server: JwksServer) -> Any:
    async def start() -> None:
        server.start()

    return start


def test_without_a_source_there_are_no_foreign_tokens() -> None:
    assert open_foreign_keys(Settings()) is None


async def test_keys_come_from_a_file(issuer: Issuer, tmp_path: Path) -> None:
    opened = Opened(str(issuer.write(tmp_path)))
    with pytest.raises(KeysMissing):
        opened.tokens.verify(issuer.token())
    with capture_logs() as logs:
        opened.keys.load()
        await opened.keys.start()
    assert opened.tokens.verify(issuer.token()).external_id == "user-1"
    assert [each["event"] for each in logs] == ["keys of foreign tokens read"]
    await opened.keys.stop()


BROKEN: dict[str, tuple[bytes | None, str]] = {
    "missing": (None, "No such file or directory"),
    "empty": (b"", "it is not JSON"),
    "PEM": (IssuerKey("ES256").pem, "it is a PEM file; examples/python/jwks.py makes a JWKS of public keys"),
    "no list": (b'{"keys": 1}', 'it has no list of objects named "keys"'),
    "no keys": (b'{"keys": []}', "it has no key for RS256, ES256, EdDSA or HS256"),
    "keys for encryption alone": (
        json.dumps({"keys": [IssuerKey("RS256").jwk | {"use": "enc"}]}).encode(), "it has no key for RS256",
    ),
    "a short RSA key": (
        json.dumps({"keys": [IssuerKey("RS256", "old", rsa_key(1024)).jwk]}).encode(),
        "the key old is an RSA key of 1024 bits",
    ),
    "a short secret": (json.dumps({"keys": [IssuerKey("HS256", "s", b"x" * 31).jwk]}).encode(), "a secret of 31 bytes"),
    "too large": (b" " * (JWKS_BYTES_LIMIT + 1), f"it is larger than {JWKS_BYTES_LIMIT} bytes"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "message"), BROKEN.values(), ids=BROKEN.keys())
async def test_a_file_that_cannot_be_used_is_refused_at_start(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    path = tmp_path / "jwks.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SettingsError) as refusal:
        Opened(str(path)).keys.load()
    (problem,) = refusal.value.problems
    assert problem.startswith(f"set ROLLCALL_FOREIGN_TOKEN_KEYS to a JWKS file; {path} cannot be used: ")
    assert message in problem
    assert "\n" not in problem


async def test_a_file_with_private_keys_is_used_with_a_warning(tmp_path: Path) -> None:
    key = IssuerKey("ES256", "mine")
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps({"keys": [key.jwk | {"d": "c2VjcmV0LXBhcnQ"}]}))
    with capture_logs() as logs:
        Opened(str(path)).keys.load()
    assert "the file with the keys of foreign tokens contains private keys; remove them" in [e["event"] for e in logs]
    assert "c2VjcmV0LXBhcnQ" not in str(logs)


@pytest.mark.parametrize(
    ("kind", "mode", "warns"), [("HS256", 0o644, True), ("HS256", 0o600, False), ("ES256", 0o644, False)]
)
def test_a_file_with_a_secret_is_for_the_server_alone(tmp_path: Path, kind: str, mode: int, warns: bool) -> None:
    path = Issuer(kind).write(tmp_path)
    path.chmod(mode)
    with capture_logs() as logs:
        Opened(str(path)).keys.load()
    assert [each.get("fix") for each in logs if each["log_level"] == "warning"] == [f"chmod 600 {path}"] * warns


async def test_a_file_is_read_again_for_an_unknown_key(issuer: Issuer, tmp_path: Path) -> None:
    path = issuer.write(tmp_path)
    opened = Opened(str(path))
    opened.keys.load()
    issuer.keys["ES256"] = IssuerKey("ES256", "new")
    with pytest.raises(UnknownKey):
        opened.tokens.verify(issuer.token())
    issuer.write(tmp_path)
    await opened.tokens.read_keys()
    assert opened.tokens.verify(issuer.token()).external_id == "user-1"
    path.write_text("{")
    opened.steady.now += REREAD_SECONDS
    with capture_logs() as logs:
        await opened.tokens.read_keys()
    assert [(each["event"], each["log_level"]) for each in logs] == [
        ("the keys of foreign tokens cannot be read", "warning")
    ]
    assert opened.tokens.verify(issuer.token()).external_id == "user-1"


async def test_keys_come_from_a_url(issuer: Issuer, jwks: JwksServer) -> None:
    opened = Opened(f"{jwks.url}?apikey=not-for-logs")
    opened.keys.load()
    with capture_logs() as logs:
        await opened.keys.start()
    assert opened.tokens.verify(issuer.token()).external_id == "user-1"
    assert jwks.asked == ["/jwks.json?apikey=not-for-logs"]
    assert "not-for-logs" not in str(logs)
    assert logs[0]["source"] == jwks.url
    await opened.keys.stop()


async def test_keys_come_over_tls(issuer: Issuer, tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path)
    jwks = JwksServer(issuer.jwks, certificate)
    jwks.start()
    trusting = Opened(jwks.url, foreign_token_ca_file=str(certificate.certificate))
    await trusting.keys.start()
    assert trusting.tokens.verify(issuer.token()).external_id == "user-1"
    wary = Opened(jwks.url)
    with capture_logs() as logs:
        await wary.keys.start()
    assert "certificate verify failed" in logs[0]["reason"]
    with pytest.raises(KeysMissing):
        wary.tokens.verify(issuer.token())
    await jwks.stop()


@pytest.mark.parametrize(("content", "message"), [(None, "No such file or directory"), ("x", "no certificates")])
def test_certificates_that_cannot_be_used_are_refused(tmp_path: Path, content: str | None, message: str) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(
        SettingsError, match="set ROLLCALL_FOREIGN_TOKEN_CA_FILE to a file with certificates"
    ) as refusal:
        Opened("https://issuer.example/jwks.json", foreign_token_ca_file=str(path))
    assert message in str(refusal.value)


async def test_a_url_that_cannot_be_reached_at_start_is_tried_again(issuer: Issuer) -> None:
    jwks = JwksServer(issuer.jwks)
    opened = Opened(jwks.url)
    with capture_logs() as logs:
        await opened.keys.start()
        with pytest.raises(KeysMissing):
            opened.tokens.verify(issuer.token())
        keeping = asyncio.create_task(opened.keys.keep())
        await asyncio.sleep(0.05)
        jwks.start()
        async with asyncio.timeout(5):
            while opened.tokens.is_behind:
                await asyncio.sleep(0.01)
    assert opened.tokens.verify(issuer.token()).external_id == "user-1"
    assert [each["event"] for each in logs] == [
        "the keys of foreign tokens cannot be read", "keys of foreign tokens read",
    ]  # fmt: skip
    keeping.cancel()
    await jwks.stop()


async def test_keys_that_could_not_be_read_for_an_unknown_one_are_soon_read_again(
    issuer: Issuer, jwks: JwksServer
) -> None:
    opened = Opened(jwks.url)
    await opened.keys.start()
    keeping = asyncio.create_task(opened.keys.keep())
    await asyncio.sleep(0.01)
    issuer.keys["ES256"] = IssuerKey("ES256", "new")
    jwks.document, jwks.status = issuer.jwks, 503
    await opened.tokens.read_keys()
    with pytest.raises(KeysMissing):
        opened.tokens.verify(issuer.token())
    jwks.status = 200
    async with asyncio.timeout(5):
        while opened.tokens.is_behind:
            await asyncio.sleep(0.01)
    assert opened.tokens.verify(issuer.token()).external_id == "user-1"
    keeping.cancel()


FAILURES: dict[str, Any] = {
    "an error": {"status": 503},
    "a redirect": {"status": 302, "headers": {"Location": "/jwks.json"}},
    "nothing": {"document": b""},
    "a page": {"document": b"<html>"},
    "too much": {"document": b" " * (JWKS_BYTES_LIMIT + 1)},
}


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES.keys())
async def test_keys_are_kept_while_no_others_can_be_read(
    issuer: Issuer, jwks: JwksServer, failure: dict[str, Any]
) -> None:
    opened = Opened(jwks.url)
    await opened.keys.start()
    for name, value in failure.items():
        setattr(jwks, name, value)
    with capture_logs() as logs:
        await opened.keys.read()
        await opened.keys.read()
    assert [each["event"] for each in logs] == ["the keys of foreign tokens cannot be read"]
    assert ("redirects are not followed" in logs[0]["reason"]) == ("Location" in failure.get("headers", {}))
    assert opened.tokens.verify(issuer.token()).external_id == "user-1"
    with pytest.raises(KeysMissing):
        opened.tokens.verify(Issuer("ES256").token())


async def test_a_new_key_is_read_when_a_token_names_it(issuer: Issuer, jwks: JwksServer) -> None:
    opened = Opened(jwks.url)
    await opened.keys.start()
    gone = issuer.token()
    opened.tokens.verify(gone)
    issuer.keys["ES256"] = IssuerKey("ES256", "new")
    jwks.document = issuer.jwks
    await opened.tokens.read_keys()
    assert opened.tokens.verify(issuer.token()).external_id == "user-1"
    with pytest.raises(UnknownKey):
        opened.tokens.verify(gone)


async def test_unknown_keys_cause_one_read_a_minute(issuer: Issuer, jwks: JwksServer) -> None:
    opened = Opened(jwks.url)
    await opened.keys.start()
    for _ in range(5):
        await opened.tokens.read_keys()
    assert len(jwks.asked) == 2
    opened.steady.now += REREAD_SECONDS - 1
    await opened.tokens.read_keys()
    assert len(jwks.asked) == 2
    opened.steady.now += 1
    await opened.tokens.read_keys()
    assert len(jwks.asked) == 3


async def test_a_failed_read_counts_as_one(issuer: Issuer, jwks: JwksServer) -> None:
    opened = Opened(jwks.url)
    await opened.keys.start()
    jwks.status = 500
    for _ in range(5):
        await opened.tokens.read_keys()
    assert len(jwks.asked) == 2


async def test_everyone_who_waits_for_keys_waits_for_the_same_read(issuer: Issuer, jwks: JwksServer) -> None:
    opened = Opened(jwks.url)
    await opened.keys.start()
    issuer.keys["ES256"] = IssuerKey("ES256", "new")
    jwks.document = issuer.jwks
    jwks.hold = asyncio.Event()
    waiting = [asyncio.create_task(opened.tokens.read_keys()) for _ in range(50)]
    await asyncio.sleep(0.05)
    waiting[0].cancel()
    assert opened.tokens.verify(issuer.token(kind="EdDSA")).external_id == "user-1"
    jwks.hold.set()
    await asyncio.gather(*waiting[1:])
    assert len(jwks.asked) == 2
    assert opened.tokens.verify(issuer.token()).external_id == "user-1"


async def test_a_url_that_does_not_answer_is_given_up(issuer: Issuer, jwks: JwksServer) -> None:
    opened = Opened(jwks.url)
    opened.keys._settings = Settings(foreign_token_timeout_seconds=0.05)
    jwks.hold = asyncio.Event()
    with capture_logs() as logs:
        await opened.keys.start()
    assert "Timeout" in logs[0]["reason"]
    jwks.hold.set()


async def test_a_read_ends_with_the_server(issuer: Issuer, jwks: JwksServer) -> None:
    opened = Opened(jwks.url)
    jwks.hold = asyncio.Event()
    reading = asyncio.create_task(opened.keys.read())
    await asyncio.sleep(0.02)
    await opened.keys.stop()
    with pytest.raises(asyncio.CancelledError):
        await reading
    jwks.hold.set()


async def test_an_empty_jwks_at_a_url_takes_all_keys_back(issuer: Issuer, jwks: JwksServer) -> None:
    opened = Opened(jwks.url)
    await opened.keys.start()
    token = issuer.token()
    opened.tokens.verify(token)
    jwks.document = {"keys": []}
    await opened.keys.read()
    with pytest.raises(UnknownKey):
        opened.tokens.verify(token)


async def test_a_weak_key_at_a_url_is_left_out_with_a_warning(issuer: Issuer, jwks: JwksServer) -> None:
    weak = IssuerKey("RS256", "weak", rsa_key(1024))
    jwks.document = {"keys": [weak.jwk, *issuer.jwks["keys"]]}
    opened = Opened(jwks.url)
    with capture_logs() as logs:
        await opened.keys.start()
        await opened.keys.read()
    warnings = [each for each in logs if each["log_level"] == "warning"]
    assert [each["reasons"] for each in warnings] == [
        ["the key weak is an RSA key of 1024 bits; it must have 2048 to 8192"]
    ]
    assert opened.tokens.verify(issuer.token()).external_id == "user-1"
    issuer.keys["RS256"] = weak
    with pytest.raises(Unauthenticated):
        opened.tokens.verify(issuer.token(kind="RS256"))
    jwks.document = {"keys": jwks.document["keys"][1:]}
    with capture_logs() as logs:
        await opened.keys.read()
    assert logs == []


async def test_a_read_that_fails_unexpectedly_does_not_end_the_others(issuer: Issuer, jwks: JwksServer) -> None:
    opened = Opened(jwks.url)
    jwks.document = ["unexpected"]
    await opened.keys.start()
    fetch = opened.keys._fetch

    async def broken() -> bytes:
        opened.keys._fetch = fetch  # type: ignore[method-assign]
        raise RuntimeError("broken")

    opened.keys._fetch = broken  # type: ignore[method-assign]
    jwks.document = issuer.jwks
    with capture_logs() as logs:
        keeping = asyncio.create_task(opened.keys.keep())
        async with asyncio.timeout(5):
            while opened.tokens.is_behind:
                await asyncio.sleep(0.01)
    assert "reading the keys of foreign tokens failed" in [each["event"] for each in logs]
    keeping.cancel()
