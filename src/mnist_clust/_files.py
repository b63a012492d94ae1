"""Read arrays from files that may be damaged or hostile; write files whole or not at all.

Reading is bounded and never unpickles.
"""

from __future__ import annotations

import gzip
import json
import lzma
import math
import os
import struct
import tempfile
import zipfile
import zlib
from pathlib import Path
from tokenize import TokenError
from typing import IO, Any, cast

import numpy as np
import numpy.typing as npt

MAX_BYTES = 2 * 1024**3
_CHUNK = 1 << 24
_IDX_TYPES = {8: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
_READ_ERRORS = (OSError, EOFError, zlib.error)
_ZIP_ERRORS = (
    zipfile.BadZipFile, lzma.LZMAError, struct.error, NotImplementedError, RuntimeError,
    UnicodeDecodeError,
)  # fmt: skip
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


def _parse_idx_header(file: IO[bytes], path: Path) -> tuple[tuple[int, ...], np.dtype[Any]]:
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in _IDX_TYPES or not magic[3]:
        raise DataError(f"{path} is no IDX file: it does not start with an IDX magic number.")
    header = file.read(4 * magic[3])
    if len(header) < 4 * magic[3]:
        raise DataError(f"{path} ends inside its header: fetch it again.")
    shape = tuple(int(size) for size in np.frombuffer(header, ">u4"))
    return shape, np.dtype(_IDX_TYPES[magic[2]])


def _parse_idx(file: IO[bytes], path: Path) -> npt.NDArray[Any]:
    shape, dtype = _parse_idx_header(file, path)
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


def unfolded_size(path: Path) -> int:
    """Read from a file's directory or header how many bytes it unfolds to, unfolding nothing.

    Parameters
    ----------
    path : Path
        Read as `read_npz` would if it ends in ``.npz``, else as `read_idx` would if it is gzipped;
        others are as large as they are.

    Raises
    ------
    DataError
        If the directory or header is damaged.
    """
    try:
        if path.suffix == ".npz":
            with zipfile.ZipFile(path) as archive:
                return sum(entry.file_size for entry in archive.infolist())
        with path.open("rb") as file:
            if file.read(2) != b"\x1f\x8b":
                return path.stat().st_size
            file.seek(0)
            with gzip.GzipFile(fileobj=file) as unzipped:
                shape, dtype = _parse_idx_header(cast(IO[bytes], unzipped), path)
                return math.prod(shape) * dtype.itemsize
    except (*_READ_ERRORS, *_ZIP_ERRORS) as error:
        raise _unreadable(path, error) from error


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


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees all of it or none, whenever the run is killed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def to_json(content: Any) -> bytes:
    """Serialise as the project's JSON files are: indented, in UTF-8, with a last newline."""
    return (json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()
