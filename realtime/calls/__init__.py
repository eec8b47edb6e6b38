"""Calls: who is in which call."""
