"""Read arrays from files that may be damaged or hostile; write files whole or not at all.

Reading is bounded and never unpickles.
"""

from __future__ import annotations

import contextlib
import fcntl
import gzip
import json
import math
import os
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from tokenize import TokenError
from typing import IO, Any, cast

import numpy as np
import numpy.typing as npt

MAX_BYTES = 2 * 1024**3
_CHUNK = 1 << 24
_HALF_WRITTEN = ".mnist-clust-new"
_LONGEST_NAME = 200  # of the 255 characters a file's name may have
IDX_TYPES = {8: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
_READ_ERRORS = (OSError, EOFError, zlib.error)
_ZIP_ERRORS = (zipfile.BadZipFile, NotImplementedError, RuntimeError, UnicodeDecodeError)
_HEADER_ERRORS = (ValueError, KeyError, SyntaxError, TypeError, RecursionError, TokenError)


class DataError(ValueError):
    """A data source cannot be used; the message says why and what to do, in one sentence."""


def read_idx(path: Path) -> npt.NDArray[Any]:
    """Read one IDX file, plain or gzipped (http://yann.lecun.com/exdb/mnist, "file formats").

    Raises
    ------
    DataError
        If the file is no IDX file, is damaged, or holds more or less than its header promises.
    """
    try:
        with path.open("rb") as file:
            zipped = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            if not zipped:
                return _parse_idx(file, path)
            with gzip.GzipFile(fileobj=file) as unzipped:
                return _parse_idx(cast(IO[bytes], unzipped), path)
    except _READ_ERRORS as error:
        raise _unreadable(path, error) from error


def _parse_idx(file: IO[bytes], path: Path) -> npt.NDArray[Any]:
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in IDX_TYPES or not magic[3]:
        raise DataError(f"{path} is no IDX file: it does not start with an IDX magic number.")
    header = file.read(4 * magic[3])
    if len(header) < 4 * magic[3]:
        raise DataError(f"{path} ends inside its header: fetch it again.")
    shape = tuple(int(size) for size in np.frombuffer(header, ">u4"))
    dtype = np.dtype(IDX_TYPES[magic[2]])
    size = math.prod(shape) * dtype.itemsize
    _check_size(size, path)
    body = _read_at_most(file, size + 1)
    if len(body) != size:
        more_or_less = "more" if len(body) > size else "less"
        raise DataError(
            f"{path} holds {more_or_less} than the {shape} values its header promises: "
            "fetch it again."
        )
    array = np.frombuffer(body, dtype).reshape(shape)
    return array.astype(dtype.newbyteorder("="), copy=False)


def _read_at_most(file: IO[bytes], size: int) -> bytes:
    """Read piece by piece, so that a header which promises much allocates nothing."""
    pieces: list[bytes] = []
    while size > 0 and (piece := file.read(min(size, _CHUNK))):
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


def read_npz(path: Path) -> dict[str, npt.NDArray[Any]]:
    """Read all arrays of an ``.npz`` file.

    Raises
    ------
    DataError
        If the file is damaged, too large, or holds Python objects.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if name.endswith(".npy")]
            _check_size(sum(archive.getinfo(name).file_size for name in names), path)
            arrays = {}
            for name in names:
                with archive.open(name) as file:
                    arrays[name.removesuffix(".npy")] = _parse_npy(file, path)
            return arrays
    except (*_READ_ERRORS, *_ZIP_ERRORS) as error:
        raise _unreadable(path, error) from error


def read_array(path: Path) -> npt.NDArray[Any]:
    """Read one ``.npy`` file, under the same guards as :func:`read_npz`."""
    try:
        with path.open("rb") as file:
            return _parse_npy(file, path)
    except _READ_ERRORS as error:
        raise _unreadable(path, error) from error


def _parse_npy(file: IO[bytes], path: Path) -> npt.NDArray[Any]:
    try:
        version = np.lib.format.read_magic(file)
        read_header = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }[version]
        shape, fortran, dtype = read_header(file)
    except _HEADER_ERRORS as error:
        raise DataError(f"{path} holds a damaged array header: save it again.") from error
    if dtype.hasobject:
        raise DataError(
            f"{path} holds Python objects, which are never unpickled: save numeric arrays."
        )
    if not all(isinstance(length, int) and length >= 0 for length in shape):
        raise DataError(f"{path} holds a damaged array header: save it again.")
    size = math.prod(shape) * dtype.itemsize
    _check_size(size, path)
    body = _read_at_most(file, size)
    if len(body) != size:
        raise DataError(f"{path} ends before its last image: fetch it or save it again.")
    array = np.frombuffer(body, dtype)
    return array.reshape(shape[::-1]).T if fortran else array.reshape(shape)


def _check_size(size: int, path: Path) -> None:
    if size > MAX_BYTES:
        raise DataError(
            f"{path} promises more than the {MAX_BYTES // 1024**3} GiB of values that are read: "
            "split it, or make the images smaller."
        )


def _unreadable(path: Path, error: Exception) -> DataError:
    if isinstance(error, PermissionError):
        return DataError(f"{path} may not be read: change its permissions.")
    if isinstance(error, IsADirectoryError):
        return DataError(f"{path} is a folder: give the path of a file.")
    if isinstance(error, FileNotFoundError):
        return DataError(f"{path} does not exist.")
    return DataError(f"{path} is damaged or truncated ({error}): fetch it or save it again.")


def write_atomically(path: Path, content: bytes | memoryview) -> None:
    """Write a file so that a reader sees all of it or none; see `write_together`."""
    write_together({path: content})


def write_together(contents: Mapping[Path, bytes | memoryview]) -> None:
    """Write files so that, whenever the run is killed, a reader sees all of each or none.

    All are written before the first takes its place, so a full disk changes none of them. What a
    killed run left half-written in the same folders is removed.

    Parameters
    ----------
    contents : dict of Path to bytes

    Raises
    ------
    OSError
        If a folder is read-only or the disk full; its ``filename`` is that of the file wanted.
    """
    for folder in {path.parent for path in contents}:
        folder.mkdir(parents=True, exist_ok=True)
        remove_half_written(folder)
    half_written: dict[Path, Path] = {}
    try:
        for path, content in contents.items():
            prefix = f".{path.name[:_LONGEST_NAME]}.{os.getpid()}-"
            handle, temporary = tempfile.mkstemp(_HALF_WRITTEN, prefix, path.parent)
            half_written[path] = Path(temporary)
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            half_written[path].chmod(0o644)
        for path, whole in half_written.items():
            whole.replace(path)
    except BaseException as error:
        for leftover in half_written.values():
            leftover.unlink(missing_ok=True)
        if isinstance(error, OSError):
            error.filename = str(path)
        raise


def remove_half_written(folder: Path) -> None:
    """Remove what killed runs left half-written in a folder; runs under way keep theirs."""
    for leftover in folder.glob(f".*{_HALF_WRITTEN}"):
        writer = leftover.name.removesuffix(_HALF_WRITTEN).rpartition(".")[2].partition("-")[0]
        if writer.isdecimal() and not _is_running(int(writer)):
            with contextlib.suppress(OSError):  # another run may be faster
                leftover.unlink()


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # somebody else's
        return True
    return True


@contextlib.contextmanager
def sole_writer(folder: Path) -> Iterator[None]:
    """Make a folder and keep other runs from writing there meanwhile; wait while one does.

    The lock is on the folder itself: it leaves no file behind, and ends with the process,
    however that ends.

    Parameters
    ----------
    folder : Path
    """
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # a file system without locks
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                print(f"Another run is writing to {folder}: this one waits for it.", flush=True)
                fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def to_json(content: Any) -> bytes:
    """Serialise as the project's JSON files are: indented, in UTF-8, with a last newline."""
    return (json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()
