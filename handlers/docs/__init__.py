"""The home page, the documentation at /docs, and the OpenAPI and AsyncAPI descriptions."""
