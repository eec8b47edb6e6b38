"""Tests of the client against the real server, over very bad networks."""
