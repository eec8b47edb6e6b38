"""The HTTP API for apps, and the endpoints for health probes and Prometheus."""
