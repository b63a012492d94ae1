"""Read pictures, PNG or JPEG, that may be damaged or hostile: one, or a folder of them."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from image_files.pixels import Size, colour_to_grey, fit_into
from image_files.reading import MAX_BYTES, DataError, readable, too_large

Levels = npt.NDArray[Any]  # of grey: uint8, or float32 from pictures of 16 bits
ENDINGS = (".png", ".jpg", ".jpeg")


class Limits(NamedTuple):
    """What is asked of a picture before it is decoded."""

    n_bytes: int
    n_pixels: int
    formats: tuple[str, ...]  # Pillow's names
    kinds: str  # the same in words


PICTURES = Limits(5 * 1024**2, 16_000_000, ("PNG", "JPEG"), "PNG or JPEG")


@contextmanager
def open_picture(content: bytes, name: str, limits: Limits) -> Iterator[Image.Image]:
    """Open a picture that anybody may have made, to be decoded within.

    Raises
    ------
    DataError
        In one sentence: too many bytes, too many pixels (known before decoding), or no picture.
    """
    sentence = "{} has more than {} {}: make the image smaller."
    if len(content) > limits.n_bytes:
        raise DataError(sentence.format(name, limits.n_bytes // 1024**2, "MB"))
    too_many = DataError(sentence.format(name, limits.n_pixels // 10**6, "million pixels"))
    try:
        with Image.open(io.BytesIO(content), formats=limits.formats) as picture:
            if picture.width * picture.height > limits.n_pixels:  # from the header alone
                raise too_many
            yield picture
    except Image.DecompressionBombError:
        raise too_many from None
    except DataError:
        raise
    except Exception as error:  # Pillow's decoders raise nearly anything on damaged files
        raise DataError(
            f"{name} is not a {limits.kinds} image that can be read: save it again as one of these."
        ) from error


def read_picture(content: bytes, name: str = "This file") -> tuple[Levels, bool]:
    """Decode a PNG or JPEG picture to grey levels, and tell whether colours were lost by it.

    One of 16 bits keeps them, as fractions of levels: it may use few of its range.
    What is transparent shows black, unless the ink is in the transparency. Errors are those of
    `open_picture`.
    """
    with open_picture(content, name, PICTURES) as picture:
        return _decode(ImageOps.exif_transpose(picture))


def _decode(picture: Image.Image) -> tuple[Levels, bool]:
    if picture.mode.startswith("I"):  # 16 bits, which convert("L") would cut off
        return np.asarray(picture, np.float32).clip(0, 65535) / np.float32(257), False
    clear = picture.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in picture.info
    if picture.mode in ("1", "L") and not clear:
        return np.asarray(picture.convert("L")), False
    colours = np.asarray(picture.convert("RGBA" if clear else "RGB"))
    coloured = bool((np.ptp(colours[..., :3], axis=2) > 0).any())
    return colour_to_grey(colours[None])[0], coloured


def read_pictures(
    pictures: Iterable[tuple[str, bytes]],
    origin: Path,
    size: Size | None = None,
    limit: int = MAX_BYTES,
) -> tuple[Levels, bool]:
    """Decode pictures, each with a name for messages, that are of one size or are brought to it.

    Also tells whether any was in colour. `origin` is where they are from, `limit` the bytes of
    pixels that are read at most.
    """
    images: list[Levels] = []
    coloured = False
    for name, content in pictures:
        image, colours = read_picture(content, name)
        coloured |= colours
        if size is not None:
            image = fit_into(image, size)
        elif images and image.shape != images[0].shape:
            height, width = images[0].shape
            raise DataError(
                f"{origin} holds pictures of {height}×{width} pixels and {name} has "
                f"{image.shape[0]}×{image.shape[1]}: bring them to one size, or let --size do it, "
                "as in --size 28x28."
            )
        images.append(image)
        if len(images) * image.nbytes > limit:
            raise too_large(origin, limit)
    return (np.stack(images) if images else np.empty((0, 2, 2), np.uint8)), coloured


def contents_of(folder: Path, files: Iterable[str]) -> Iterable[tuple[str, bytes]]:
    """Read files one after the other, each no further than a picture may reach."""
    for name in files:
        path = folder / name
        with readable(path), path.open("rb") as file:
            yield str(path), file.read(PICTURES.n_bytes + 1)
