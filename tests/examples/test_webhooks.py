"""The receivers in examples/ verify what the server sends, skip duplicates, and survive being killed."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import os
import shutil
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tornado.httpclient import AsyncHTTPClient

from chaos.ports import free_port
from tests.program import MakeProgram
from tests.receiver import new_secret

pytestmark = [pytest.mark.slow, pytest.mark.gen_test(timeout=60)]

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
PROGRAMS = {
    "python": (sys.executable, str(EXAMPLES / "python" / "webhooks.py")),
    "node": ("node", str(EXAMPLES / "node" / "webhooks.mjs")),
}


class Receiving:
    """A receiver as a program, which can be killed and started again on the same port and file."""

    def __init__(self, language: str, folder: Path, secret: str) -> None:
        if not shutil.which(PROGRAMS[language][0]):
            pytest.skip("there is no Node")
        self.port = free_port()
        self.secret = secret
        self._argv = PROGRAMS[language]
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None
        self._lines: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    async def start(self) -> None:
        """Start it, and wait until it listens."""
        self._process = await asyncio.create_subprocess_exec(
            *self._argv,
            env={**os.environ, "WEBHOOK_SECRET": self.secret, "PORT": str(self.port)},
            cwd=self._folder,
            stdout=asyncio.subprocess.PIPE,
        )
        await self.prints(f"-- listening on http://127.0.0.1:{self.port}")

    async def prints(self, line: str) -> None:
        """Wait for a line, and skip the lines before it."""
        assert self._process is not None
        assert self._process.stdout is not None
        async with asyncio.timeout(20):
            while (text := (await self._process.stdout.readline()).decode().rstrip()) != line:
                self._lines.append(text)
                assert not self._process.stdout.at_eof(), self._lines

    async def kill(self) -> None:
        """Kill it, as `kill -9` does."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
        if self._process is not None:
            await self._process.wait()


@contextlib.asynccontextmanager
async def receiving(language: str, folder: Path) -> AsyncIterator[Receiving]:
    receiver = Receiving(language, folder, new_secret())
    await receiver.start()
    try:
        yield receiver
    finally:
        await receiver.kill()


def signed(secret: str, id: str, body: bytes, at: float) -> dict[str, str]:
    """Return the headers of a genuine webhook."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signature = base64.b64encode(hmac.new(key, f"{id}.{int(at)}.".encode() + body, hashlib.sha256).digest()).decode()
    return {"webhook-id": id, "webhook-timestamp": str(int(at)), "webhook-signature": f"v1,{signature}"}


BODY = json.dumps({"type": "events", "events": [{"type": "user.deleted", "data": {"user_id": 7}}]}).encode()


@pytest.mark.parametrize("language", PROGRAMS)
async def test_the_receiver_refuses_what_is_not_genuine_and_takes_each_webhook_once(
    language: str, tmp_path: Path, http: AsyncHTTPClient
) -> None:
    async with receiving(language, tmp_path) as receiver:

        async def post(headers: dict[str, str], body: bytes = BODY) -> int:
            answer = await http.fetch(receiver.url, method="POST", headers=headers, body=body, raise_error=False)
            return answer.code

        now = time.time()
        genuine = signed(receiver.secret, "msg_1", BODY, now)
        assert await post(signed(new_secret(), "msg_1", BODY, now)) == 401
        assert await post(signed(receiver.secret, "msg_1", BODY, now - 600)) == 401
        assert await post(signed(receiver.secret, "msg_1", BODY, now + 600)) == 401
        assert await post(genuine, BODY.replace(b"7", b"8")) == 401
        assert await post({**genuine, "webhook-id": "msg_2"}) == 401
        assert await post({**genuine, "webhook-signature": ""}) == 401
        assert await post({**genuine, "webhook-timestamp": "²"}) == 401
        assert await post({}) == 401
        assert await post(genuine) == 204
        await receiver.prints("user 7 deleted")
        assert await post(genuine) == 204
        await receiver.kill()
        await receiver.start()
        assert await post(genuine) == 204
        several = signed(receiver.secret, "msg_3", BODY.replace(b"7", b"9"), now)
        several["webhook-signature"] = f"v1,AAAA {several['webhook-signature']}"
        assert await post(several, BODY.replace(b"7", b"9")) == 204
        await receiver.prints("user 9 deleted")
        assert "user 7 deleted" not in receiver._lines[-1:]


@pytest.mark.parametrize("language", PROGRAMS)
async def test_the_receiver_hears_of_what_happens_on_the_server_also_while_it_was_dead(
    language: str, tmp_path: Path, program: MakeProgram
) -> None:
    async with receiving(language, tmp_path) as receiver:
        server = program(
            webhook_url=receiver.url, webhook_secret=receiver.secret, webhook_retry_first_seconds=0.1,
            webhook_retry_longest_seconds=0.5,
        )  # fmt: skip
        await server.start()
        ada = await server.register("ada")
        await receiver.prints("ada offline")
        await ada.put("/users/me/status", {"is_online": True})
        await receiver.prints("ada available")
        await receiver.kill()
        await ada.put("/users/me/status", {"is_busy": True})
        await asyncio.sleep(0.5)
        await receiver.start()
        await receiver.prints("ada busy")
