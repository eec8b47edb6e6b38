"""Tests of the API for backends."""
