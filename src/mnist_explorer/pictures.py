"""Data sets from outside, and images on their way to the page.

Whatever arrives is limited in bytes before anything decodes it. Nothing is unpickled, and the name
a file had elsewhere is never opened.
"""

from __future__ import annotations

import base64
import io
import re
import tempfile
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from image_files.pixels import Grey
from image_files.reading import DataError, TooLargeError, readable
from image_files.sources import FILES
from mnist_clust.data import UNLABELLED, Digits, Images, load_path
from mnist_explorer.photos import PNG_URL

MAX_FILE_BYTES = 64 * 1024**2
MAX_VALUES = 256 * 1024**2  # bytes that a file of arrays may unfold to
MOST_FILES = 100_000  # of a zip
LONGEST, NAME = 400, 100  # characters of a message, and of a file's name in it


def all_in_order(digits: Digits) -> Digits:
    """Put all images of somebody's own data among those shown, in the order of their source.

    MNIST and its sample stay in two parts. `split` still tells the images that `cluster` holds out.
    """
    if digits.name in ("mnist", "sample"):
        return digits
    n = len(digits.train_images)
    held_out = np.arange(n, n + len(digits.test_images))
    order = np.arange(n + len(held_out))
    if digits.split is not None:
        order, held_out = np.argsort(np.concatenate(digits.split)), digits.split[1]
    labels = None
    if digits.train_labels is not None:
        unknown = np.full(len(held_out), UNLABELLED)
        rest = unknown if digits.test_labels is None else digits.test_labels
        labels = np.concatenate([digits.train_labels, rest])[order]
    images = np.concatenate([digits.train_images, digits.test_images])[order]
    split = np.arange(len(images)), held_out
    return replace(digits, train_images=images, train_labels=labels, split=split)


def read_data(content: bytes, name: str, size: int | None = None) -> Digits:
    """Load a data set that somebody uploaded, all of it in the order of the file.

    Parameters
    ----------
    content : bytes
        A file that `load_digits` takes, or a zip of pictures, in folders or not.
    name : str
        What it was called; shown, and its ending looked at.
    size : int, optional
        Side in pixels that images are brought to.

    Returns
    -------
    Digits

    Raises
    ------
    DataError
        In one sentence, what is wrong with it and what to do.
    """
    shown = re.sub(r"[^\w.() -]", "_", re.split(r"[\\/]", name)[-1])[-NAME:] or "This file"
    too_large = DataError(
        f"{shown} is larger than {MAX_FILE_BYTES // 1024**2} MB, or unfolds to more than "
        f"{MAX_VALUES // 1024**2} MB: start the explorer on it with --data instead."
    )
    if len(content) > MAX_FILE_BYTES:
        raise too_large
    ending = next((e for e in (*FILES, ".zip") if shown.lower().endswith(e)), ".idx")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, Path(folder).name + ending)  # a name that nobody's file has
        if ending == ".zip":
            path = path.with_suffix("")
        else:
            path.write_bytes(content)

        def renamed(said: object) -> str:
            return _plain(str(said).replace(str(path), shown).replace(path.name, shown))

        try:
            if ending == ".zip":
                unpack(content, path)
            digits = all_in_order(load_path(path, size=size, limit=MAX_VALUES))
        except TooLargeError:
            raise too_large from None
        except DataError as error:
            raise DataError(renamed(error)) from None
    return replace(digits, notices=tuple(map(renamed, digits.notices)))


def unpack(content: bytes, folder: Path) -> None:
    """Unpack the files of a zip, as far as they are few and small enough to be read."""
    with readable(folder), zipfile.ZipFile(io.BytesIO(content)) as archive:
        files = [entry for entry in archive.infolist() if not entry.is_dir()]
        if not files:
            raise DataError(f"{folder} holds no files: zip the images again.")
        if sum(entry.file_size for entry in files) > MAX_VALUES or len(files) > MOST_FILES:
            raise TooLargeError("too much")
        if any(
            entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for entry in files
        ):  # of others, zipfile unfolds a whole piece, however large
            raise DataError(f"{folder} is packed in a way that is not read: zip it as usual.")
        for entry in files:
            archive.extract(entry, folder)  # which keeps every name inside the folder


def _plain(said: str) -> str:
    """Keep words and plain punctuation, and not too many.

    What is shown is Markdown, an image in it would be fetched, and a message may quote the file:
    names of its arrays and fields, what its own directory says.
    """
    words = re.sub(r"[^\w .,:;'\"()…×+-]", "_", " ".join(said.split()))
    return words if len(words) <= LONGEST else f"{words[: LONGEST - 1]}…"


def shown(image: npt.NDArray[np.uint8], pixels: int = 280) -> Grey:
    """Enlarge an image to about a width in whole steps, dark on white."""
    factor = max(1, pixels // max(image.shape))
    return np.asarray(np.kron(255 - image, np.ones((factor, factor), np.uint8)), np.uint8)


def as_url(image: Images) -> str:
    """Write one image as a PNG in a ``data:`` URL."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="PNG")
    return PNG_URL + base64.b64encode(buffer.getvalue()).decode()
