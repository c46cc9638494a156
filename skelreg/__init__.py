"""skelreg: self- and semi-supervised skeleton action recognition, composed from registries."""

__version__ = '0.1.0'
