"""The error of a benchmark that can't run: it says why and prints no figures."""

from __future__ import annotations


class BenchmarkError(Exception):
    """Why there is no result, in words meant for the person who started the benchmark."""
