"""Losses over a step."""
