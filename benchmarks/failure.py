"""Failure: a benchmark that cannot run says why, and prints no figure."""

from __future__ import annotations


class BenchmarkError(Exception):
    """Why there is no result, in words for whoever started the benchmark."""
