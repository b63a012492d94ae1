"""Tell whether new images are like those that a map was made of, or lie on their side, say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from image_files.pixels import border

Images = npt.NDArray[Any]
COMPARED = 200  # images; they tell as much as all
FEW = 20  # images from which on a majority is no chance
MAJORITY = 2 / 3  # of the right way round, one in eight is nearer when turned (the sample's digits)

# By name, the ways to lay an image; those that change its sides are for square ones.
_WAYS: dict[str, Callable[[Images], Images]] = {
    "as they are": lambda images: images,
    "mirrored": lambda images: images[:, :, ::-1],
    "upside down": lambda images: images[:, ::-1],
    "turned by 180°": lambda images: images[:, ::-1, ::-1],
    "transposed": lambda images: images.transpose(0, 2, 1),
    "turned to the left": lambda images: np.rot90(images, 1, (1, 2)),
    "turned to the right": lambda images: np.rot90(images, -1, (1, 2)),
    "transposed and turned by 180°": lambda images: images.transpose(0, 2, 1)[:, ::-1, ::-1],
}


class Usual(NamedTuple):
    """What is usual among the images that a map was made of."""

    border: float  # ink at the border, as a share of the ink of a pixel anywhere
    near: float  # median distance to the nearest other image
    far: float  # 99th percentile of it

    @classmethod
    def of(cls, images: Images, nearest: npt.NDArray[np.floating]) -> Usual:
        """Measure it on images and on the distances between them."""
        near, far = np.quantile(nearest, [0.5, 0.99])
        return cls(_ink_at_border(images), float(near), float(far))


def _ink_at_border(images: Images) -> float:
    return float(border(images).mean() / max(float(images.mean()), 1e-9))


def difference(
    images: Images, usual: Usual, distances: Callable[[Images], npt.NDArray[np.floating]]
) -> str | None:
    """Say in one sentence how new images differ from the known ones, if they do.

    They are laid in each of the eight ways that a square can lie, as they are and inverted. If most
    of them are nearer to a known image in one of these, or all are far from any, that is said.
    `distances` gives the distance of each image to the nearest known one.
    """
    some = images[:: max(1, -(-len(images) // COMPARED))]
    square = images.shape[1] == images.shape[2]
    top = 255 if images.dtype == np.uint8 else images.max()
    found: dict[str, npt.NDArray[np.floating]] = {}
    for name, lay in list(_WAYS.items())[: None if square else 4]:
        laid = np.ascontiguousarray(lay(some))
        found[name] = distances(laid)
        found[f"{name} and inverted"] = distances((top - laid).astype(images.dtype))
    here = found.pop(next(iter(_WAYS)))
    best = min(found, key=lambda name: float(np.median(found[name])))
    now, then = float(np.median(here)), float(np.median(found[best]))
    most = then < now and bool(np.mean(found[best] < here) >= MAJORITY)
    if len(some) < FEW:
        most = most and now > usual.far and then < (usual.near + usual.far) / 2
    best = best.removeprefix("as they are and ")
    which = "This image is" if len(images) == 1 else "Most of these images are"
    if most and then <= usual.far:
        return (
            f"{which} more like the known ones when {best} (at a distance of {then:.2f} instead "
            f"of {now:.2f}): lay new images as those were before you trust their clusters."
        )
    if now > usual.far:
        return (
            f"{which} farther from any known one (at {now:.2f}) than 99 of 100 of those are from "
            f"each other (at {usual.far:.2f}): such a cluster may mean nothing."
        )
    ink = _ink_at_border(some)
    if abs(ink - usual.border) > 0.5:
        return (
            f"A pixel at the border of these images holds {ink:.1f} times the ink of any pixel, "
            f"and of the known ones {usual.border:.1f} times: see that they are cut alike."
        )
    return None
