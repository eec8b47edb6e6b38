"""Tests of the README's example and of those in examples/, unchanged."""
