"""Procedural skeleton sequences for trials without data; every number made with them is called synthetic."""

from .catalogue import catalogue
from .generator import describe, generate

__all__ = ['catalogue', 'describe', 'generate']
