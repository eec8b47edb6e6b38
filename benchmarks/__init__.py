"""Benchmarks: how fast Rollcall is, always beside something else measured in the same run."""
