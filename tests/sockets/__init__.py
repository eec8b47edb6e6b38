"""The sockets, by a WebSocket client of others."""
