"""Webhooks: sends what has changed to the program that receives it."""
