"""How far a machine gets with handwritten digits when nobody tells it what they are."""

from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mnist_clust.data import DataError, Digits, load_digits

__all__ = ["DataError", "Digits", "load_digits"]
__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """Load on demand: `mnist_clust.numerics` must come before NumPy."""
    if name in __all__:
        return getattr(import_module("mnist_clust.data"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


@cache  # as it was at first: a program may change its folder later
def project_root() -> Path:
    """Return the checkout this is installed from, or that we are in, or the current folder."""
    here = Path.cwd()
    for folder in (Path(__file__).resolve().parents[2], here, *here.parents):
        if (folder / "pyproject.toml").is_file() and (folder / "src" / "mnist_clust").is_dir():
            return folder
    return here
