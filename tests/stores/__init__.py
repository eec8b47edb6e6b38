"""Tests of the stores, with the embedded one and with MongoDB."""
