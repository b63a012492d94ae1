"""Long results, kept on disk between runs of the same code on the same data."""

from __future__ import annotations

import functools
import hashlib
import inspect
import io
import os
import shutil
import sys
from collections.abc import Callable
from contextlib import ExitStack, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import joblib
import numpy.typing as npt
from sklearn.base import clone

import image_files
import mnist_clust
import numba_tsne
from image_files.writing import digest, sole_writer, write_atomically, write_together
from mnist_clust import project_root
from mnist_clust.numerics import OWN, in_force, processor
from numba_tsne._parallel import one_thread

_P = ParamSpec("_P")
_R = TypeVar("_R")
_E = TypeVar("_E")
_KEPT, _RESULT, _DIGEST = "joblib", "output.pkl", "output.sha256"
_TAG = "CACHEDIR.TAG"  # as backups know caches (https://bford.info/cachedir); here, what is ours
_SIGNATURE = (
    "Signature: 8a477f597d28d172789f06886806bc55\n# This folder is a cache of mnist-clust.\n"
)
_LIBRARIES = ("joblib", "numba", "numpy", "scikit-learn", "scipy")  # that make what is kept


def cached(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Keep a function's results on disk, keyed by its arguments' content and the source here.

    A change anywhere in the packages counts (figures apart: none is kept): each state of the
    source has a folder of its own, and only the newest is kept. A result is stored whole, with a
    digest, or not at all; one that is damaged, or cannot be kept, is computed, and a line on
    standard error says so. Of runs that need the same, one computes it, and the others wait.

    Parameters
    ----------
    function : callable
        Of module level, pure: equal arguments give equal results.
    """
    signature = inspect.signature(function)
    name = f"{function.__module__}.{function.__qualname__}"

    @functools.wraps(function)
    def remembering(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        base = _folder()
        if base is None:
            return function(*args, **kwargs)
        given = signature.bind(*args, **kwargs)
        given.apply_defaults()
        entry = base / name / joblib.hash((inspect.getsource(function), given.arguments))
        with ExitStack() as lock:
            whole = _is_whole(entry)
            if not whole:
                with suppress(OSError):  # `_keep` says it
                    lock.enter_context(sole_writer(entry, quiet=True))
                whole = _is_whole(entry)  # by now, if another run was at it
            why = "it is damaged" if (entry / _RESULT).exists() else ""
            if whole:
                try:
                    kept: _R = joblib.load(entry / _RESULT)
                    return kept
                except Exception as error:  # whatever a library may raise
                    why = str(error)
            if why:
                _say(f"What was kept of {name} is made anew ({why}).")
            result = function(*args, **kwargs)
            _keep(entry, result, name)
            return result

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


def _is_whole(entry: Path) -> bool:
    try:
        with (entry / _RESULT).open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        return (entry / _DIGEST).read_bytes() == found.encode()
    except OSError:
        return False


def _keep(entry: Path, result: object, name: str) -> None:
    content = io.BytesIO()
    joblib.dump(result, content)
    kept = content.getbuffer()
    mark = {entry.parents[2] / _TAG: _SIGNATURE.encode()}  # a run of another state may remove it
    try:  # the digest first, so that what a killed run leaves is not trusted
        write_together(mark | {entry / _DIGEST: digest(kept).encode(), entry / _RESULT: kept})
    except OSError as error:
        _say(f"The result of {name} is not kept for the next run ({error.strerror}).")


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr)


@functools.cache
def _folder() -> Path | None:
    """Make the folder of the source's state, and remove those of earlier ones."""
    base = Path(os.environ.get("MNIST_CLUST_CACHE") or project_root() / ".cache" / "results")
    current = base / _source_digest()
    try:
        if not current.exists():
            for earlier in base.glob("[0-9a-f]" * 16):
                _empty(earlier)
        current.mkdir(parents=True, exist_ok=True)
        if not (current / _TAG).exists():
            write_atomically(current / _TAG, _SIGNATURE.encode())
        return current / _KEPT
    except OSError as error:
        _say(f"What is computed here is not kept for the next run ({error.strerror}).")
        return None


def _empty(folder: Path) -> None:
    """Remove what a cache of ours holds and nothing else: its folder may be used by others."""
    try:
        if (folder / _TAG).read_text(encoding="utf-8") == _SIGNATURE:
            shutil.rmtree(folder / _KEPT, ignore_errors=True)
            (folder / ".gitignore").unlink(missing_ok=True)  # of earlier versions
            (folder / _TAG).unlink()
            folder.rmdir()
    except (OSError, ValueError):  # it is nobody's loss if it stays
        return


def _source_digest() -> str:
    state = [sys.version, in_force(), processor() if in_force() == OWN else ""]
    state += [f"{library} {version(library)}" for library in _LIBRARIES]
    for package in (image_files, numba_tsne, mnist_clust):
        files = sorted(Path(package.__path__[0]).rglob("*.py"))
        state += [digest(path.read_bytes()) for path in files if path.parent.name != "plots"]
    return digest(repr(state).encode())[:16]
