"""Tests of sending webhooks."""
