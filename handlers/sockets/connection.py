"""Connection: a WebSocket after its upgrade. It passes what the client sends to a session of a user or an operator."""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar

import structlog

from handlers.sockets.byte_streams import ByteStream
from handlers.sockets.stream_transport import StreamTransport
from handlers.sockets.websocket_protocol import WebSocketProtocol
from handlers.traffic import Traffic
from realtime.protocol import CloseCode, Error, Message, encode

_log = structlog.stdlib.get_logger("rollcall.sockets")


class Peer(Protocol):
    """The other end of a socket: a user's session or an operator's."""

    session_id: str

    def push(self, message: Message, /) -> None: ...
    def close(self, code: CloseCode, reason: str, /) -> None: ...
    def closed_by_peer(self, code: int | None, /) -> None: ...


P = TypeVar("P", bound=Peer)
Sender = TypeVar("Sender", contravariant=True)


class CommandHandler(Protocol[Sender]):
    """Carries out the commands of one kind of peer."""

    def dispatch(self, peer: Sender, text: str, /) -> None: ...
    def not_text(self, peer: Sender, /) -> None: ...
    def allow(self, peer: Sender, /) -> bool: ...
    def pong(self, peer: Sender, /) -> None: ...


class Connection(Generic[P]):
    """Begins with a session, or is rejected. Ends the session when the client has gone."""

    __slots__ = ("__weakref__", "_commands", "_peer", "_protocol", "_traffic", "transport")

    def __init__(self, stream: ByteStream, commands: CommandHandler[P], traffic: Traffic, message_limit: int) -> None:
        self._commands = commands
        self._traffic = traffic
        self._peer: P | None = None
        self._protocol = WebSocketProtocol(stream, self, message_limit)
        self.transport = StreamTransport(stream, self._protocol)

    def start(self, peer: P) -> None:
        """Pass on what the client sends from now on."""
        self._peer = peer
        self._traffic.sockets += 1
        self._protocol.start()

    def reject(self, code: CloseCode, message: str, error: Error | None = None) -> None:
        """Close with a code that tells the client what to do; before that, send an error."""
        self.transport.send_head()
        if error is not None:
            self.transport.buffer(encode(error), lambda: None)
        self._protocol.close(code, message)
        self._protocol.start()

    def abort(self) -> None:
        """End the connection after an unexpected error."""
        self.transport.send_head()
        self._protocol.abort()

    def on_text(self, text: str) -> None:
        """Carry out one command. After an unexpected error in the server, the socket stays open."""
        if self._peer is not None:
            try:
                self._commands.dispatch(self._peer, text)
            except Exception:
                self._report_failure(self._peer)

    def on_binary(self) -> None:
        """Refuse a binary message: commands are text."""
        if self._peer is not None:
            try:
                self._commands.not_text(self._peer)
            except Exception:
                self._report_failure(self._peer)

    def on_empty_fragment(self) -> None:
        """Count an empty fragment as a command, so that a flood of them is limited."""
        self._count_as_command()

    def on_too_many_fragments(self) -> None:
        """Close a socket whose message has too many fragments."""
        if self._peer is not None:
            self._peer.close(CloseCode.PROTOCOL_VIOLATION, "too many fragments")

    def on_bad_frame(self, reason: str) -> None:
        """Close a socket whose peer broke RFC 6455."""
        if self._peer is not None:
            self._peer.close(CloseCode.PROTOCOL_ERROR, reason)

    def on_ping(self) -> None:
        """Count a ping as a command, so that a flood of pings is limited. It has been answered."""
        self._count_as_command()

    def on_pong(self) -> None:
        """The peer has answered our ping, or sent a pong unasked."""
        if self._peer is not None:
            self._commands.pong(self._peer)

    def on_busy(self) -> None:
        """What the session writes must not overtake a pong that waits."""
        self.transport.on_busy()

    def on_closed(self, code: int | None) -> None:
        """The connection was closed, by either side."""
        peer, self._peer = self._peer, None
        if peer is not None:
            self._traffic.sockets -= 1
            peer.closed_by_peer(code)

    def _count_as_command(self) -> None:
        if self._peer is not None:
            self._commands.allow(self._peer)

    def _report_failure(self, peer: P) -> None:
        _log.exception("command failed", session_id=peer.session_id)
        peer.push(Error(message="Something went wrong", code="SERVER_ERROR"))
