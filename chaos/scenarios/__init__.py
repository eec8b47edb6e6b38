"""Scenarios: what is done to the server, grouped by topic."""
