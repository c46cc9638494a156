"""Encoders of skeleton sequences."""
