"""WebSockets: users' sockets, and what they share with operators' sockets."""
