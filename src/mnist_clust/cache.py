"""Long results, kept on disk between runs of the same code on the same data."""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

from joblib import Memory

_P = ParamSpec("_P")
_R = TypeVar("_R")


def project_root() -> Path:
    """Return the checkout this package is installed from, or else the current folder."""
    root = Path(__file__).resolve().parents[2]
    return root if (root / "pyproject.toml").is_file() else Path.cwd()


def cached(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Keep a function's results on disk, keyed by its arguments' content and the source here.

    joblib's own key sees the code of one function only; a change anywhere in the package must
    count, so each state of the source has a folder of its own, and only the newest is kept.

    Parameters
    ----------
    function : callable
        Of module level, pure: equal arguments give equal results.

    Returns
    -------
    callable
        The same function, remembering.
    """
    return _memory().cache(function)  # type: ignore[no-any-return]


@functools.cache
def _memory() -> Memory:
    base = Path(os.environ.get("MNIST_CLUST_CACHE") or project_root() / ".cache" / "results")
    current = base / _source_digest()
    if not current.exists() and base.is_dir():
        for stale in base.iterdir():
            shutil.rmtree(stale, ignore_errors=True)
    return Memory(current, verbose=0)


def _source_digest() -> str:
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
