"""Long results, kept on disk between runs of the same code on the same data."""

from __future__ import annotations

import functools
import hashlib
import inspect
import io
import os
import re
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import joblib

import mnist_clust
import numba_tsne
from mnist_clust._write import remove_half_written, write_atomically
from mnist_clust.numerics import OWN, in_force, processor

_P = ParamSpec("_P")
_R = TypeVar("_R")
_DIGEST_SIZE = hashlib.sha256().digest_size
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

    A change anywhere in the package must count, so each state of the source has a folder of its
    own, and only the newest is kept. A result is stored whole, with a digest, or not at all; one
    that is damaged, or cannot be kept, is computed, and a line on standard error says so.

    Parameters
    ----------
    function : callable
        Of module level, pure: equal arguments give equal results.

    Returns
    -------
    callable
        The same function, remembering.
    """
    signature = inspect.signature(function)

    @functools.wraps(function)
    def remembering(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        name = f"{function.__module__}.{function.__qualname__}"
        path = _folder() / f"{name}-{joblib.hash(dict(bound.arguments))}.pickle"
        if path.is_file():
            try:
                return _read(path)  # type: ignore[no-any-return]
            except Exception as error:  # unpickling damaged bytes can raise anything
                _say(f"What was kept of {name} cannot be used and is made anew ({error}).")
        result = function(*args, **kwargs)
        try:
            _write(path, result)
        except OSError as error:
            _say(f"The result of {name} is not kept for the next run ({error.strerror}).")
        return result

    return remembering


def _read(path: Path) -> Any:
    with path.open("rb") as file:
        rest = path.stat().st_size - _DIGEST_SIZE
        digest = hashlib.sha256()
        while rest > 0 and (piece := file.read(min(rest, 1 << 20))):
            digest.update(piece)
            rest -= len(piece)
        if rest or file.read() != digest.digest():
            raise ValueError("it is damaged")
        file.seek(0)
        return joblib.load(file)


def _write(path: Path, result: object) -> None:
    buffer = io.BytesIO()
    joblib.dump(result, buffer)
    buffer.write(hashlib.sha256(buffer.getbuffer()).digest())
    if not (tag := path.with_name(_TAG)).exists():
        write_atomically(tag, _SIGNATURE.encode())
    write_atomically(path, buffer.getbuffer())


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr)


@functools.cache
def _folder() -> Path:
    base = Path(os.environ.get("MNIST_CLUST_CACHE") or project_root() / ".cache" / "results")
    current = base / _source_digest()
    if not current.exists() and base.is_dir():
        for stale in base.iterdir():
            if re.fullmatch("[0-9a-f]{16}", stale.name):
                _empty(stale)
    return current


def _empty(folder: Path) -> None:
    """Remove what a cache of ours holds and nothing else: its folder may be used by others."""
    tag = folder / _TAG
    try:
        if tag.read_text(encoding="utf-8") != _SIGNATURE:
            return
        remove_half_written(folder)
        for entry in folder.glob("*.pickle"):
            if re.fullmatch(r"[\w.]+-[0-9a-f]{32}\.pickle", entry.name):
                entry.unlink()
        tag.unlink()
        folder.rmdir()
    except (OSError, ValueError):  # it is nobody's loss if it stays
        return


def _source_digest() -> str:
    digest = hashlib.sha256(sys.version.encode())
    digest.update(in_force().encode())
    if in_force() == OWN:
        digest.update(processor().encode())
    for library in _LIBRARIES:
        digest.update(f"{library} {version(library)}".encode())
    for package in (numba_tsne, mnist_clust):
        for path in sorted(Path(package.__path__[0]).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
