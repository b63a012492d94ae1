"""Bring pixels of any kind to grey levels: 0 is background, 255 full ink."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from image_files.reading import DataError

Grey = npt.NDArray[np.uint8]
Size = tuple[int, int]  # height and width, in pixels
Notify = Callable[[str], None]

FULL = 255
MAX_SIDE = 4096  # pixels
FEW_LEVELS = 16  # whole numbers up to here are levels of fewer bits, as scikit-learn's digits have
_GREY_WEIGHTS = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601 luma
_ONE_COLOUR = 16  # levels that a single ink may vary by
_BATCH = 4096  # images at a time, to save memory
_EVEN, _MOST, _HALF = 48, 0.9, 0.5  # grey levels about the paper's; shares of pixels, of images
_RING = 4  # side in pixels, up to which nothing but ink lies within a border
_CLEAR = 4  # times as much ink on one side of the paper's level as on the other
_ENOUGH, _PIXELS = 2_000, 8_000_000  # images, and pixels of them, that tell the paper


@dataclass(frozen=True)
class Form:
    """How images were brought to grey levels, so that later ones are brought there alike."""

    full: float = FULL  # the pixel value that became 255
    inverted: bool = False  # from dark ink on light paper to light ink on dark paper
    resized: bool = False  # to a size that somebody asked for


def as_grey(
    parts: Sequence[npt.NDArray[Any]], origin: Path, notify: Notify, known: Form | None = None
) -> tuple[list[Grey], Form]:
    """Bring the images of one source, of any numeric type, grey or colour, to grey levels.

    Each conversion that changes how images look is notified of in a sentence. The form of earlier
    images, if `known`, decides what these alone leave open.
    """
    parts = [_in_shape(images, origin) for images in parts]
    full = _full_level(parts, origin, known)
    levels = [
        images.astype(np.uint8, copy=False)
        if images.dtype.kind in "bui" and full == FULL
        else np.rint(images * (FULL / full)).astype(np.uint8)
        for images in parts
    ]
    if full not in (1, FULL) or (full == 1 and any(part.dtype.kind in "ui" for part in parts)):
        notify(f"{origin.name}: pixel values 0 … {full:g} were stretched to 0 … 255.")
    if any(part.ndim == 4 for part in levels):
        notify(f"{origin.name}: the colour images were turned to grey.")
    grey = [colour_to_grey(part) if part.ndim == 4 else part for part in levels]
    inverted, others = _inked_darkly(grey, known)
    if inverted:
        notify(
            f"{origin.name}: by its border, this is dark ink on light paper; it was inverted to "
            "light ink on dark paper, as MNIST has it."
        )
    if others.any():
        notify(
            f"{origin.name}: {others.sum():,} of {len(others):,} images have ink and paper the "
            f"other way round than the rest (the first has index {others.argmax():,}); they were "
            "turned."
        )
    if inverted or others.any():
        turned = np.split(others != inverted, np.cumsum([len(part) for part in grey])[:-1])
        grey = [_negated(part, which) for part, which in zip(grey, turned, strict=True)]
    return grey, Form(full, inverted)


def _in_shape(images: npt.NDArray[Any], origin: Path) -> npt.NDArray[Any]:
    said = f"{origin} holds an array of shape {images.shape}"
    if images.ndim == 4 and images.shape[3] == 1:
        return images[..., 0]
    if images.ndim == 3 and 1 in images.shape[1:]:
        side = math.isqrt(math.prod(images.shape[1:]))
        square = side * side == math.prod(images.shape[1:])
        as_what = f"({len(images)}, {side}, {side})" if square else "(n, height, width)"
        raise DataError(
            f"{said}, images of one pixel's width or height: give it the shape {as_what}, or "
            "a fourth axis of length 1 if that is what they are."
        )
    if not (images.ndim == 3 or (images.ndim == 4 and images.shape[3] in (3, 4))):
        raise DataError(
            f"{said}: images must have the shape (n, height, width), or (n, height, width, 3 or 4) "
            "in colour."
        )
    if 0 in images.shape[1:]:
        raise DataError(f"{said}, without a pixel: images must have the shape (n, height, width).")
    return images


def ask_for_order(images: npt.NDArray[Any], origin: Path) -> None:
    """Question images that lie along the last axis, as MATLAB has them: few, wide and low."""
    if images.ndim != 3:
        return
    n, height, width = images.shape
    if n <= 2 * height and width > 2 * max(n, height):
        raise DataError(
            f"{origin} holds an array of shape {images.shape}, which looks like {width} images "
            f"along its last axis: save numpy.moveaxis(images, -1, 0), or, if these are {n} images "
            f"of {height}×{width} pixels, give them a fourth axis of length 1."
        )


def _full_level(parts: Sequence[npt.NDArray[Any]], origin: Path, known: Form | None) -> float:
    """Find the pixel value that stands for full ink."""
    highest = [_highest(images, origin) for images in parts if images.size]
    kinds = {images.dtype.kind for images in parts}
    if kinds == {"b"} or not highest:
        return 1 if kinds == {"b"} else FULL
    high = max(highest)
    few = high <= FEW_LEVELS if kinds <= {"u", "i"} else high < FULL
    if not few or not high:
        return FULL
    if known and 1 < high <= known.full < FULL:  # of a few images, none may be of full ink
        return known.full
    return max(high, 1)


def _highest(images: npt.NDArray[Any], origin: Path) -> float:
    if images.dtype.kind not in "buif":
        raise DataError(f"{origin} holds images of type {images.dtype}: save them as uint8.")
    if images.dtype.kind == "f" and not np.isfinite(images).all():
        raise DataError(f"{origin} holds NaN or infinite pixels: replace them and save again.")
    low, high = images.min(), images.max()
    if low < 0 or high > FULL:
        raise DataError(
            f"{origin} holds pixel values from {low:g} to {high:g}: bring them to 0 … 255."
        )
    return float(high)


def colour_to_grey(images: Grey) -> Grey:
    """Weigh the colours as the eye does; what is transparent shows black, the background.

    Where an image has a single colour, and only its transparency shows anything, that is the ink.
    """
    grey = np.empty(images.shape[:3], dtype=np.uint8)
    for start in range(0, len(images), _BATCH):
        part = images[start : start + _BATCH].astype(np.float32)
        value = part[..., :3] @ _GREY_WEIGHTS
        if part.shape[3] == 4:
            value *= part[..., 3] / np.float32(FULL)
            drawn = _drawn_in_alpha(images[start : start + _BATCH])
            value[drawn] = part[drawn, ..., 3]
        grey[start : start + _BATCH] = np.rint(value)
    return grey


def _drawn_in_alpha(images: Grey) -> npt.NDArray[np.bool_]:
    """Tell which images have one colour throughout, and parts that are clear and others not."""
    opacity = images[..., 3]
    seen = (opacity > 0)[..., None]
    highest = np.where(seen, images[..., :3], 0).max(axis=(1, 2)).astype(int)
    lowest = np.where(seen, images[..., :3], FULL).min(axis=(1, 2))
    varied = np.ptp(opacity, axis=(1, 2)) > FULL // 2
    return np.asarray(varied & ((highest - lowest).max(axis=1) <= _ONE_COLOUR))


def is_dark_on_light(parts: Sequence[Grey]) -> bool | None:
    """Tell by the border whether ink is darker than paper; None if the border does not tell.

    The paper is what most of the border shows. Ink lies on one side of it.
    """
    n, pixels = sum(len(part) for part in parts), sum(part.size for part in parts)
    step = max(1, n // _ENOUGH, pixels // _PIXELS)
    some = [part[::step].astype(np.float32) for part in parts if part.size]
    if not some:
        return None
    paper = np.asarray(np.median(np.concatenate([border(part).ravel() for part in some])))
    lighter, darker = np.sum([np.sum(_ink(part, paper), axis=1) for part in some], axis=0)
    if max(lighter, darker) <= _CLEAR * min(lighter, darker):
        return None
    return bool(darker > lighter)


def _ink(images: npt.NDArray[Any], paper: npt.NDArray[Any]) -> tuple[Any, Any]:
    """Sum up for each image what is lighter than its paper, and what is darker."""
    away = images - paper
    return (away.clip(min=0) ** 2).sum(axis=(1, 2)), (away.clip(max=0) ** 2).sum(axis=(1, 2))


def _inked_darkly(parts: Sequence[Grey], known: Form | None) -> tuple[bool, npt.NDArray[np.bool_]]:
    """Tell whether ink is darker than paper, and in which images it is the other way round.

    Where nearly all images have an even border, each is asked, and most decide; else, as of
    photographs and tight crops, all borders together.
    """
    sides = np.concatenate([np.zeros(0, np.int8), *map(_side_of_ink, parts)])
    if np.count_nonzero(sides) > _MOST * len(sides):
        inverted = bool(np.count_nonzero(sides < 0) > np.count_nonzero(sides > 0))
        return inverted, np.asarray(sides == (1 if inverted else -1), bool)
    told = is_dark_on_light(parts)
    inverted = known is not None and known.inverted if told is None else told
    return inverted, np.zeros(len(sides), bool)


def _side_of_ink(images: Grey) -> npt.NDArray[np.int8]:
    """Tell of each image if its ink is lighter (1) or darker (-1) than an even border, or 0."""
    told = np.zeros(len(images), np.int8)
    step = max(1, _PIXELS // max(1, images[:1].size))
    for start in range(0, len(images), step):
        part = images[start : start + step].astype(np.float32)
        sides = border(part)
        paper = np.median(sides, axis=1, keepdims=True)
        even = (np.abs(sides - paper) <= _EVEN).mean(axis=1) > _MOST
        if min(part.shape[1:]) > _RING:  # what lies within a frame is the paper
            within = border(part[:, 1:-1, 1:-1])
            even &= (np.abs(within - paper) <= _EVEN).mean(axis=1) > _HALF
        lighter, darker = _ink(part, paper[..., None])
        clear = lighter > _CLEAR * darker, darker > _CLEAR * lighter
        told[start : start + step] = even * (clear[0].astype(np.int8) - clear[1])
    return told


def _negated(images: Grey, which: npt.NDArray[np.bool_]) -> Grey:
    """Swap light and dark in some of the images."""
    out = images.copy()
    np.subtract(np.uint8(FULL), images, out=out, where=which[:, None, None])
    return out


def border(images: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the pixels along the four sides of each image, corners twice: shape (n, pixels)."""
    sides = (images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1])
    return np.concatenate(sides, axis=1)


def fit_into(image: npt.NDArray[Any], size: Size) -> npt.NDArray[Any]:
    """Scale an image, of uint8 or float32, into a size and keep its proportions.

    What its border shows fills it up.
    """
    if image.shape == size:
        return image
    scale = min(size[0] / image.shape[0], size[1] / image.shape[1])
    height, width = (max(1, round(scale * side)) for side in image.shape)
    method = Image.Resampling.BOX if scale < 1 else Image.Resampling.BILINEAR
    scaled = np.asarray(Image.fromarray(image).resize((width, height), method))
    whole = np.full(size, np.median(border(image[None])), image.dtype)
    top, left = (size[0] - height) // 2, (size[1] - width) // 2
    whole[top : top + height, left : left + width] = scaled
    return whole


def fitted(images: Grey, size: Size | None) -> Grey:
    """Bring images to a size, if one is asked for."""
    if size is None or not len(images):
        return images
    return np.stack([fit_into(image, size) for image in images])


def size_asked(size: int | Size | None) -> Size | None:
    """Settle the size that an argument or ``MNIST_CLUST_SIZE`` asks for."""
    if size is None:
        return parse_size(os.environ.get("MNIST_CLUST_SIZE") or None)
    return _bounded(*(size if isinstance(size, tuple) else (int(size), int(size))))


def _bounded(height: int, width: int) -> Size:
    if not (1 < height <= MAX_SIDE and 1 < width <= MAX_SIDE):
        raise DataError(f"{height}×{width} pixels are no size: give sides of 2 to {MAX_SIDE}.")
    return height, width


def parse_size(text: str | None) -> Size | None:
    """Read a side, or height and width, as in 28 or 28x20; None if none is given."""
    if text is None:
        return None
    match = re.fullmatch(r"(\d{1,5})(?:[x×](\d{1,5}))?", text.strip())
    if not match:
        shown = text if len(text) < 40 else f"{text[:40]}…"
        raise DataError(f"{shown} is no size: give a side, or height and width, as in 28 or 28x20.")
    return _bounded(int(match[1]), int(match[2] or match[1]))
