"""Bugs planted by hand, and the program that checks that the tests find them."""
