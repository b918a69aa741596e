"""The planted bugs, by room of the library."""
