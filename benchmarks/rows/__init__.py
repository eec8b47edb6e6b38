"""The rows of `python -m benchmarks`, one module for each subject."""
