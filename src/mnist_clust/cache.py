"""Long results, kept on disk between runs of the same code on the same data."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import io
import logging
import os
import shutil
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import joblib
import numpy.typing as npt
from joblib._store_backends import FileSystemStoreBackend
from sklearn.base import clone

import mnist_clust
import numba_tsne
from mnist_clust._write import digest, write_atomically, write_together
from mnist_clust.numerics import OWN, in_force, processor
from numba_tsne._parallel import one_thread

_P = ParamSpec("_P")
_R = TypeVar("_R")
_E = TypeVar("_E")
_ENTRY, _KEPT, _DIGEST = "output.pkl", "joblib", "output.sha256"  # the first two are joblib's
_TAG = "CACHEDIR.TAG"  # as backups know caches (https://bford.info/cachedir); here, what is ours
_SIGNATURE = (
    "Signature: 8a477f597d28d172789f06886806bc55\n# This folder is a cache of mnist-clust.\n"
)
_LIBRARIES = ("joblib", "numba", "numpy", "scikit-learn", "scipy")  # that make what is kept


def project_root() -> Path:
    """Return the checkout this package is installed from, or else the current folder."""
    root = Path(__file__).resolve().parents[2]
    return root if (root / "pyproject.toml").is_file() else Path.cwd()


def cached(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Keep a function's results on disk, keyed by its arguments' content and the source here.

    It is joblib's `Memory`, but a change anywhere in the packages must count (figures apart: none
    is kept), so each state of the source has a folder of its own, and only the newest is kept. A
    result is stored whole, with a digest, or not at all; one that is damaged, or cannot be kept, is
    computed, and a line on standard error says so.

    Parameters
    ----------
    function : callable
        Of module level, pure: equal arguments give equal results.
    """

    @functools.wraps(function)
    def remembering(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        return _memory().cache(function)(*args, **kwargs)  # type: ignore[no-any-return]

    return remembering


def fit(estimator: _E, X: npt.NDArray[Any]) -> _E:
    """Return ``estimator.fit(X)``, remembered on disk.

    Parameters
    ----------
    estimator : estimator
        Of scikit-learn, or one that follows its conventions, with its seed given. It stays as it
        is; what comes back is its fitted copy.
    X : ndarray of shape (n, n_features)

    Notes
    -----
    The libraries are kept to one thread: on two they would add up in another order.
    """
    fitted: _E = _fit(estimator, X)
    return fitted


@cached
def _fit(estimator: Any, X: npt.NDArray[Any]) -> Any:
    with one_thread():
        return clone(estimator).fit(X)


class _CheckedStore(FileSystemStoreBackend):  # type: ignore[misc]
    """joblib's store, with a digest of each entry beside it."""

    def contains_item(self, call_id: tuple[str, str]) -> bool:
        path = Path(self.location, *call_id, _ENTRY)
        try:
            with path.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
            whole = path.with_name(_DIGEST).read_bytes() == found.encode()
        except OSError:
            return False
        if not whole:
            _say(f"What was kept of {call_id[0]} cannot be used and is made anew (it is damaged).")
        return whole

    def load_item(self, call_id: tuple[str, str], *_: object, **__: object) -> object:
        try:
            return joblib.load(Path(self.location, *call_id, _ENTRY))
        except Exception as error:
            _say(f"What was kept of {call_id[0]} cannot be used and is made anew ({error}).")
            raise

    def dump_item(self, call_id: tuple[str, str], item: object, *_: object, **__: object) -> None:
        # The digest first, so that what a killed run leaves is not trusted.
        path, content = Path(self.location, *call_id, _ENTRY), io.BytesIO()
        joblib.dump(item, content)
        kept = content.getbuffer()
        try:
            write_together({path.with_name(_DIGEST): digest(kept).encode(), path: kept})
        except OSError as error:
            _say(f"The result of {call_id[0]} is not kept for the next run ({error.strerror}).")

    def store_cached_func_code(self, *args: Any, **kwargs: Any) -> None:
        with contextlib.suppress(OSError):  # `dump_item` says it
            super().store_cached_func_code(*args, **kwargs)

    def store_metadata(self, *_: object, **__: object) -> None:
        return  # no two runs would leave the same


joblib.register_store_backend("checked", _CheckedStore)
logging.getLogger("joblib").setLevel(logging.ERROR)  # it warns with a traceback of what we say


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr)


@functools.cache
def _memory() -> joblib.Memory:
    base = Path(os.environ.get("MNIST_CLUST_CACHE") or project_root() / ".cache" / "results")
    current = base / _source_digest()
    try:
        if not current.exists():
            for earlier in base.glob("[0-9a-f]" * 16):
                _empty(earlier)
        current.mkdir(parents=True, exist_ok=True)
        if not (current / _TAG).exists():
            write_atomically(current / _TAG, _SIGNATURE.encode())
        return joblib.Memory(str(current), backend="checked", verbose=0)
    except OSError as error:
        _say(f"What is computed here is not kept for the next run ({error.strerror}).")
        return joblib.Memory(None, verbose=0)


def _empty(folder: Path) -> None:
    """Remove what a cache of ours holds and nothing else: its folder may be used by others."""
    try:
        if (folder / _TAG).read_text(encoding="utf-8") == _SIGNATURE:
            shutil.rmtree(folder / _KEPT, ignore_errors=True)
            (folder / ".gitignore").unlink(missing_ok=True)  # joblib's
            (folder / _TAG).unlink()
            folder.rmdir()
    except (OSError, ValueError):  # it is nobody's loss if it stays
        return


def _source_digest() -> str:
    state = [sys.version, in_force(), processor() if in_force() == OWN else ""]
    state += [f"{library} {version(library)}" for library in _LIBRARIES]
    for package in (numba_tsne, mnist_clust):
        files = sorted(Path(package.__path__[0]).rglob("*.py"))
        state += [digest(path.read_bytes()) for path in files if path.parent.name != "plots"]
    return digest(repr(state).encode())[:16]
