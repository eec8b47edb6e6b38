"""Tests of the project's layout: imports, versions, settings, documentation."""
