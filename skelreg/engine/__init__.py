"""Hooks, loops, metrics and evaluation on frozen features."""
