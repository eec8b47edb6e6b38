"""What is stored, and what a value is."""
