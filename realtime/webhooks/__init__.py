"""Webhooks: what other programs are told of, and what they have been told."""
