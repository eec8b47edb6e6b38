"""The operators' dashboard over HTTP."""
