"""Where very many images lie, and how a chunk of them is read, on whichever machine sees them."""

from __future__ import annotations

import hashlib
import itertools
import math
import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from image_files.pictures import ENDINGS, contents_of, read_picture, read_pictures
from image_files.pixels import Form, Grey, Size, as_grey, fitted
from image_files.reading import IDX_TYPES, DataError, readable
from image_files.sources import labels_beside, read_source, refuse
from image_files.writing import holds_results

MANY = 200_000  # images from which on not all are fitted
CHUNK = 5_000  # images, of as many pixels as MNIST's
_ROWS = 1024  # of a Parquet file that are unfolded at a time
PIXELS = CHUNK * 28 * 28  # of a chunk at most
_LABELS = re.compile(r"(^|[^a-z])labels?([^a-z]|$)")  # in the name of a file that holds such
_ZARR = ("zarr.json", ".zarray")  # what an array of format 3 or 2 has in its folder


@dataclass(frozen=True)
class Chunk:
    """Consecutive images of a source: some of a file's, or a few pictures."""

    path: Path
    first: int  # of its images, in the whole source
    start: int  # and in the file
    stop: int
    pictures: tuple[str, ...] = ()

    def __len__(self) -> int:
        return self.stop - self.start

    def read(self, size: Size | None) -> npt.NDArray[Any]:
        """Read the images as they are stored; pictures brought to a size, if one is asked for."""
        if self.pictures:
            return read_pictures(contents_of(self.path, self.pictures), self.path, size)[0]
        with readable(self.path):
            return np.asarray(_open(self.path, self.start, self.stop, size))

    def read_grey(self, form: Form, size: Size | None) -> tuple[Grey, list[str]]:
        """Read the images, treated as those of a given form were; say what was done besides."""
        notices: list[str] = []
        (grey,), found = as_grey([self.read(size)], self.path, lambda _: None, form)
        if found.inverted != form.inverted or found.full != form.full:
            notices.append(
                f"{self.path.name}: images {self.start:,} to {self.stop - 1:,} have other grey "
                "levels than those that the map was made of; they were brought to the same."
            )
        return fitted(grey, size), notices


@dataclass(frozen=True)
class Source:
    """Very many images, in chunks.

    Attributes
    ----------
    origin : Path
    chunks : tuple of Chunk
    mark : str
        By which the same files are known again: a digest of their names, sizes and times.
    """

    origin: Path
    chunks: tuple[Chunk, ...]
    mark: str

    def __len__(self) -> int:
        return sum(map(len, self.chunks))

    def take(self, numbers: npt.NDArray[np.int64], size: Size | None) -> npt.NDArray[Any]:
        """Read the images of these numbers, which ascend, as `Chunk.read` does."""
        parts = []
        for chunk in self.chunks:
            wanted = within(numbers, chunk)
            if wanted.size:
                parts.append(chunk.read(size)[wanted])
        if len({part.shape[1:] for part in parts}) > 1:
            raise DataError(f"{self.origin} holds images of several sizes: bring them to one size.")
        return np.concatenate(parts)


def within(numbers: npt.NDArray[np.int64], chunk: Chunk) -> npt.NDArray[np.int64]:
    """Return where in a chunk those of the images lie that are in it; numbers ascend."""
    low, high = np.searchsorted(numbers, [chunk.first, chunk.first + len(chunk)])
    return numbers[low:high] - chunk.first


def open_source(path: Path) -> Source | None:
    """Look what a path holds, without reading it; None if it can only be read as a whole.

    Parameters
    ----------
    path : Path
        An ``.npy``, IDX, ``.npz`` or Parquet file, a Zarr array, or a folder of such parts or of
        pictures. Of those in a folder, labels are left out, by their names.
    """
    with readable(path):
        if path.is_file() or _is_zarr(path):
            return _of_files(path, [path]) if _is_part(path) else None
        inside = sorted(_below(path))
        pictures = [p for p in inside if p.suffix.lower() in ENDINGS and p.is_file()]
        if pictures:
            return _of_pictures(path, pictures)
        parts = [p for p in inside if _is_part(p) and not _LABELS.search(p.name.lower())]
        beside = {labels for part in parts for labels in labels_beside(part)}
        parts = [p for p in parts if p not in beside]
        return _of_files(path, parts) if parts else None


def _below(folder: Path) -> Iterator[Path]:
    """List the files and Zarr arrays below a folder, what is hidden or a run's results left out."""
    for place, folders, names in os.walk(folder, onerror=refuse):
        around = Path(place)
        kept = [f for f in folders if f[0] != "." and not holds_results(around / f)]
        arrays = {f for f in kept if _is_zarr(around / f)}
        folders[:] = [f for f in kept if f not in arrays]
        yield from (around / f for f in arrays)
        yield from (around / n for n in names if n[0] != "." and (around / n).is_file())


def _is_zarr(path: Path) -> bool:
    return any((path / name).is_file() for name in _ZARR)


def _is_part(path: Path) -> bool:
    kinds = (".npy", ".npz", ".parquet")
    return path.suffix.lower() in kinds or "ubyte" in path.name or _is_zarr(path)


def _of_files(origin: Path, files: list[Path]) -> Source | None:
    chunks: list[Chunk] = []
    first = 0
    for path in files:
        with readable(path):
            shape = _shape(path)
        step = max(1, min(CHUNK, PIXELS // max(math.prod(shape[1:3]), 1)))
        if path.suffix.lower() == ".npz" or path.suffix == ".gz":
            step = max(shape[0], 1)  # it is unfolded as a whole
        for start in range(0, shape[0], step):
            chunk = Chunk(path, first, start, min(start + step, shape[0]))
            chunks.append(chunk)
            first += len(chunk)
    return Source(origin, tuple(chunks), _mark(origin, files)) if chunks else None


def _of_pictures(folder: Path, files: list[Path]) -> Source:
    names = [str(path.relative_to(folder)) for path in files]
    _, content = next(iter(contents_of(folder, names[:1])))
    step = max(1, min(CHUNK, PIXELS // read_picture(content, names[0])[0].size))
    chunks = [
        Chunk(folder, start, start, start + len(some), some)
        for start in range(0, len(names), step)
        for some in [tuple(names[start : start + step])]
    ]
    return Source(folder, tuple(chunks), _mark(folder, files))


def _mark(origin: Path, files: list[Path]) -> str:
    digest = hashlib.sha256()
    parts = (sorted(path.rglob("*")) if path.is_dir() else [path] for path in files)
    for path in itertools.chain.from_iterable(parts):
        state = path.stat()
        name = path.relative_to(origin) if path != origin else path.name
        digest.update(f"{name} {state.st_size} {state.st_mtime_ns}\n".encode(errors="replace"))
    return digest.hexdigest()


def _shape(path: Path) -> tuple[int, ...]:
    """Return the number of a file's images and, where the file tells at once, their sides."""
    if path.suffix.lower() == ".parquet":
        from pyarrow import parquet

        return (int(parquet.read_metadata(path).num_rows),)
    shape: tuple[int, ...] = _open(path, 0, None).shape
    return shape


def _open(path: Path, start: int, stop: int | None, size: Size | None = None) -> Any:
    """Return some of a file's images; of files that can be read in parts, unread as yet.

    Pictures in a Parquet file are brought to a size, if one is asked for.
    """
    kind = path.suffix.lower()
    if path.is_dir():
        import zarr

        array = zarr.open_array(path, mode="r")
        return array if stop is None else array[start:stop]
    if kind == ".npy":
        return np.lib.format.open_memmap(path, mode="r")[start:stop]
    if kind == ".parquet":
        return _rows_of_parquet(path, start, stop or 0, size)
    if kind not in (".npz", ".gz"):
        return _map_idx(path)[start:stop]
    parts = read_source(path).parts
    arrays = [parts[name] for name in ("images", "x_train", "x_test") if name in parts]
    if not arrays:
        raise DataError(f"{path} holds no images: name the array 'images'.")
    return np.concatenate(arrays)[start:stop]


def _map_idx(path: Path) -> npt.NDArray[Any]:
    with path.open("rb") as file:
        magic = file.read(4)
        if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in IDX_TYPES or magic[3] < 3:
            raise DataError(f"{path} is no IDX file of images: leave it out.")
        shape = tuple(np.frombuffer(file.read(4 * magic[3]), ">u4").tolist())
    return np.memmap(path, IDX_TYPES[magic[2]], "r", 4 + 4 * magic[3], shape)


def _rows_of_parquet(path: Path, start: int, stop: int, size: Size | None) -> npt.NDArray[Any]:
    """Cut rows out of a file, and let them be read as a file of their own."""
    from pyarrow import Table, parquet

    with parquet.ParquetFile(path) as file, tempfile.TemporaryDirectory() as folder:
        ends = np.cumsum([file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)])
        first = int(np.searchsorted(ends, start, "right"))
        at, rows = int(ends[first - 1]) if first else 0, []
        for batch in file.iter_batches(_ROWS, row_groups=range(first, len(ends))):
            rows.append(batch[max(start - at, 0) : max(stop - at, 0)])
            at += len(batch)
            if at >= stop:
                break
        parquet.write_table(Table.from_batches(rows), cut := Path(folder) / path.name)
        try:
            return read_source(cut, size).parts["images"]
        except DataError as error:
            raise DataError(str(error).replace(str(cut), str(path))) from error
