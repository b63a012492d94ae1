"""Find what a path holds: arrays of images and labels, whatever kind of file or folder it is."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from image_files.labels import LABEL_NAMES, labels_of_folders
from image_files.pictures import ENDINGS, contents_of, read_pictures
from image_files.pixels import Size
from image_files.reading import (
    KINDS,
    MAX_BYTES,
    DataError,
    Parts,
    read_array,
    read_idx,
    read_mat,
    read_npz,
    readable,
)
from image_files.tables import read_csv, read_parquet
from image_files.writing import holds_results

IDX_NAMES = {
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}
NAMED = ("mnist", "sample", "usps")  # data sets that need no path
FILES = (".npz", ".npy", ".csv", ".parquet", ".mat")
_TRAIN, _TEST = {"train", "training"}, {"test", "testing", "val", "valid", "validation"}
_COMMON = {"raw", "data", "images", "train", "test", "processed", "pictures", "dataset"}  # names
_MAX_FILES = 1_000_000


@dataclass
class Found:
    """What a path holds.

    Its parts are called ``images`` and perhaps ``labels``, or as Keras calls them: ``x_train``,
    ``y_train``, ``x_test``, ``y_test``.
    """

    origin: Path  # that messages name
    parts: Parts = field(default_factory=dict)
    files: tuple[str, ...] = ()  # of pictures, in the order of the images, training part first
    notices: list[str] = field(default_factory=list)  # for readers of the results


def find(source: str | os.PathLike[str], hint: str = f"give {KINDS}") -> Path:
    """Find a file or folder that somebody named, or say what to give instead."""
    with readable(source):  # it may lie in a folder that is closed, or be no name at all
        try:
            path = Path(source).expanduser()
        except RuntimeError as error:
            raise DataError(f"{source} lies with a user whom nobody knows: {hint}.") from error
        if path.name in ("", ".."):  # whose name would say nothing
            path = path.resolve()
        if not path.exists():
            raise DataError(f"{path} does not exist: {hint}.")
        if not os.access(path, os.R_OK, effective_ids=os.access in os.supports_effective_ids):
            raise PermissionError
        return path


def name_of(path: Path) -> str:
    """Name a data set by its file: fit for a folder, and unlike the names that claims know."""
    path = path.resolve()
    parts = [path.name]
    while path.name.lower() in _COMMON and path.parent.name:  # `raw` of what?
        path = path.parent
        parts.insert(0, path.name)
    stem = re.sub(r"\.(gz|npz|npy|csv|parquet|mat|png|jpe?g)\b", "", "-".join(parts), flags=re.I)
    name = re.sub(r"[^\w-]+", "-", stem).strip("-") or "images"
    return f"{name}-file" if name in ("auto", *NAMED) else name


def is_readable(path: Path) -> bool:
    """Tell by its name whether a file in a folder would be read as images."""
    return path.suffix.lower() in (*ENDINGS, *set(FILES) - {".csv"}) or "ubyte" in path.name


def read_source(path: Path, size: Size | None = None, limit: int = MAX_BYTES) -> Found:
    """Read a file or folder of images that exists; pictures are brought to `size`."""
    with readable(path):
        if path.is_dir():
            return _read_folder(path, size, limit)
        if not path.is_file():
            raise DataError(f"{path} is a pipe or a device: save what it gives to a file first.")
        return _read_file(path, size, limit)


def _read_file(path: Path, size: Size | None, limit: int) -> Found:
    found = Found(path)
    notify, kind = found.notices.append, path.suffix.lower()
    if kind in ENDINGS:
        return _read_pictures(path.parent, [path.name], path, size, limit)
    tables: dict[str, Callable[[], Parts]] = {
        ".npz": lambda: _with_plain_names(read_npz(path, limit)),
        ".csv": lambda: read_csv(path, notify, limit),
        ".parquet": lambda: read_parquet(path, notify, limit, size),
        ".mat": lambda: _parts_of_mat(read_mat(path, limit), path, notify),
    }
    if kind in tables:
        found.parts = tables[kind]()
        return found
    read = read_array if kind == ".npy" else read_idx
    found.parts = {"images": read(path, limit)}
    for beside in labels_beside(path):
        found.parts["labels"] = read(beside, limit)
    return found


def _with_plain_names(arrays: Parts) -> Parts:
    """Take the arrays that ``np.savez`` was given without names for images and labels."""
    if "arr_0" in arrays and set(arrays) <= {"arr_0", "arr_1"}:
        names = {"arr_0": "images", "arr_1": "labels"}
        return {names[name]: array for name, array in arrays.items()}
    return arrays


def labels_beside(path: Path) -> Iterator[Path]:
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
    labels = [a for n, a in arrays.items() if n.lower() in LABEL_NAMES | {"gnd"} and a.ndim == 2]
    fitting = [array.ravel() for array in labels if array.size == len(images)]
    if len(fitting) == 1:  # MATLAB's numbers are floating unless somebody says otherwise
        whole = fitting[0].astype(np.int64)
        parts["labels"] = whole if (whole == fitting[0]).all() else fitting[0]
    return parts


# --- folders -------------------------------------------------------------------------------------


def _read_folder(path: Path, size: Size | None, limit: int) -> Found:
    """Read a folder: MNIST's four files, or one file in its folder, or pictures."""
    twin = path / path.name  # as Kaggle unpacks it
    if twin.is_file() and not twin.name.startswith("."):
        return _read_file(twin, size, limit)
    files = _files_in(path)
    if idx := _idx_files(path, files):
        return _read_idx_folder(_only(sorted(idx), path), idx, limit)
    pictures = [name for name in files if name.lower().endswith(ENDINGS)]
    if pictures:
        return _read_pictures(path, pictures, path, size, limit)
    data = [path / name for name in files if name.lower().endswith(FILES)]
    beside = {label for file in data for label in labels_beside(file)}
    data = [file for file in data if file not in beside]
    pair = {part: [f for f in data if _part_of(f.stem) == part] for part in ("train", "test")}
    if all(len(found) == 1 for found in pair.values()):
        return _read_pair(path, {part: _read_file(f, size, limit) for part, (f,) in pair.items()})
    if data:
        return _read_file(_only(data, path), size, limit)
    raise DataError(f"{path} holds nothing that is read: give {KINDS}.")


def refuse(error: OSError) -> None:
    """Pass over no folder that is closed: what it holds would be missing without a word."""
    raise error


def _files_in(folder: Path) -> list[str]:
    """List the files below a folder in order: no hidden ones, links to folders, or results."""
    found: list[str] = []
    for place, folders, names in os.walk(folder, onerror=refuse):
        hidden = [f for f in folders if f[0] == "." or f == "__MACOSX"]
        results = [f for f in folders if holds_results(Path(place, f))]
        folders[:] = sorted(set(folders) - {*hidden, *results})
        inside = os.path.relpath(place, folder)
        for name in sorted(names):
            if name[0] != "." and os.path.isfile(os.path.join(place, name)):  # noqa: PTH113, PTH118
                found.append(name if inside == "." else f"{inside}/{name}")
        if len(found) > _MAX_FILES:
            raise DataError(f"{folder} holds more than {_MAX_FILES:,} files: split it.")
    return found


def _only(candidates: list[Path], folder: Path) -> Path:
    if len(candidates) > 1:
        listed = ", ".join(str(path.relative_to(folder)) for path in candidates[:5])
        more = " and more" if len(candidates) > 5 else ""
        raise DataError(f"{folder} holds {listed}{more}: give the path of one of them.")
    return candidates[0]


def _idx_files(folder: Path, files: list[str]) -> dict[Path, dict[str, Path]]:
    """Find MNIST's files in folders that hold its training images, by folder and name.

    Each may be in a folder of its own that is called as it is, gzipped, or have a dot for a dash.
    """
    places: dict[Path, dict[str, Path]] = {}
    for path in (folder / name for name in files):
        plain, around = _plain(path.name), path.parent
        if plain in IDX_NAMES.values():
            place = around.parent if around != folder and _plain(around.name) == plain else around
            places.setdefault(place, {}).setdefault(plain, path)
    return {place: held for place, held in places.items() if IDX_NAMES["x_train"] in held}


def _plain(name: str) -> str:
    return name.removesuffix(".gz").replace(".idx", "-idx")


def _read_idx_folder(folder: Path, idx: dict[Path, dict[str, Path]], limit: int) -> Found:
    for name in IDX_NAMES.values():
        if name not in idx[folder]:
            raise DataError(
                f"{folder} holds no {name} (plain or .gz): give a folder with the four IDX files."
            )
    parts = {part: read_idx(idx[folder][name], limit) for part, name in IDX_NAMES.items()}
    return Found(folder, parts)


def _part_of(name: str) -> str | None:
    """Tell of a file or folder, by its name, whether it is the training or the test part."""
    words = set(re.split(r"[^a-z]+", name.lower()))
    if bool(words & _TRAIN) == bool(words & _TEST):
        return None
    return "train" if words & _TRAIN else "test"


def _read_pair(folder: Path, pair: dict[str, Found]) -> Found:
    """Join a training and a test file, of which the latter may have no labels."""
    found = Found(folder)
    for part, held in pair.items():
        if "images" not in held.parts:
            raise DataError(f"{held.origin} holds parts of its own: give its path.")
        names = {"images": f"x_{part}", "labels": f"y_{part}"}
        found.parts |= {names[name]: array for name, array in held.parts.items() if name in names}
        found.notices += held.notices
    return found


def _read_pictures(
    folder: Path, files: list[str], origin: Path, size: Size | None, limit: int
) -> Found:
    """Read pictures; folders named for parts tell the parts, and folders in these the classes."""
    found, above = Found(origin), ""
    while len(tops := {name.partition("/")[0] for name in files}) == 1 and "/" in files[0]:
        above += f"{tops.pop()}/"  # alone in its folder: it tells nothing
        files = [name.partition("/")[2] for name in files]
    part_of = {name: _part_of(name.partition("/")[0]) if "/" in name else None for name in files}
    split = set(part_of.values()) == {"train", "test"}
    if split:
        files = sorted(files, key=lambda name: part_of[name] == "test")
    pictures = contents_of(folder / above, files)
    images, coloured = read_pictures(pictures, origin, size, limit)
    if coloured:
        found.notices.append(f"{origin.name}: the colour images were turned to grey.")
    found.files = tuple(above + name for name in files)
    classes = [name.split("/")[split] if name.count("/") > split else "" for name in files]
    labels = labels_of_folders(classes, origin.name, found.notices.append)
    n = [part_of[name] for name in files].count("train")
    for name, values in (("images", images), ("labels", labels)):
        if values is not None and split:
            kind = "x" if name == "images" else "y"
            found.parts |= {f"{kind}_train": values[:n], f"{kind}_test": values[n:]}
        elif values is not None:
            found.parts[name] = values
    return found
