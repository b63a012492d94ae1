"""What several tests need."""

import contextlib
import os
import shutil
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from mnist_clust.data import mnist_is_local
from mnist_report.report import find_notebooks

NOBODY = 65534  # the user id that owns nothing
NO_MNIST = "full MNIST is not on this machine: set MNIST_CLUST_DATA to a folder with its four files"


def idx_bytes(array: np.ndarray) -> bytes:
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(np.uint8).tobytes()


@contextlib.contextmanager
def open_folder() -> Iterator[Path]:
    """Make a folder that everybody may enter and write to, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="open-"))
    folder.chmod(0o777)
    try:
        yield folder
    finally:
        for path in folder.rglob("*"):
            if not path.is_symlink():
                path.chmod(0o755)
        shutil.rmtree(folder)


@contextlib.contextmanager
def unprivileged() -> Iterator[None]:
    """Become somebody who may not read everything; root may, whatever a file's mode says.

    Where that somebody may not read the project either, nothing could be imported: such tests skip.
    """
    root = os.geteuid() == 0
    if root:
        try:
            os.seteuid(NOBODY)
        except OSError as error:
            pytest.skip(f"root cannot become another user here: {error}")
    try:
        if not os.access(__file__, os.R_OK, effective_ids=os.access in os.supports_effective_ids):
            pytest.skip("others than root may not read this checkout")
        yield
    finally:
        if root:
            os.seteuid(0)


def in_its_own_process(check: Callable[[Path], None], folder: Path) -> None:
    """Call a function of a test file where no thread of another test's is.

    tracemalloc traces them, too, and before Python 3.12.9 to stop it while one of them allocates
    without holding the interpreter ends the process.
    """
    module = Path(check.__code__.co_filename)
    say = (
        f"import sys; from pathlib import Path; sys.path[:] = {[str(module.parent), *sys.path]}; "
        f"import {module.stem}; {module.stem}.{check.__name__}(Path({str(folder)!r}))"
    )
    done = subprocess.run([sys.executable, "-c", say], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def notebooks_for_the_sample() -> list[Path]:
    """All, but for the longest three where nbval will run them on full MNIST anyhow."""
    long = ("09", "10", "11") if mnist_is_local() else ()
    return [path for path in find_notebooks() if not path.name.startswith(long)]
