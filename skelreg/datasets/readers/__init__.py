"""Readers of raw formats, one file a format."""
