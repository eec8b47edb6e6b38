"""A server with nothing but Tornado's handlers. It is run as a `TalkingChild`.

    python -m benchmarks.peers.tornado_server FIRST_BYTES

`/ws` sends two messages of FIRST_BYTES to each new client, and returns what clients send. `POST /heartbeat` checks the
same claims of the same token as Rollcall, with the secret in the variable BENCHMARK_SECRET, and answers JSON of the
same size. On stdin, "send COUNT BYTES" sends messages to every client. On stdout there are JSON lines: "listening" with
the port, and "sent" after each command.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys

import jwt
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, HTTPError, RequestHandler
from tornado.websocket import WebSocketHandler

from settings import Settings

_REQUIRED = ["sub", "iat", "exp", "iss", "aud", "jti", "typ"]
_BEGINNING, _END = '{"type":"user_status_update","padding":"', '"}'
_SETTINGS = Settings()


def message(size: int) -> str:
    """Return JSON of `size` bytes that sink.c counts as an update."""
    return _BEGINNING + "x" * (size - len(_BEGINNING) - len(_END)) + _END


class Echo(WebSocketHandler):
    """/ws"""

    clients: set[Echo]
    first: str

    def initialize(self, clients: set[Echo], first: str) -> None:
        self.clients, self.first = clients, first

    def open(self, *_path: str, **_named: str) -> None:
        self.clients.add(self)
        self.write_message(self.first)
        self.write_message(self.first)

    async def on_message(self, message: str | bytes) -> None:
        await self.write_message(message)

    def on_close(self) -> None:
        self.clients.discard(self)


class Heartbeat(RequestHandler):
    """/heartbeat"""

    def initialize(self, secret: str) -> None:
        self.secret = secret

    def post(self) -> None:
        token = self.request.headers.get("Authorization", "").removeprefix("Bearer ")
        try:
            claims = jwt.decode(
                token,
                self.secret,
                algorithms=["HS256"],
                issuer=_SETTINGS.token_issuer,
                audience=_SETTINGS.token_audience,
                options={"require": _REQUIRED},
            )
        except jwt.PyJWTError:
            raise HTTPError(401) from None
        if claims["typ"] != "access":
            raise HTTPError(401)
        self.write(
            {
                "user_id": int(claims["sub"]), "username": "user000000", "profile_image_url": None, "is_online": True,
                "last_seen": "2026-01-01T00:00:00.000000Z", "is_busy": False, "busy_until": None, "is_available": True,
            }
        )  # fmt: skip


async def main() -> None:
    """Serve until stdin is closed."""
    clients: set[Echo] = set()
    application = Application(
        [
            ("/ws", Echo, {"clients": clients, "first": message(int(sys.argv[1]))}),
            ("/heartbeat", Heartbeat, {"secret": os.environ["BENCHMARK_SECRET"]}),
        ]
    )
    sockets = bind_sockets(0, "127.0.0.1", backlog=4096)
    HTTPServer(application).add_sockets(sockets)
    _say({"event": "listening", "port": sockets[0].getsockname()[1]})
    ended = asyncio.Event()

    def obey() -> None:
        line = os.read(sys.stdin.fileno(), 4096).decode()
        if not line:
            ended.set()
            return
        _, count, size = line.split()
        text = message(int(size))
        for _ in range(int(count)):
            for client in clients:
                client.write_message(text)
        _say({"event": "sent"})

    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), obey)
    await ended.wait()


def _say(event: dict[str, object]) -> None:
    os.write(sys.stdout.fileno(), json.dumps(event).encode() + b"\n")


if __name__ == "__main__":
    asyncio.run(main())
