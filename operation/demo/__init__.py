"""The demo: simulated users and a sign-in for trying things out."""
