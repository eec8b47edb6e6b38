"""Tests of the benchmarks: how figures are judged and reported."""
