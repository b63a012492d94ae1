"""Data sets from outside, and images on their way to the page.

Whatever arrives is limited in bytes before anything decodes it. Nothing is unpickled, and the name
a file had elsewhere is never opened.
"""

from __future__ import annotations

import base64
import io
import re
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from mnist_clust._pixels import Grey
from mnist_clust._read import DataError, TooLargeError
from mnist_clust._sources import FILES
from mnist_clust.data import Digits, Images, load_path
from mnist_explorer.photos import PNG_URL

MAX_FILE_BYTES = 64 * 1024**2
MAX_VALUES = 256 * 1024**2  # bytes that a file of arrays may unfold to
LONGEST, NAME = 400, 100  # characters of a message, and of a file's name in it


def read_data(content: bytes, name: str) -> Digits:
    """Load a data set that somebody uploaded.

    Parameters
    ----------
    content : bytes
        A file that `load_digits` takes.
    name : str
        What it was called; shown, and its ending looked at.

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
    ending = next((e for e in FILES if shown.lower().endswith(e)), ".idx")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, Path(folder).name + ending)  # a name that nobody's file has
        path.write_bytes(content)

        def renamed(said: object) -> str:
            return _plain(str(said).replace(str(path), shown).replace(path.name, shown))

        try:
            digits = load_path(path, limit=MAX_VALUES)
        except TooLargeError:
            raise too_large from None
        except DataError as error:
            raise DataError(renamed(error)) from None
    return replace(digits, notices=tuple(map(renamed, digits.notices)))


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
