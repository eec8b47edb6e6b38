"""Tests of the log that several servers share, in simulation and in a real Redis."""
