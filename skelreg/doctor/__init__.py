"""Examinations of what training depends on: environment, config, archive, plugin."""
