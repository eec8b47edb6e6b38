"""Tests of the pure core: no port, no sleep, time that is told to move."""
