"""Tests of operation: the command line, watch, the demo, and what the documents say of them."""
