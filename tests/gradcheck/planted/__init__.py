"""Planted bugs that the gradient check must find, correct code that must pass, and bugs that it cannot find.

`python -m tests.gradcheck.planted` prints the table.
"""
