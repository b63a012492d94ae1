"""From images to rows between which a distance says more than between rows of pixels.

The transformers take images, arrays of shape (n, height, width), of any size, and work through
them in batches, so that memory stays flat. Lengths are in pixels of a 28×28 image and grow with
the images.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import check_array
from sklearn.utils._param_validation import Interval

from mnist_clust._strokes import blur_and_sample, center, resize, sample_edges, straighten
from numba_tsne._parallel import Pool

IMAGES_AT_A_TIME = 1_000  # some 5 MB of features
PIXELS_AT_A_TIME = 8_000_000  # of large images: what is made of them takes some 200 MB
IMAGES_OF_A_TASK = 64  # that a thread takes
REFERENCE_SIDE = 28  # of the images that lengths are given for, in pixels
SMALLEST_RESIZED = 16  # side in pixels: in smaller images it blurs strokes of one pixel
POSITIVE = Interval(Real, 0, None, closed="neither")

Rows = npt.NDArray[np.float32]


def check_images(X: npt.ArrayLike) -> npt.NDArray[Any]:
    """Take images in any layout, or as a list of them, or say in a ValueError what is wrong."""
    if np.ndim(X) == 0:
        raise ValueError("Images of shape (n, height, width) are needed, and there are none.")
    images: npt.NDArray[Any] = check_array(X, order="C", ensure_2d=False, allow_nd=True)
    if images.ndim != 3 or 0 in images.shape:
        raise ValueError(
            f"Images of shape (n, height, width) are needed, and these have {images.shape}; "
            "reshape rows of pixels, and turn colours to grey, first."
        )
    if images.dtype.kind not in "buif":
        raise ValueError(f"Pixels must be numbers, and these are of type {images.dtype}.")
    low, high = images.min(), images.max()
    if low < 0 or high > 255:
        raise ValueError(
            f"Pixels must be from 0 to 255, and these are from {low:g} to {high:g}; "
            "scale them first."
        )
    return images


class _PerImage(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Transforms each image by itself, so that there is nothing to fit."""

    _parameter_constraints: ClassVar[dict[str, list[object]]] = {}

    def fit(self, X: npt.ArrayLike, y: object = None) -> _PerImage:
        """Check parameters and images; there is nothing to learn from them."""
        self._validate_params()
        check_images(X)
        return self

    def transform(self, X: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """Transform images of shape (n, height, width); the class says into what."""
        self._validate_params()
        images = check_images(X)
        scale = 255 if images.dtype.kind in "ui" else 1
        step = max(1, min(IMAGES_AT_A_TIME, PIXELS_AT_A_TIME // images[0].size))
        parts = [
            self._transform(images[start : start + step].astype(np.float32) / np.float32(scale))
            for start in range(0, len(images), step)
        ]
        return np.concatenate(parts)

    def _transform(self, images: Rows) -> Rows:
        raise NotImplementedError

    def __sklearn_is_fitted__(self) -> bool:
        return True


class Deskew(_PerImage):
    """Straighten slanted digits: shear each image until its ink is upright.

    The slant is the covariance of the ink's column with its row, divided by the variance of its
    row, both about the centre of mass, as in the samples of OpenCV. Each row is then moved
    sideways by its height above the centre times the slant. A blank or constant image, or one
    line across, stays as it is.
    """

    def _transform(self, images: Rows) -> Rows:
        return _image_by_image(straighten, images)


def _image_by_image(change: Callable[..., None], images: Rows, *settings: float) -> Rows:
    """Let a kernel change images on all cores."""
    changed = np.empty_like(images)
    with Pool() as pool:
        pool.run(
            lambda start, stop: change(images[start:stop], changed[start:stop], *settings),
            len(images),
            IMAGES_OF_A_TASK,
        )
    return changed


class Center(_PerImage):
    """Shift each image by whole pixels until its ink's centre of mass is in the middle.

    So MNIST's images were made, and stay as they are. What leaves the frame is lost.
    """

    def _transform(self, images: Rows) -> Rows:
        return _image_by_image(center, images)


class NormalizeSize(_PerImage):
    """Scale each image until its ink spreads as far down and across as that of all others.

    The spread is the standard deviation of the ink's rows, and of its columns, about the centre
    of mass, which comes to lie in the middle. Scaling is limited, so that a stroke down stays
    one. A blank image stays as it is, and so do images of fewer than 16 pixels a side.

    Parameters
    ----------
    down, across : float, default 5 and 4
        Wanted spreads, in pixels of a 28×28 image.
    most : float, default 1.7
        Largest factor of enlarging and of shrinking.

    References
    ----------
    R. G. Casey, "Moment Normalization of Handprinted Characters", IBM Journal of Research and
    Development 14, 1970; C.-L. Liu et al., "Handwritten digit recognition: investigation of
    normalization and feature extraction techniques", Pattern Recognition 37, 2004.
    """

    _parameter_constraints: ClassVar[dict[str, list[object]]] = {
        "down": [POSITIVE],
        "across": [POSITIVE],
        "most": [Interval(Real, 1, None, closed="left")],
    }

    def __init__(self, down: float = 5.0, across: float = 4.0, most: float = 1.7) -> None:
        self.down = down
        self.across = across
        self.most = most

    def _transform(self, images: Rows) -> Rows:
        if min(images.shape[1:]) < SMALLEST_RESIZED:
            return images
        scale = min(images.shape[1:]) / REFERENCE_SIDE
        return _image_by_image(
            resize, images, self.down * scale, self.across * scale, float(self.most)
        )


class OrientedGradients(_PerImage):
    """Describe an image by which edges it has where: histograms of oriented gradients.

    Each pixel's gradient is shared between the two nearest of `n_orientations` directions, dark
    to light and light to dark being different. Each direction makes a picture of its own, which
    is blurred, so that a stroke may lie a little aside, and sampled on a grid. The row of all
    samples is scaled to length one, so that thick and thin writers are alike, and its square
    root taken, so that many weak edges count beside a few strong ones.

    Parameters
    ----------
    n_orientations : int, default 12
    blur : float, default 1.5
        Standard deviation of the Gaussian, in pixels of a 28×28 image.
    spacing : float, default 3
        Distance of the grid's points, in pixels of a 28×28 image.

    References
    ----------
    N. Dalal and B. Triggs, "Histograms of Oriented Gradients for Human Detection", CVPR 2005;
    E. Tola, V. Lepetit and P. Fua, "DAISY", IEEE PAMI 32, 2010, for the blurred pictures.
    """

    _parameter_constraints: ClassVar[dict[str, list[object]]] = {
        "n_orientations": [Interval(Integral, 1, None, closed="left")],
        "blur": [POSITIVE],
        "spacing": [POSITIVE],
    }

    def __init__(self, n_orientations: int = 12, blur: float = 1.5, spacing: float = 3.0) -> None:
        self.n_orientations = n_orientations
        self.blur = blur
        self.spacing = spacing

    def _sampling(self, height: int, width: int) -> tuple[Rows, Rows]:
        scale = min(height, width) / REFERENCE_SIDE
        down, across = (blur_and_sample(size, self.blur * scale, self.spacing * scale)
                        for size in (height, width))  # fmt: skip
        return down, across

    def _transform(self, images: Rows) -> Rows:
        n, height, width = images.shape
        down, across = self._sampling(height, width)
        sampled = np.zeros((n, self.n_orientations, len(down), len(across)), np.float32)
        with Pool() as pool:
            pool.run(
                lambda start, stop: sample_edges(
                    images[start:stop], down, across, sampled[start:stop]
                ),
                n,
                IMAGES_OF_A_TASK,
            )
        rows = sampled.reshape(n, -1)
        length = np.linalg.norm(rows, axis=1, keepdims=True)
        return np.asarray(np.sqrt(rows / np.maximum(length, np.finfo(np.float32).tiny)))


STROKES = (Deskew(), NormalizeSize(), OrientedGradients())  # what describes a stroke, in order


def describe(images: npt.ArrayLike, steps: Iterable[TransformerMixin] = STROKES) -> Rows:
    """Describe images by rows: by default, oriented gradients of their upright form of one size.

    Parameters
    ----------
    images : ndarray of shape (n, height, width)
    steps : iterable of transformers
        Done in order; without gradients, rows are of pixels.

    Returns
    -------
    ndarray of shape (n, n_features), float32
    """
    for step in steps:
        images = step.transform(images)
    return flatten(images)


def flatten(images: npt.ArrayLike) -> Rows:
    """Make a row of pixels from 0 to 1 of each image; whole numbers count to 255."""
    pixels = np.asarray(images)
    scale = 255 if pixels.dtype.kind in "ui" else 1
    return pixels.reshape(len(pixels), -1).astype(np.float32) / np.float32(scale)
