"""Servers that Rollcall is compared with, each made of what people would use in its place."""
