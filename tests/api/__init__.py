"""The REST API, by real HTTP."""
