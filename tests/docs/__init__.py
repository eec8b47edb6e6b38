"""Tests of the documentation: what it says about the API is correct, and the server shows it."""
