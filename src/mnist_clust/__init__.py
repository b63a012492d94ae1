"""How far a machine gets with handwritten digits when nobody tells it what they are."""

from mnist_clust.data import DataError, Digits, load_digits

__all__ = ["DataError", "Digits", "load_digits"]
__version__ = "0.1.0"
