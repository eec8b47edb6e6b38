"""Cluster: several servers as one, over a log that they share."""
