"""Tests of the API document that the service is based on, section by section."""
