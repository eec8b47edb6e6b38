"""WebSockets: the sockets of users, and what they have in common with the operators' socket."""
