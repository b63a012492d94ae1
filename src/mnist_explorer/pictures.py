"""Files from outside: an image becomes a digit as MNIST has them, an array file a data set.

Whatever arrives is limited in bytes and in pixels before anything decodes it. Nothing is
unpickled, and the name a file had elsewhere is never opened.
"""

from __future__ import annotations

import base64
import binascii
import io
import re
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from mnist_clust._pictures import MAX_IMAGE_BYTES, read_picture
from mnist_clust._pixels import Grey, border
from mnist_clust._read import DataError, TooLargeError
from mnist_clust._sources import FILES
from mnist_clust.data import Digits, Images, load_path

MAX_FILE_BYTES = 64 * 1024**2
MAX_VALUES = 256 * 1024**2  # bytes that a file of arrays may unfold to
LONGEST, NAME = 400, 100  # characters of a message, and of a file's name in it
PNG_URL = "data:image/png;base64,"
FAINT = 0.1  # of the darkest ink; what is fainter is paper
BOX = 20 / 28  # of the frame that MNIST's digits are scaled into


def read_image(content: bytes) -> Grey:
    """Decode a PNG or JPEG image to grey levels; errors as for `read_picture`."""
    return read_picture(content)[0]


def read_drawing(url: str) -> Grey:
    """Decode what the drawing canvas sends; arguments and errors as for `read_image`.

    Parameters
    ----------
    url : str
        A PNG as a ``data:`` URL.
    """
    try:
        if not url.startswith(PNG_URL) or len(url) > 2 * MAX_IMAGE_BYTES:
            raise ValueError("no PNG")
        content = base64.b64decode(url.removeprefix(PNG_URL), validate=True)
    except (binascii.Error, ValueError) as error:
        raise DataError("This drawing did not arrive whole: draw it again.") from error
    return read_image(content)


def like_mnist(picture: Grey, shape: tuple[int, int] = (28, 28)) -> Grey:
    """Bring a picture of one digit to the form of MNIST's.

    As LeCun and others describe it: the ink is cropped, scaled into a box of 20×20 pixels with
    its proportions kept, and set into 28×28 so that its centre of mass is at row 14, column 14. The
    paper is what most of the picture's border shows; ink is whatever is far from it, darker or
    lighter.

    Parameters
    ----------
    picture : ndarray of uint8, shape (height, width)
        Grey levels, ink on paper or paper on ink.
    shape : (int, int), default (28, 28)
        Height and width wanted; the box is in proportion.

    Returns
    -------
    ndarray of uint8, shape `shape`
        0 is paper, 255 the strongest ink.

    Raises
    ------
    DataError
        If there is no ink.
    """
    ink = _ink(picture)
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    if not len(rows):
        raise DataError("There is no digit on this picture: draw one, or take another picture.")
    crop = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = min(round(BOX * shape[0]) / crop.shape[0], round(BOX * shape[1]) / crop.shape[1])
    height, width = (max(1, round(scale * side)) for side in crop.shape)
    small = Image.fromarray(crop).resize((width, height), Image.Resampling.BOX if scale < 1
                                         else Image.Resampling.BILINEAR)  # fmt: skip
    grey = np.asarray(small, np.float32)
    grey = grey * (255 / grey.max())
    frame = np.zeros(shape, np.uint8)
    mass = grey.sum()
    top = round(shape[0] / 2 - float(grey.sum(axis=1) @ np.arange(height) / mass))
    left = round(shape[1] / 2 - float(grey.sum(axis=0) @ np.arange(width) / mass))
    top, left = (
        int(np.clip(start, 0, whole - part))
        for start, whole, part in ((top, shape[0], height), (left, shape[1], width))
    )
    frame[top : top + height, left : left + width] = np.rint(grey)
    return frame


def _ink(picture: Grey) -> npt.NDArray[np.float32]:
    """Tell ink from paper, as levels from 0 to 1; what is faint becomes paper."""
    away = picture.astype(np.float32) - np.float32(np.median(border(picture[None])))
    lighter, darker = away.clip(min=0), (-away).clip(min=0)
    ink = lighter if (lighter**2).sum() > (darker**2).sum() else darker
    if ink.max() < 16:  # noise of a camera, or nothing
        return np.zeros_like(ink)
    ink /= ink.max()
    ink[ink < FAINT] = 0
    return ink


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
