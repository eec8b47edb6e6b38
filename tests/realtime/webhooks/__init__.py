"""Tests of what webhooks tell."""
