"""Tests of operation: the command line, `watch`, the demo, and their documentation."""
