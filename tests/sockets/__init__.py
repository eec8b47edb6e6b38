"""Tests of the sockets, with a third-party WebSocket client."""
