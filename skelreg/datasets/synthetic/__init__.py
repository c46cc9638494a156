"""Procedural skeleton sequences for trials without data; every number made with them is called synthetic."""

from .actions import catalogue
from .generator import generate

__all__ = ['catalogue', 'generate']
