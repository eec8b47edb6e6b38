"""The operators' dashboard in Chromium, with the server as a program of its own."""
