"""Tests of the stores, over the embedded one and over MongoDB."""
