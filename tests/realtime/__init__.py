"""Tests of the pure core: no port, no sleep, and time that moves only on request."""
