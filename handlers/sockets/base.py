"""Base of both sockets: upgrades a request to a WebSocket, and begins its session."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic

from handlers.base import ApiHandler, HandlerContext
from handlers.request_heads import RequestHead
from handlers.sockets.byte_streams import TornadoStream
from handlers.sockets.connection import CommandHandler, Connection, P
from handlers.sockets.handshake import VERSION, answer_to, check_handshake, has_version
from handlers.sockets.refusals import log_refusal
from handlers.sockets.stream_transport import StreamTransport
from models.errors import Overloaded, RequestError, TooMany
from realtime.counters import Counters
from realtime.protocol import CloseCode, Error
from realtime.sockets.admission import LimitReached


class BaseSocketHandler(ApiHandler, Generic[P]):
    """A socket. Each kind authenticates in `prepare` and reports a failure in `rejection`."""

    answers_head = False

    def set_up_socket(self, commands: CommandHandler[P], counters: Counters) -> None:
        """The second step of each socket's `initialize`, after its base's `set_up`."""
        self.commands = commands
        self.counters = counters

    def check_takes_sockets(self, *, is_cut_off: bool) -> None:
        """Refuse an upgrade before it happens, so that a proxy tries the next server. Raises Overloaded."""
        if self.context.traffic.draining:
            raise Overloaded("The server is shutting down. Try again.")
        if is_cut_off:
            raise Overloaded("The server is cut off from Redis, which other servers reach. Try again.")

    def rejection(self) -> tuple[CloseCode, str] | None:
        """The close code and message if this socket has no valid credentials."""
        raise NotImplementedError

    def longest_message(self) -> int:
        """The most bytes of a message that are read."""
        return self.context.settings.message_limit_bytes

    def admit(self, transport: StreamTransport) -> P:
        """Open a session. Raises LimitReached."""
        raise NotImplementedError

    def upgrade(self) -> None:
        """Upgrade the connection, and start the session. Raises Invalid if the request is not an upgrade.

        Nothing is awaited in between, because a peer that is lost meanwhile would go unnoticed.
        """
        check_handshake(self.request)
        if not has_version(self.request):
            self._log_refusal(426, "unsupported Sec-WebSocket-Version")
            self.set_status(426, "Upgrade Required")
            self.set_header("Sec-WebSocket-Version", VERSION)
            return
        self.clear_header("Content-Type")
        self.set_status(101)
        for name, value in answer_to(self.request).items():
            self.set_header(name, value)
        self.finish()
        stream = self.detach()
        stream.set_nodelay(True)
        connection = Connection[P](TornadoStream(stream), self.commands, self.context.traffic, self.longest_message())
        rejection = self.rejection()
        if rejection is None:
            open_session(connection, self.admit, self.context, self.counters, self.request, self.request_id)
        else:
            self.counters.count_close(rejection[0])
            self._log_refusal(*rejection)
            connection.reject(*rejection, Error(message=rejection[1], code="AUTH_ERROR"))

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """Log as for other requests, and say why an upgrade was refused."""
        if isinstance(value, RequestError):
            self._log_refusal(value.code, value.message, value.setting if isinstance(value, TooMany) else "")
        super().log_exception(typ, value, tb)

    def _log_refusal(self, code: str | int, reason: str, setting: str = "") -> None:
        log_refusal(self.context.origins, self.request, self.request_id, code, reason, setting)


def open_session(
    connection: Connection[P],
    admit: Callable[[StreamTransport], P],
    context: HandlerContext,
    counters: Counters,
    request: RequestHead,
    request_id: str,
) -> None:
    """Begin the session of an upgraded connection, or reject it because of a limit."""
    try:
        connection.start(admit(connection.transport))
    except LimitReached as limit:
        counters.refused[limit.close_code.name.lower()] += 1
        log_refusal(context.origins, request, request_id, limit.close_code, str(limit), limit.setting)
        connection.reject(limit.close_code, str(limit))
    except BaseException:
        connection.abort()
        raise
