"""Chaos: named scenarios of faults, floods and hostile clients, each run against the real server."""
