"""A working package for an author to begin with."""
