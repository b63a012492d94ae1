"""Read arrays from files that may be damaged or hostile: bounded, and never unpickled."""

from __future__ import annotations

import contextlib
import gzip
import io
import math
import os
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

MAX_BYTES = 2 * 1024**3  # of values
KINDS = (
    "a folder of PNG or JPEG pictures, an .npz, .npy, .csv, .parquet or .mat file, or IDX files, "
    "plain or gzipped"
)
_CHUNK = 1 << 24  # bytes read at once
IDX_TYPES = {8: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
_NPY_START = 1 << 14  # bytes; numpy takes headers of up to 10,000
_NPY_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
_MAT_MATRIX, _MAT_COMPRESSED, _MAT_COMPLEX = 14, 15, 0x800
_MAT_TYPES = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8",
              13: "u8"}  # fmt: skip
_MAT_CLASSES = {6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4",
                14: "i8", 15: "u8"}  # fmt: skip
# What np.savez writes; of bzip2 and LZMA, zipfile unfolds a whole piece, however large, at once.
_BOUNDED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_SAID: dict[type[Exception], str] = {
    PermissionError: "may not be read: change its permissions",
    IsADirectoryError: "is a folder: give the path of a file",
    FileNotFoundError: "does not exist",
    MemoryError: "needs more memory than there is: make the images smaller",
}

Array = npt.NDArray[Any]
Parts = dict[str, Array]
Read = Callable[[int], bytes]


class DataError(ValueError):
    """A data source cannot be used; the message says why and what to do, in one sentence."""


class FailureError(Exception):
    """Something failed that nobody used wrongly; the message says it in one sentence."""


class TooLargeError(DataError):
    """A file promises, or holds, more values than are read."""


@contextlib.contextmanager
def readable(path: str | os.PathLike[str]) -> Iterator[None]:
    """Say in a DataError's one sentence whatever goes wrong with a file.

    On damaged ones gzip, zipfile and numpy raise nearly anything, and not always the same in
    every version: fuzzing has found a dozen kinds.
    """
    try:
        yield
    except (DataError, ImportError):  # a library that is missing is no fault of the file
        raise
    except Exception as error:
        for kind, said in _SAID.items():
            if isinstance(error, kind):
                raise DataError(f"{path} {said}.") from error
        said = " ".join(str(getattr(error, "strerror", None) or error).split())
        raise DataError(
            f"{path} is damaged or truncated ({said}): fetch it or save it again."
        ) from error


def too_large(path: Path, limit: int) -> TooLargeError:
    """Say that a file promises more bytes of values than the limit allows."""
    most = f"{limit // 1024**3} GiB" if limit >= 1024**3 else f"{limit // 1024**2} MiB"
    return TooLargeError(
        f"{path} promises more than the {most} of values that are read: split it, or make the "
        "images smaller."
    )


def read_idx(path: Path, limit: int = MAX_BYTES) -> Array:
    """Read one IDX file, plain or gzipped (http://yann.lecun.com/exdb/mnist, "file formats")."""
    with readable(path), path.open("rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        return _parse_idx(gzip.GzipFile(fileobj=file).read if zipped else file.read, path, limit)


def _parse_idx(read: Read, path: Path, limit: int) -> Array:
    magic = read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in IDX_TYPES or not magic[3]:
        raise DataError(f"{path} is no IDX file, nor of another kind that is read: give {KINDS}.")
    header = read(4 * magic[3])
    if len(header) < 4 * magic[3]:
        raise DataError(f"{path} ends inside its header: fetch it again.")
    shape = tuple(np.frombuffer(header, ">u4").tolist())
    dtype = np.dtype(IDX_TYPES[magic[2]])
    values = _read_values(read, shape, dtype, path, limit)
    return values.reshape(shape).astype(dtype.newbyteorder("="), copy=False)


def _read_values(
    read: Read, shape: tuple[int, ...], dtype: np.dtype[Any], path: Path, limit: int,
    start: bytes = b"",
) -> Array:  # fmt: skip
    """Read what a header promises; that nothing follows has gzip and zip check their sums."""
    if math.prod(max(length, 1) for length in shape) * dtype.itemsize > limit:
        raise too_large(path, limit)
    size = math.prod(shape) * dtype.itemsize
    body = _read_at_most(read, size + 1, start)
    if len(body) != size:
        more_or_less = "more" if len(body) > size else "less"
        raise DataError(
            f"{path} holds {more_or_less} than the {shape} values its header promises: "
            "fetch it or save it again."
        )
    return np.frombuffer(body, dtype)


def _read_at_most(read: Read, size: int, start: bytes = b"") -> bytes:
    """Read piece by piece, so that a header which promises much allocates nothing."""
    pieces, size = [start], size - len(start)
    while size > 0 and (piece := read(min(size, _CHUNK))):
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


def read_npz(path: Path, limit: int = MAX_BYTES) -> Parts:
    """Read all arrays of an ``.npz`` file.

    Raises
    ------
    DataError
        If the file is damaged, too large, or holds Python objects.
    """
    with readable(path), zipfile.ZipFile(path) as archive:
        entries = [entry for entry in archive.infolist() if entry.filename.endswith(".npy")]
        if sum(entry.file_size for entry in entries) > limit:
            raise too_large(path, limit)
        if any(entry.compress_type not in _BOUNDED for entry in entries):
            raise DataError(
                f"{path} is compressed in a way that is not read: save it with np.savez_compressed."
            )
        arrays = {}
        for entry in entries:
            with archive.open(entry) as file:
                arrays[entry.filename.removesuffix(".npy")] = _parse_npy(file.read, path, limit)
        return arrays


def read_array(path: Path, limit: int = MAX_BYTES) -> Array:
    """Read one ``.npy`` file, under the same guards as `read_npz`."""
    with readable(path), path.open("rb") as file:
        return _parse_npy(file.read, path, limit)


def _parse_npy(read: Read, path: Path, limit: int) -> Array:
    start = read(_NPY_START)  # not from the file: numpy asks for as much memory as it promises
    head = io.BytesIO(start)
    try:
        shape, fortran, dtype = _NPY_HEADERS[np.lib.format.read_magic(head)](head)
        if any(type(side) is not int or side < 0 for side in shape):
            raise ValueError("a shape that is none")
        if not dtype.itemsize or dtype.subdtype:
            raise ValueError("a type of no numbers")
    except Exception as error:  # numpy evaluates what is written there
        raise DataError(f"{path} holds a damaged array header: save it again.") from error
    if dtype.hasobject:
        raise DataError(
            f"{path} holds Python objects, which are never unpickled: save numeric arrays."
        )
    array = _read_values(read, shape, dtype, path, limit, start[head.tell() :])
    return array.reshape(shape[::-1]).T if fortran else array.reshape(shape)


def read_mat(path: Path, limit: int = MAX_BYTES) -> Parts:
    """Read the arrays of real numbers in a MATLAB file of version 5 to 7.

    SciPy has such a reader; it crashes on some damaged files, and believes any promise. The
    format: "MAT-File Format", The MathWorks.
    """
    arrays: Parts = {}
    with readable(path), path.open("rb") as file:
        start = file.read(128)
        if start.startswith((b"\x89HDF", b"MATLAB 7")):
            raise DataError(f"{path} is a MATLAB file of version 7.3: save it with '-v7'.")
        if not start.startswith(b"MATLAB 5.0") or start[126:] not in (b"IM", b"MI"):
            raise DataError(f"{path} is no MATLAB file of version 5 to 7: save it with '-v7'.")
        order = "<" if start[126:] == b"IM" else ">"
        left = limit
        while tag := file.read(8):
            kind, size = np.frombuffer(tag, f"{order}u4").tolist()
            if size > left:
                raise too_large(path, limit)
            body = _read_at_most(file.read, size)
            if len(body) < size:
                raise ValueError("it ends inside an array")
            if kind == _MAT_COMPRESSED:
                unfold = zlib.decompressobj()
                body = unfold.decompress(body, left + 1)
                if len(body) > left:
                    raise too_large(path, limit)
                if not unfold.eof:
                    raise ValueError("its compressed data end too early")
                kind, body, _ = _mat_element(body, order)
            left -= len(body)
            if kind == _MAT_MATRIX:
                arrays |= _mat_matrix(body, order)
    return arrays


def _mat_element(content: bytes, order: str) -> tuple[int, bytes, bytes]:
    """Take one element off; return its type, its content and what follows it."""
    kind, size = np.frombuffer(content[:8], f"{order}u4").tolist()
    start = 8
    if kind >> 16:  # a small one, all in eight bytes
        kind, size, start = kind & 0xFFFF, kind >> 16, 4
    if size > len(content) - start or (start == 4 and size > 4):
        raise ValueError("an element is longer than what holds it")
    padded = 8 if start == 4 else start + size + -size % 8
    return kind, content[start : start + size], content[padded:]


def _mat_matrix(content: bytes, order: str) -> Parts:
    """Read an array by its name; nothing if it is none of real numbers."""
    _, flags, content = _mat_element(content, order)
    _, lengths, content = _mat_element(content, order)
    _, name, content = _mat_element(content, order)
    flag = int(np.frombuffer(flags[:4], f"{order}u4")[0])
    if flag & 0xFF not in _MAT_CLASSES or flag & _MAT_COMPLEX:
        return {}
    kind, values, _ = _mat_element(content, order)
    shape = np.frombuffer(lengths, f"{order}i4").tolist()
    stored = np.frombuffer(values, order + _MAT_TYPES[kind])  # perhaps a smaller type
    if min(shape, default=0) < 0 or math.prod(shape) != stored.size:
        raise ValueError("an array of another length than it says")
    array = stored.astype(_MAT_CLASSES[flag & 0xFF], copy=False).reshape(shape, order="F")
    return {name.decode("latin-1"): array}
