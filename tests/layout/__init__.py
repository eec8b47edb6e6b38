"""The layout of the project: imports, versions, settings, documents."""
