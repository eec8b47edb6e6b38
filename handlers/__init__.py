"""Read the request, call one thing, write the answer."""
