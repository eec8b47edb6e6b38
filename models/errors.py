"""What a store raises beyond pymongo's own errors."""

from __future__ import annotations


class StoreUnavailable(Exception):
    """The store cannot be reached in time: answer 503 and try later.

    A write that ends so may have been applied or not; the next read tells. The message names no credentials.
    """
