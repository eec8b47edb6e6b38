"""The home page, the documents at /docs, and the OpenAPI and AsyncAPI descriptions."""
