"""Ports: unused ports of this machine, for servers that are started as programs."""

from __future__ import annotations

import contextlib
import secrets
import socket
from collections import deque

CLAIMS_KEPT = 50
"""Of the ports that this process chose last. By then, its server listens on an earlier one, or has ended."""

_claims: deque[socket.socket] = deque()


def free_port() -> int:
    """An unused port, outside the range from which the kernel takes ports for outgoing connections.

    Until a server listens on it, no other process that calls this function gets it: an abstract Unix socket stands for
    the port.
    """
    while True:
        port = 12_000 + secrets.randbelow(20_000)
        claim = socket.socket(socket.AF_UNIX)
        with contextlib.suppress(OSError), socket.socket() as probe:
            claim.bind(f"\0rollcall-port-{port}")
            probe.bind(("127.0.0.1", port))
            _claims.append(claim)
            if len(_claims) > CLAIMS_KEPT:
                _claims.popleft().close()
            return port
        claim.close()
