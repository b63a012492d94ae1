"""Read arrays from files that may be damaged or hostile; write files whole or not at all.

Reading is bounded and never unpickles.
"""

from __future__ import annotations

import contextlib
import fcntl
import gzip
import io
import json
import math
import os
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
import numpy.typing as npt

MAX_BYTES = 2 * 1024**3
_CHUNK = 1 << 24
_HALF_WRITTEN = ".mnist-clust-new"
_LONGEST_NAME = 200  # of the 255 characters a file's name may have
_IDX_TYPES = {8: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
_MAX_HEADER = 10_000  # bytes, as numpy has it
# What np.savez writes; of bzip2 and LZMA, zipfile unfolds a whole piece, however large, at once.
_BOUNDED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class DataError(ValueError):
    """A data source cannot be used; the message says why and what to do, in one sentence."""


@contextlib.contextmanager
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
    except (OSError, EOFError, zipfile.BadZipFile, zlib.error):
        raise  # of the file around it: of a small one, the first read sees all
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
    with readable(path):
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
