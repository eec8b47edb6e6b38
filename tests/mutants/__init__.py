"""Mutants: known mistakes, planted one at a time. The tests must find each of them."""
