"""Tests of the operators' dashboard in Chromium, with the server as a separate process."""
