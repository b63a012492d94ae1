"""Read arrays from files that may be damaged or hostile; write files whole or not at all.

Reading is bounded and never unpickles.
"""

from __future__ import annotations

import gzip
import io
import json
import math
import os
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
import numpy.typing as npt

MAX_BYTES = 2 * 1024**3
_CHUNK = 1 << 24
_IDX_TYPES = {8: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
_MAX_HEADER = 10_000  # bytes, as numpy has it
# What np.savez writes; of bzip2 and LZMA, zipfile unfolds a whole piece, however large, at once.
_BOUNDED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class DataError(ValueError):
    """A data source cannot be used; the message says why and what to do, in one sentence."""


@contextmanager
def readable(path: str | os.PathLike[str]) -> Iterator[None]:
    """Say in a DataError's one sentence whatever goes wrong with a file.

    On damaged ones gzip, zipfile and numpy raise nearly anything, and not always the same in
    every version: fuzzing has found a dozen kinds.
    """
    try:
        yield
    except DataError:
        raise
    except Exception as error:
        raise _unreadable(path, error) from error


def read_idx(path: Path) -> npt.NDArray[Any]:
    """Read one IDX file, plain or gzipped (http://yann.lecun.com/exdb/mnist, "file formats").

    Raises
    ------
    DataError
        If the file is no IDX file, is damaged, or holds more or less than its header promises.
    """
    with readable(path), path.open("rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        if not zipped:
            return _parse_idx(file, path)
        with gzip.GzipFile(fileobj=file) as unzipped:
            return _parse_idx(cast(IO[bytes], unzipped), path)


def _parse_idx(file: IO[bytes], path: Path) -> npt.NDArray[Any]:
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in _IDX_TYPES or not magic[3]:
        raise DataError(f"{path} is no IDX file: it does not start with an IDX magic number.")
    header = file.read(4 * magic[3])
    if len(header) < 4 * magic[3]:
        raise DataError(f"{path} ends inside its header: fetch it again.")
    shape = tuple(int(size) for size in np.frombuffer(header, ">u4"))
    dtype = np.dtype(_IDX_TYPES[magic[2]])
    array = np.frombuffer(_read_body(file, shape, dtype, path), dtype).reshape(shape)
    return array.astype(dtype.newbyteorder("="), copy=False)


def _read_body(file: IO[bytes], shape: tuple[int, ...], dtype: np.dtype[Any], path: Path) -> bytes:
    """Read the values a header promises; that nothing follows has gzip and zip check their sums."""
    if math.prod(max(length, 1) for length in shape) * dtype.itemsize > MAX_BYTES:
        raise _too_large(path)
    size = math.prod(shape) * dtype.itemsize
    body = _read_at_most(file, size + 1)
    if len(body) != size:
        more_or_less = "more" if len(body) > size else "less"
        raise DataError(
            f"{path} holds {more_or_less} than the {shape} values its header promises: "
            "fetch it or save it again."
        )
    return body


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
    with readable(path), zipfile.ZipFile(path) as archive:
        entries = [entry for entry in archive.infolist() if entry.filename.endswith(".npy")]
        if sum(entry.file_size for entry in entries) > MAX_BYTES:
            raise _too_large(path)
        if any(entry.compress_type not in _BOUNDED for entry in entries):
            raise DataError(
                f"{path} is compressed in a way that is not read: save it with np.savez_compressed."
            )
        arrays = {}
        for entry in entries:
            with archive.open(entry) as file:
                arrays[entry.filename.removesuffix(".npy")] = _parse_npy(file, path)
        return arrays


def read_array(path: Path) -> npt.NDArray[Any]:
    """Read one ``.npy`` file, under the same guards as :func:`read_npz`."""
    with readable(path), path.open("rb") as file:
        return _parse_npy(file, path)


def _parse_npy(file: IO[bytes], path: Path) -> npt.NDArray[Any]:
    try:
        shape, fortran, dtype = _read_npy_header(file)
    except (OSError, EOFError, zipfile.BadZipFile):  # not the header is damaged, but what it is in
        raise
    except Exception as error:
        raise DataError(f"{path} holds a damaged array header: save it again.") from error
    if dtype.hasobject:
        raise DataError(
            f"{path} holds Python objects, which are never unpickled: save numeric arrays."
        )
    array = np.frombuffer(_read_body(file, shape, dtype, path), dtype)
    return array.reshape(shape[::-1]).T if fortran else array.reshape(shape)


def _read_npy_header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(file)
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }[version]
    length = file.read(2 if version == (1, 0) else 4)
    size = int.from_bytes(length, "little")
    if size > _MAX_HEADER:  # before numpy asks for memory for it
        raise ValueError("a header that is too long")
    shape, fortran, dtype = read(io.BytesIO(length + file.read(size)))
    if any(type(side) is not int or side < 0 for side in shape):
        raise ValueError("a shape that is none")
    if not dtype.itemsize or dtype.subdtype:
        raise ValueError("a type of no numbers")
    return shape, fortran, dtype


def _too_large(path: Path) -> DataError:
    return DataError(
        f"{path} promises more than the {MAX_BYTES // 1024**3} GiB of values that are read: "
        "split it, or make the images smaller."
    )


def _unreadable(path: str | os.PathLike[str], error: Exception) -> DataError:
    if isinstance(error, PermissionError):
        return DataError(f"{path} may not be read: change its permissions.")
    if isinstance(error, IsADirectoryError):
        return DataError(f"{path} is a folder: give the path of a file.")
    if isinstance(error, FileNotFoundError):
        return DataError(f"{path} does not exist.")
    if isinstance(error, MemoryError):
        return DataError(f"{path} needs more memory than there is: make the images smaller.")
    said = " ".join(str(getattr(error, "strerror", None) or error).split())
    return DataError(f"{path} is damaged or truncated ({said}): fetch it or save it again.")


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
