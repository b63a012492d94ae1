"""Read pictures, PNG or JPEG, that may be damaged or hostile: one, or a folder of them."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from mnist_clust._pixels import Grey, Size, colour_to_grey, fit_into
from mnist_clust._read import MAX_BYTES, DataError, readable, too_large

MAX_IMAGE_BYTES = 5 * 1024**2
MAX_PIXELS = 16_000_000
ENDINGS = (".png", ".jpg", ".jpeg")


def read_picture(content: bytes, name: str = "This file") -> tuple[Grey, bool]:
    """Decode a PNG or JPEG picture to grey levels, and tell whether colours were lost by it.

    What is transparent shows black, unless the ink is in the transparency.

    Raises
    ------
    DataError
        In one sentence: too many bytes, too many pixels (known before decoding), or no picture.
    """
    if len(content) > MAX_IMAGE_BYTES:
        raise DataError(
            f"{name} has more than {MAX_IMAGE_BYTES // 1024**2} MB: make the image smaller."
        )
    too_many = DataError(
        f"{name} has more than {MAX_PIXELS // 10**6} million pixels: make the image smaller."
    )
    try:
        with Image.open(io.BytesIO(content), formats=("PNG", "JPEG")) as picture:
            if picture.width * picture.height > MAX_PIXELS:  # from the header alone
                raise too_many
            return _decode(ImageOps.exif_transpose(picture))
    except Image.DecompressionBombError:
        raise too_many from None
    except DataError:
        raise
    except Exception as error:  # Pillow's decoders raise nearly anything on damaged files
        raise DataError(
            f"{name} is not a PNG or JPEG image that can be read: save it again as one of these."
        ) from error


def _decode(picture: Image.Image) -> tuple[Grey, bool]:
    if picture.mode.startswith("I"):  # 16 bits, which convert("L") would cut off
        deep = np.asarray(picture, np.float32).clip(0, 65535) / 257
        return deep.astype(np.uint8), False
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
) -> tuple[Grey, bool]:
    """Decode pictures, each with a name for messages, that are of one size or are brought to it.

    Also tells whether any was in colour. `origin` is where they are from, `limit` the bytes of
    pixels that are read at most.
    """
    images: list[Grey] = []
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
                f"{image.shape[0]}×{image.shape[1]}: bring them to one size, or let --size "
                f"{height}x{width} do it."
            )
        images.append(image)
        if len(images) * image.size > limit:
            raise too_large(origin, limit)
    return (np.stack(images) if images else np.empty((0, 2, 2), np.uint8)), coloured


def contents_of(folder: Path, files: Iterable[str]) -> Iterable[tuple[str, bytes]]:
    """Read files one after the other, each no further than a picture may reach."""
    for name in files:
        path = folder / name
        with readable(path), path.open("rb") as file:
            yield str(path), file.read(MAX_IMAGE_BYTES + 1)
