"""From images to rows between which a distance says more than between rows of pixels.

The transformers take images, arrays of shape (n, height, width), of any size, and work through
them in batches, so that memory stays flat. Lengths are in pixels of a 28×28 image and grow with
the images.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import PCA
from sklearn.utils import check_array

from mnist_clust._compile import kernel
from mnist_clust._parallel import Pool, one_thread

BATCH = 1_000  # images at a time: some 5 MB of features
PIXELS = 8_000_000  # at a time, of large images: what is made of them takes some 200 MB
TASK = 64  # images a thread takes at a time
REFERENCE = 28  # side of the images that lengths are given for
STEEPEST = 1.5  # shear beyond which it is no slant of a digit

Rows = npt.NDArray[np.float32]


def principal_components(
    X: npt.NDArray[np.float32], n_components: int = 50, *, random_state: int = 0
) -> Rows:
    """Reduce rows to their leading principal components.

    Parameters
    ----------
    X : ndarray of shape (n, n_features)
        One row an image.
    n_components : int, default 50
        Components kept; fewer if the data have fewer.
    random_state : int, default 0
        Seed, for sizes at which scikit-learn's solver is a randomised one.

    Returns
    -------
    ndarray of shape (n, n_components), float32
    """
    kept = min(n_components, *X.shape)
    with one_thread():  # two threads add up in another order
        scores = PCA(kept, random_state=random_state).fit_transform(X)
    return np.ascontiguousarray(scores, dtype=np.float32)


def components_of_both(
    X: npt.NDArray[np.float32],
    newcomers: npt.NDArray[np.float32],
    n_components: int = 50,
    *,
    random_state: int = 0,
) -> tuple[Rows, Rows]:
    """Reduce rows and newcomers to the principal components of the rows alone.

    Parameters
    ----------
    X : ndarray of shape (n, n_features)
    newcomers : ndarray of shape (n_new, n_features)
    n_components, random_state
        As for `principal_components`.

    Returns
    -------
    (ndarray of shape (n, n_components), ndarray of shape (n_new, n_components)), float32
    """
    pca = PCA(min(n_components, *X.shape), random_state=random_state)
    with one_thread():
        pair = pca.fit_transform(X), pca.transform(newcomers)
    rows, new_rows = (np.ascontiguousarray(scores, dtype=np.float32) for scores in pair)
    return rows, new_rows


class _PerImage(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Transforms each image by itself, so that there is nothing to fit."""

    def fit(self, X: npt.ArrayLike, y: object = None) -> _PerImage:
        """Check the images; there is nothing to learn from them."""
        self._checked(X)
        return self

    def transform(self, X: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """Transform images of shape (n, height, width); the class says into what."""
        images = self._checked(X)
        scale = 255 if images.dtype.kind in "ui" else 1
        step = max(1, min(BATCH, PIXELS // images[0].size))
        parts = [
            self._transform(images[start : start + step].astype(np.float32) / np.float32(scale))
            for start in range(0, len(images), step)
        ]
        return np.concatenate(parts)

    def _checked(self, X: npt.ArrayLike) -> npt.NDArray[np.number | np.bool_]:
        images: npt.NDArray[np.number | np.bool_] = check_array(
            X, order="C", ensure_2d=False, allow_nd=True
        )
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
        height, width = images.shape[1:]
        down, across = np.arange(height, dtype=np.float32), np.arange(width, dtype=np.float32)
        ink = np.maximum(images.sum(axis=(1, 2)), np.finfo(np.float32).tiny)
        row = down - ((images.sum(axis=2) @ down) / ink)[:, None]
        column = across - ((images.sum(axis=1) @ across) / ink)[:, None]
        together = np.einsum("nij,ni,nj->n", images, row, column, optimize=True) / ink
        alone = np.einsum("nij,ni,ni->n", images, row, row, optimize=True) / ink
        slant = np.divide(together, alone, out=np.zeros_like(alone), where=alone > 0.25)
        shift = np.clip(slant, -STEEPEST, STEEPEST)[:, None] * row
        return _shift_rows(images, shift)


def _shift_rows(images: Rows, shift: Rows) -> Rows:
    """Move each row of each image to the left, by linear interpolation; blank comes in."""
    width = images.shape[2]
    padded = np.pad(images, ((0, 0), (0, 0), (1, 1)))
    place = np.clip(np.arange(width, dtype=np.float32) + shift[:, :, None], -1, width)
    left = np.minimum(np.floor(place), width - 1).astype(np.intp)
    share = place - left
    before = np.take_along_axis(padded, left + 1, axis=2)
    after = np.take_along_axis(padded, left + 2, axis=2)
    return np.asarray(before + share * (after - before), np.float32)


class NormalizeSize(_PerImage):
    """Scale each image until its ink spreads as far down and across as that of all others.

    The spread is the standard deviation of the ink's rows, and of its columns, about the centre
    of mass, which comes to lie in the middle. Scaling is limited, so that a stroke down stays
    one. A blank image stays as it is.

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

    def __init__(self, down: float = 5.0, across: float = 4.0, most: float = 1.7) -> None:
        self.down = down
        self.across = across
        self.most = most

    def _transform(self, images: Rows) -> Rows:
        scale = min(images.shape[1:]) / REFERENCE
        vertical = self._resampling(images.sum(axis=2), self.down * scale)
        horizontal = self._resampling(images.sum(axis=1), self.across * scale)
        return np.asarray(vertical @ images @ horizontal.transpose(0, 2, 1), np.float32)

    def _resampling(self, profiles: Rows, wanted: float) -> Rows:
        """Make the matrix, for each image, that moves and scales along one axis."""
        place = np.arange(profiles.shape[1], dtype=np.float32)
        middle = np.float32((len(place) - 1) / 2)
        ink = profiles.sum(axis=1)
        blank = ink < np.finfo(np.float32).tiny
        ink = np.where(blank, 1, ink)
        center = np.where(blank, middle, profiles @ place / ink)[:, None]
        spread = np.sqrt(np.sum(profiles * (place - center) ** 2, axis=1) / ink)
        shrink = np.where(blank, 1, np.clip(spread / wanted, 1 / self.most, self.most))
        source = center + (place - middle) * shrink[:, None]
        return np.asarray(np.maximum(1 - np.abs(source[:, :, None] - place), 0), np.float32)


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

    def __init__(self, n_orientations: int = 12, blur: float = 1.5, spacing: float = 3.0) -> None:
        self.n_orientations = n_orientations
        self.blur = blur
        self.spacing = spacing

    def grid_shape(self, height: int, width: int) -> tuple[int, int]:
        """Count the points, down and across, at which images of this size are sampled."""
        down, across = self._sampling(height, width)
        return len(down), len(across)

    def _sampling(self, height: int, width: int) -> tuple[Rows, Rows]:
        scale = min(height, width) / REFERENCE
        down, across = (_blur_and_sample(size, self.blur * scale, self.spacing * scale)
                        for size in (height, width))  # fmt: skip
        return down, across

    def _transform(self, images: Rows) -> Rows:
        n, height, width = images.shape
        down, across = self._sampling(height, width)
        sampled = np.zeros((n, self.n_orientations, len(down), len(across)), np.float32)
        with Pool() as pool:
            pool.run(
                lambda start, stop: _sample_edges(
                    images[start:stop], down, across, sampled[start:stop]
                ),
                n,
                TASK,
            )
        rows = sampled.reshape(n, -1)
        length = np.linalg.norm(rows, axis=1, keepdims=True)
        return np.asarray(np.sqrt(rows / np.maximum(length, np.finfo(np.float32).tiny)))


@kernel
def _sample_edges(images: Rows, down: Rows, across: Rows, sampled: Rows) -> None:
    """Share gradients, by central differences, between directions; blur and sample each of these.

    Each pixel goes along its row at once, into the points it is near to; then the rows go down.
    """
    n_orientations = sampled.shape[1]
    height, width = images.shape[1:]
    to_points = np.ascontiguousarray(across.T)
    lines = np.empty((n_orientations, height, len(across)), np.float32)
    for i in range(len(images)):
        lines[:] = 0
        for y in range(height):
            above, below = max(y - 1, 0), min(y + 1, height - 1)
            for x in range(width):
                before, after = max(x - 1, 0), min(x + 1, width - 1)
                rising = (images[i, below, x] - images[i, above, x]) / max(below - above, 1)
                running = (images[i, y, after] - images[i, y, before]) / max(after - before, 1)
                if rising == 0 and running == 0:
                    continue
                turn = np.arctan2(rising, running) * n_orientations / (2 * np.pi)
                first = int(np.floor(turn))
                strength = np.hypot(rising, running)
                second_share = np.float32(strength * (turn - first))
                first_share = np.float32(strength) - second_share
                for point in range(len(across)):
                    weight = to_points[x, point]
                    lines[first % n_orientations, y, point] += first_share * weight
                    lines[(first + 1) % n_orientations, y, point] += second_share * weight
        for direction in range(n_orientations):
            for y in range(height):
                for row in range(len(down)):
                    weight = down[row, y]
                    for point in range(len(across)):
                        sampled[i, direction, row, point] += weight * lines[direction, y, point]


def _blur_and_sample(size: int, blur: float, spacing: float) -> Rows:
    """Make the matrix that blurs a line of pixels and reads it off at the points of a grid."""
    count = max(1, int((size - 1) / max(spacing, 1)) + 1)
    points = (size - 1) / 2 + (np.arange(count) - (count - 1) / 2) * max(spacing, 1)
    apart = points[:, None] - np.arange(size)
    weights = np.exp(-0.5 * (apart / max(blur, 0.3)) ** 2)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)
