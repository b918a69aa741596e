"""Each remedy of tinynet: how it is provoked, and its advice followed. The tests are in contracts/test_remedies.py."""
