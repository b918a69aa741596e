"""The command line: `python -m tinynet`, or `tinynet`."""
