"""Presence: one status per user, from claims and evidence."""
