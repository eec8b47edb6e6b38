"""Benchmarks that measure how fast Rollcall is and how well its clients and dashboard keep up."""
