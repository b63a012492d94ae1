"""Find what a path holds: arrays of images and labels, whatever kind of file or folder it is."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mnist_clust._pictures import ENDINGS, contents_of, read_pictures
from mnist_clust._read import (
    KINDS,
    MAX_BYTES,
    DataError,
    read_array,
    read_idx,
    read_mat,
    read_npz,
    readable,
)
from mnist_clust._tables import LABEL_NAMES, UNLABELLED, Parts, numbered, read_csv, read_parquet

IDX_NAMES = {
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}
FILES = (".npz", ".npy", ".csv", ".parquet", ".mat")
_TRAIN, _TEST = {"train", "training"}, {"test", "testing", "val", "valid", "validation"}
_MOST_FILES = 1_000_000
_MOST_CLASSES = 200  # more folders are no classes


@dataclass
class Found:
    """What a path holds.

    Attributes
    ----------
    origin : Path
        The file or folder that messages name.
    parts : dict of str to ndarray
        ``images`` and perhaps ``labels``, or ``x_train``, ``y_train``, ``x_test``, ``y_test``.
    files : tuple of str
        Of a folder of pictures, where each was, in the order of the images, training part first.
    notices : list of str
        What a reader of the results must know.
    resized : bool
        Whether pictures were brought to a size.
    """

    origin: Path
    parts: Parts = field(default_factory=dict)
    files: tuple[str, ...] = ()
    notices: list[str] = field(default_factory=list)
    resized: bool = False


def read_source(path: Path, size: tuple[int, int] | None = None, limit: int = MAX_BYTES) -> Found:
    """Read a file or folder of images.

    Parameters
    ----------
    path : Path
        It exists.
    size : (int, int), optional
        Height and width that pictures are brought to.
    limit : int, optional
        Bytes of values that are read at most.

    Returns
    -------
    Found

    Raises
    ------
    DataError
        In one sentence, what is wrong and what to do about it.
    """
    with readable(path):
        if path.is_dir():
            return _read_folder(path, size, limit)
        if not path.is_file():
            raise DataError(f"{path} is a pipe or a device: save what it gives to a file first.")
        return _read_file(path, size, limit)


def is_readable(path: Path) -> bool:
    """Tell by its name whether a file in a folder would be read as images."""
    return path.suffix.lower() in (*ENDINGS, *set(FILES) - {".csv"}) or "ubyte" in path.name


def read_keras(path: Path) -> Found:
    """Read an ``.npz`` whatever it is called."""
    return Found(path, read_npz(path))


def _read_file(path: Path, size: tuple[int, int] | None, limit: int) -> Found:
    found = Found(path)
    notify = found.notices.append
    kind = path.suffix.lower()
    if kind == ".npz":
        found.parts = _with_plain_names(read_npz(path, limit))
    elif kind == ".npy":
        found.parts = {"images": read_array(path, limit)}
        _add_labels(found, lambda beside: read_array(beside, limit))
    elif kind == ".csv":
        found.parts = read_csv(path, notify, limit)
    elif kind == ".parquet":
        found.parts = read_parquet(path, notify, limit, size)
        found.resized = size is not None
    elif kind == ".mat":
        found.parts = _parts_of_mat(read_mat(path, limit), path, notify)
    elif kind in ENDINGS:
        return _read_pictures(path.parent, [path.name], path, size, limit)
    else:
        found.parts = {"images": read_idx(path, limit)}
        _add_labels(found, lambda beside: read_idx(beside, limit))
    return found


def _with_plain_names(arrays: Parts) -> Parts:
    """Take the arrays that ``np.savez`` was given without names for images and labels."""
    if "arr_0" in arrays and set(arrays) <= {"arr_0", "arr_1"}:
        names = {"arr_0": "images", "arr_1": "labels"}
        return {names[name]: array for name, array in arrays.items()}
    return arrays


def _add_labels(found: Found, read: Callable[[Path], npt.NDArray[Any]]) -> None:
    """Read the labels that lie beside images."""
    for beside in _labels_beside(found.origin):
        found.parts["labels"] = read(beside)


def _labels_beside(path: Path) -> Iterator[Path]:
    """Find files that are called as this one, but for labels, gzipped or not."""
    name = path.name
    called = {name.replace(word, "labels").replace("idx3", "idx1") for word in ("images", "imgs")}
    if path.suffix.lower() == ".npy":
        called |= {re.sub(r"^[xX](?=[_.-])", other, name) for other in "yY"}
    for other in sorted(called - {name}, reverse=True):
        bare = other.removesuffix(".gz")
        for candidate in (other, bare, f"{bare}.gz"):
            if path.with_name(candidate).is_file():
                yield path.with_name(candidate)
                return


def _parts_of_mat(arrays: Parts, path: Path, notify: Callable[[str], None]) -> Parts:
    """Take the one array that may be images, in MATLAB's order, and labels of as many."""
    several = {name: array for name, array in arrays.items() if array.ndim in (3, 4)}
    if len(several) != 1:
        held = ", ".join(sorted(several)) or "none"
        raise DataError(
            f"{path} must hold one array of images, of three axes, or four in colour, and of those "
            f"it holds {held}: save it with one."
        )
    ((name, images),) = several.items()
    labels = [a for n, a in arrays.items() if n.lower() in LABEL_NAMES | {"gnd"} and a.ndim == 2]
    side = math.isqrt(images.shape[0])
    if images.ndim == 3 and images.shape[0] == side**2 and images.shape[2] < side:
        _, n, classes = images.shape  # as USPS comes
        rows = images.transpose(2, 1, 0).reshape(-1, side, side)
        notify(
            f"{path.name}: '{name}' was taken for {n} images of each of {classes} classes, "
            f"numbered from 0, of {side}×{side} pixels."
        )
        return {"images": rows.transpose(0, 2, 1), "labels": np.repeat(np.arange(classes), n)}
    if images.shape[0] <= images.shape[-1]:  # as MATLAB has it, along the last axis
        images = np.moveaxis(images, -1, 0)
        notify(f"{path.name}: the images lie along the last axis of '{name}'.")
    parts: Parts = {"images": np.ascontiguousarray(images)}
    fitting = [array.ravel() for array in labels if array.size == len(images)]
    if len(fitting) == 1:  # MATLAB's numbers are floating unless somebody says otherwise
        whole = fitting[0].astype(np.int64)
        parts["labels"] = whole if (whole == fitting[0]).all() else fitting[0]
    return parts


# --- folders -------------------------------------------------------------------------------------


def _read_folder(path: Path, size: tuple[int, int] | None, limit: int) -> Found:
    """Read a folder: MNIST's four files, or one file in its folder, or pictures."""
    twin = path / path.name  # as Kaggle unpacks it
    if twin.is_file() and not twin.name.startswith("."):
        return _read_file(twin, size, limit)
    files = _files_in(path)
    if idx := _idx_folders(path, files):
        return _read_idx_folder(_only(idx, path), limit)
    pictures = [name for name in files if name.lower().endswith(ENDINGS)]
    if pictures:
        return _read_pictures(path, pictures, path, size, limit)
    data = [path / name for name in files if name.lower().endswith(FILES)]
    beside = {label for file in data for label in _labels_beside(file)}
    data = [file for file in data if file not in beside]
    if pair := _train_and_test(data):
        return _read_pair(path, *pair, size, limit)
    if data:
        return _read_file(_only(data, path), size, limit)
    raise DataError(f"{path} holds nothing that is read: give {KINDS}.")


def _files_in(folder: Path) -> list[str]:
    """List all files below a folder, hidden ones and links to folders left out, in order."""
    found: list[str] = []

    def fail(error: OSError) -> None:
        raise error

    for place, folders, names in os.walk(folder, onerror=fail):
        folders[:] = sorted(f for f in folders if f[0] != "." and f != "__MACOSX")
        inside = os.path.relpath(place, folder)
        for name in sorted(names):
            if name[0] != "." and os.path.isfile(os.path.join(place, name)):  # noqa: PTH113, PTH118
                found.append(name if inside == "." else f"{inside}/{name}")
        if len(found) > _MOST_FILES:
            raise DataError(f"{folder} holds more than {_MOST_FILES:,} files: split it.")
    return found


def _only(candidates: list[Path], folder: Path) -> Path:
    if len(candidates) > 1:
        listed = ", ".join(str(path.relative_to(folder)) for path in candidates[:5])
        more = " and more" if len(candidates) > 5 else ""
        raise DataError(f"{folder} holds {listed}{more}: give the path of one of them.")
    return candidates[0]


def _idx_folders(folder: Path, files: list[str]) -> list[Path]:
    """Find the folders that hold MNIST's training images, perhaps in a folder of that name."""
    places = set()
    for name in files:
        path = folder / name
        if _plain(path.name) == IDX_NAMES["x_train"]:
            inner = path.parent
            places.add(inner.parent if _plain(inner.name) == _plain(path.name) else inner)
    return sorted(places)


def _plain(name: str) -> str:
    return name.removesuffix(".gz").replace(".idx", "-idx")


def _read_idx_folder(folder: Path, limit: int) -> Found:
    parts = {part: read_idx(_idx_file(folder, name), limit) for part, name in IDX_NAMES.items()}
    return Found(folder, parts)


def _idx_file(folder: Path, name: str) -> Path:
    for candidate in (name, name.replace("-idx", ".idx")):
        for suffix in ("", ".gz"):
            path = folder / (candidate + suffix)
            for choice in (path, path / path.name, path / name):
                if choice.is_file():
                    return choice
    raise DataError(
        f"{folder} holds no {name} (plain or .gz): give a folder with the four IDX files."
    )


def _part_of(name: str) -> str | None:
    """Tell of a file or folder, by its name, whether it is the training or the test part."""
    words = set(re.split(r"[^a-z]+", name.lower()))
    if bool(words & _TRAIN) == bool(words & _TEST):
        return None
    return "train" if words & _TRAIN else "test"


def _train_and_test(data: list[Path]) -> tuple[Path, Path] | None:
    by_part = {
        part: [file for file in data if _part_of(file.stem) == part] for part in ("train", "test")
    }
    if all(len(files) == 1 for files in by_part.values()):
        return by_part["train"][0], by_part["test"][0]
    return None


def _read_pair(
    folder: Path, train: Path, test: Path, size: tuple[int, int] | None, limit: int
) -> Found:
    """Read a training and a test file, of which the latter may have no labels."""
    first, second = (_read_file(path, size, limit) for path in (train, test))
    found = Found(folder, notices=[*first.notices, *second.notices], resized=first.resized)
    for part, held in (("train", first), ("test", second)):
        if "images" not in held.parts:
            raise DataError(f"{held.origin} holds parts of its own: give its path.")
        found.parts[f"x_{part}"] = held.parts["images"]
        if "labels" in held.parts:
            found.parts[f"y_{part}"] = held.parts["labels"]
    return found


def _read_pictures(
    folder: Path, files: list[str], origin: Path, size: tuple[int, int] | None, limit: int
) -> Found:
    """Read pictures; folders named for parts tell the parts, and folders in these the classes."""
    found = Found(origin, resized=size is not None)
    while len(tops := {name.partition("/")[0] for name in files}) == 1 and "/" in files[0]:
        folder = folder / tops.pop()  # alone in its folder: it tells nothing
        files = [name.partition("/")[2] for name in files]
    parts = {name: _part_of(name.partition("/")[0]) if "/" in name else None for name in files}
    split = set(parts.values()) == {"train", "test"}
    if split:
        files = [name for part in ("train", "test") for name in files if parts[name] == part]
    images, coloured = read_pictures(contents_of(folder, files), origin, size, limit)
    if coloured:
        found.notices.append(f"{origin.name}: the colour images were turned to grey.")
    classes = [name.split("/")[1 if split else 0] if name.count("/") > split else ""
               for name in files]  # fmt: skip
    labels = _labels_of_folders(classes, found)
    found.files = tuple(os.path.relpath(folder / name, origin) if origin.is_dir() else name
                        for name in files)  # fmt: skip
    n = sum(part == "train" for part in parts.values()) if split else len(files)
    found.parts = {"x_train": images[:n], "x_test": images[n:]} if split else {"images": images}
    if labels is not None:
        named = {"y_train": labels[:n], "y_test": labels[n:]} if split else {"labels": labels}
        found.parts |= named
    return found


def _labels_of_folders(classes: list[str], found: Found) -> npt.NDArray[np.int64] | None:
    """Give the classes that folders stand for numbers; pictures outside of them have none."""
    names = set(classes) - {""}
    if not names:
        return None
    if len(names) > _MOST_CLASSES:
        found.notices.append(
            f"{found.origin.name}: {len(names):,} folders are too many to be classes; the images "
            "count as unlabelled."
        )
        return None
    labels = numbered(classes, found.origin.name, found.notices.append)
    return None if (labels == UNLABELLED).all() else labels
