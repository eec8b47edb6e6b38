"""Scenarios: what is done to the server, by what it is about."""
