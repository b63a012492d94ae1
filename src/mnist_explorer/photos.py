"""One digit from a photo, a scan or a drawing, in the form of MNIST's."""

from __future__ import annotations

import base64
import binascii
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps
from pillow_heif import register_heif_opener
from scipy import ndimage
from skimage.filters import threshold_otsu
from skimage.measure import label
from skimage.transform import resize

from image_files.pictures import Limits, open_picture
from image_files.pixels import Grey, border, colour_to_grey
from image_files.reading import DataError

PHOTOS = Limits(25 * 1024**2, 64_000_000, ("PNG", "JPEG", "HEIF"), "PNG, JPEG or HEIC")
SIDE = 800  # pixels that a photo's longer side is reduced to, as soon as it is decoded
PNG_URL = "data:image/png;base64,"
FAINT = 0.1  # of the strongest ink; what is fainter is paper
BOX = 20 / 28  # of the frame that MNIST's digits are scaled into
EVEN = 4  # grey levels that the border of a drawing or a scan varies by
LEAST = 16  # grey levels between paper and ink; less is the noise of a camera
WINDOW = 1 / 3  # of a photo's side, in which most is paper
NEAR = 0.2  # of a photo's side from its middle, where ink counts half
PART = 0.05  # of the digit's ink that a stroke of its own has; less is a speck

register_heif_opener()


class Cut(NamedTuple):
    """A digit and how it was found: the picture, what was cut out of it, and the digit."""

    picture: Grey
    crop: Grey
    digit: Grey


def read_photo(content: bytes) -> Grey:
    """Decode a photo of any size to grey levels, its longer side reduced to `SIDE`.

    Parameters
    ----------
    content : bytes
        A PNG, JPEG or HEIC file that anybody may have made.

    Returns
    -------
    ndarray of uint8, shape (height, width)

    Raises
    ------
    DataError
        As `open_picture` says.
    """
    with open_picture(content, "This file", PHOTOS) as photo:
        photo.draft("L", (SIDE, SIDE))  # a JPEG is decoded at an eighth of its size, at best
        return _grey(photo)


def _grey(photo: Image.Image) -> Grey:
    if photo.mode.startswith("I"):  # 16 bits, which convert("L") would cut off
        deep = np.asarray(ImageOps.exif_transpose(photo), np.float32).clip(0, 65535) / 257
        photo = Image.fromarray(deep.astype(np.uint8))
    elif photo.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in photo.info:
        photo = photo.convert("RGBA")
    elif photo.mode != "L":
        photo = photo.convert("RGB")
    photo.thumbnail((SIDE, SIDE))
    pixels = np.asarray(ImageOps.exif_transpose(photo))
    return pixels if pixels.ndim == 2 else colour_to_grey(pixels[None])[0]


def read_drawing(url: str) -> Grey:
    """Decode what the drawing canvas sends, a PNG as a ``data:`` URL; errors as `read_photo`'s."""
    try:
        if not url.startswith(PNG_URL) or len(url) > 2 * PHOTOS.n_bytes:
            raise ValueError("no PNG")
        content = base64.b64decode(url.removeprefix(PNG_URL), validate=True)
    except (binascii.Error, ValueError) as error:
        raise DataError("This drawing did not arrive whole: draw it again.") from error
    return read_photo(content)


def cut_digit(picture: Grey, shape: tuple[int, int] = (28, 28)) -> Cut:
    """Find the digit on a picture and bring it to the form of MNIST's.

    On a photo the light is evened out, ink is told from paper by Otsu's threshold, and what lies
    nearest to the middle is the digit; on a drawing or a clean scan all ink is. As LeCun and others
    describe it, the ink is then scaled into a box of 20×20 pixels with its proportions kept, and
    set into 28×28 so that its centre of mass is at row 14, column 14.

    Parameters
    ----------
    picture : ndarray of uint8, shape (height, width)
        Grey levels, ink on paper or paper on ink.
    shape : (int, int), default (28, 28)
        Height and width wanted; the box is in proportion.

    Returns
    -------
    Cut
        Of the digit, 0 is paper and 255 the strongest ink.

    Raises
    ------
    DataError
        If there is no ink.
    """
    paper = border(picture[None])
    is_even = np.ptp(np.quantile(paper, [0.02, 0.98])) <= EVEN
    ink = _all_ink(picture - np.float32(np.median(paper))) if is_even else _central_ink(picture)
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    if not len(rows):
        raise DataError("There is no digit on this picture: draw one, or take another picture.")
    place = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    return Cut(picture, picture[place], _set_into(ink[place], shape))


def _all_ink(away: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Bring what is far from the paper's level, darker or lighter, to levels from 0 to 1."""
    lighter, darker = away.clip(min=0), (-away).clip(min=0)
    ink = lighter if (lighter**2).sum() > (darker**2).sum() else darker
    if ink.max() < LEAST:
        return np.zeros_like(ink)
    ink /= ink.max()
    ink[ink < FAINT] = 0
    return ink


def _central_ink(picture: Grey) -> npt.NDArray[np.float32]:
    """Even out the light of a photo and keep the ink nearest to its middle, from 0 to 1."""
    side = max(picture.shape)
    smooth = ndimage.gaussian_filter(picture.astype(np.float32), side / 250)
    away = smooth - _field(smooth)
    height, width = away.shape
    rows = np.linspace(-height, height, height)[:, None] / (2 * side * NEAR)
    columns = np.linspace(-width, width, width) / (2 * side * NEAR)
    weights = 1 / (1 + (rows**2 + columns**2) ** 2)
    middle = weights > 0.5
    if (away.clip(min=0)[middle] ** 2).sum() < (away.clip(max=0)[middle] ** 2).sum():
        away = -away
    away = away.clip(min=0)
    level = threshold_otsu(away)
    if level < LEAST / 2 or not (away[middle] > level).any():
        return np.zeros_like(away)
    strong = np.quantile(away[middle & (away > level)], 0.9)
    for share in (0.25, 0.35, 0.45, 0.55, 0.65):  # until the digit is free of ruled lines
        parts = label(away > max(level / 2, strong * share))
        inks = np.bincount(parts.ravel(), (away * weights).ravel())
        inks[0] = 0
        at_border = np.unique(border(parts[None]))
        if inks.argmax() not in at_border:
            inks[at_border] = 0
            break
    digit = ndimage.binary_dilation(inks[parts] > PART * inks.max(), iterations=-(-side // 200))
    return np.where(digit, (away / strong).clip(0, 1), 0).astype(np.float32)


def _field(smooth: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Estimate what bare paper would show: the median of a wide window, on few pixels."""
    small = [max(2, round(48 * side / max(smooth.shape))) for side in smooth.shape]
    coarse = resize(smooth, small, anti_aliasing=True, preserve_range=True)
    paper = ndimage.median_filter(coarse, round(48 * WINDOW), mode="nearest")
    return np.asarray(resize(paper, smooth.shape, preserve_range=True), np.float32)


def _set_into(ink: npt.NDArray[np.float32], shape: tuple[int, int]) -> Grey:
    scale = min(round(BOX * whole) / side for whole, side in zip(shape, ink.shape, strict=True))
    height, width = (max(1, round(scale * side)) for side in ink.shape)
    method = Image.Resampling.BOX if scale < 1 else Image.Resampling.BILINEAR
    grey = np.asarray(Image.fromarray(ink).resize((width, height), method), np.float32)
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
