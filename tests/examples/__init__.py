"""The README's example and those in examples/, as they stand."""
