"""The document the service began with, section by section."""
