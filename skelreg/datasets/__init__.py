"""Skeleton archives, datasets and splits."""
