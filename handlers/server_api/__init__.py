"""The API for an app's own backend, which calls it with a service key."""
