"""Grids of configs, option sets and seeds, run as local processes and summed up in one table."""
