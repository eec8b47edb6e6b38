"""One attempt over HTTP: what counts as received, what is sent, and what is told of a failure."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tornado.ioloop import IOLoop

from models.webhook_batches import StoredBatch
from operation.webhooks.sender import Sender
from operation.webhooks.signature import signature_headers
from settings import Settings, webhook_keys
from tests.certificate import make_certificate
from tests.realtime.world import NOON
from tests.receiver import SECRET, Receiver, new_secret

pytestmark = pytest.mark.gen_test(timeout=30)

BATCH = StoredBatch(batch_id="1-1", webhook_id="msg_1", body='{"type":"events","events":[]}', told="", count=0, at=NOON)


@pytest.fixture
def receiver(io_loop: IOLoop) -> Iterator[Receiver]:
    """A receiver that listens."""
    made = Receiver()
    io_loop.run_sync(made.start)
    yield made
    io_loop.run_sync(made.stop)


def sender(url: str, **settings: Any) -> Sender:
    return Sender(
        Settings(**{"webhook_url": url, "webhook_secret": SECRET, "webhook_deadline_seconds": 0.3, **settings}),
        lambda: 1_900_000_000.9,
    )


def test_the_signature_is_that_of_standard_webhooks() -> None:
    """The example of the specification's reference implementation."""
    keys = webhook_keys("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    headers = signature_headers(keys, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, '{"test": 2432232314}')
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("place", [0, 1])
async def test_while_a_secret_is_replaced_the_receiver_may_know_either(place: int) -> None:
    secrets = [new_secret(), new_secret()]
    receiver = Receiver(secrets[place])
    await receiver.start()
    assert await sender(receiver.url, webhook_secret=" ".join(secrets)).send(BATCH) == ""
    await receiver.stop()


async def test_a_webhook_is_signed_at_the_time_of_the_attempt(receiver: Receiver) -> None:
    assert await sender(f"{receiver.url}/a?b=c").send(BATCH) == ""
    (attempt,) = receiver.attempts
    assert (attempt.id, attempt.timestamp, attempt.path) == ("msg_1", 1_900_000_000, "/hooks/a?b=c")
    assert attempt.headers["content-type"] == "application/json"
    assert "authorization" not in attempt.headers


async def test_a_user_and_a_password_in_the_url_become_a_header(receiver: Receiver) -> None:
    assert await sender(f"http://ada:p%40ss@127.0.0.1:{receiver.port}").send(BATCH) == ""
    (attempt,) = receiver.attempts
    assert attempt.path == "/"
    assert attempt.headers["authorization"] == "Basic YWRhOnBAc3M="
    assert attempt.headers["host"] == f"127.0.0.1:{receiver.port}"


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
async def test_every_2xx_is_success(receiver: Receiver, status: int) -> None:
    receiver.answer = lambda _events: status
    assert await sender(receiver.url).send(BATCH) == ""


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (500, "HTTP 500"), (400, "HTTP 400"), (410, "HTTP 410"), (302, "HTTP 302; redirects are not followed"),
        (304, "HTTP 304; redirects are not followed"), (None, "the connection was closed before an answer came"),
        (1.0, "no answer within 0.3 s"), (b"HTTP/1.1 301 X\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n",
         "HTTP 301; redirects are not followed"),
    ],
)  # fmt: skip
async def test_everything_else_is_a_failure_with_its_reason(receiver: Receiver, answer: Any, failure: str) -> None:
    receiver.answer = lambda _events: answer
    assert await sender(receiver.url).send(BATCH) == failure
    assert len(receiver.attempts) <= 1


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5000000\r\n" + b"x" * 200_000,
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n",
    ],
    ids=["far too long", "not complete", "long chunk", "not gzip", "bad chunk"],
)
async def test_the_body_of_an_answer_is_ignored(receiver: Receiver, answer: bytes) -> None:
    receiver.answer = lambda _events: answer
    assert await sender(receiver.url).send(BATCH) == ""


async def test_a_receiver_that_does_not_exist_is_a_failure() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    assert await sender(f"http://127.0.0.1:{port}/").send(BATCH) == "Connection refused"
    assert await sender("http://no-such-host.invalid/").send(BATCH) == "the host name cannot be resolved"


async def test_nonsense_instead_of_an_answer_is_a_failure(receiver: Receiver) -> None:
    receiver.answer = lambda _events: b"SSH-2.0 200 x\r\n\r\n"
    assert await sender(receiver.url).send(BATCH) != ""


async def test_a_certificate_that_is_not_trusted_is_a_failure(tmp_path: Path, io_loop: IOLoop) -> None:
    certificate = make_certificate(tmp_path)
    receiver = Receiver()
    receiver.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    receiver.tls.load_cert_chain(certificate.certificate, certificate.key)
    await receiver.start()
    assert (await sender(receiver.url).send(BATCH)).startswith("TLS: ")
    assert receiver.attempts == []
    assert await sender(receiver.url, webhook_ca_file=str(certificate.certificate)).send(BATCH) == ""
    await receiver.stop()


async def test_only_one_webhook_is_sent_at_a_time_and_the_next_goes_through(receiver: Receiver) -> None:
    one = sender(receiver.url)
    receiver.answer = lambda _events: 1.0
    assert await one.send(BATCH) == "no answer within 0.3 s"
    receiver.answer = lambda _events: 200
    assert await one.send(BATCH) == ""
    one.close()
