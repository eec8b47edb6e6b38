"""The HTTP API for apps, and the endpoints for probes and Prometheus."""
