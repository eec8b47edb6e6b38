"""Sockets: users' sessions and how updates reach them."""
