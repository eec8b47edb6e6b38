"""Dashboard: what operators see, and what they can do about it."""
