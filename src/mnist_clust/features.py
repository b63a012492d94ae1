"""From images to rows between which a distance says more than between rows of pixels.

The transformers take images, arrays of shape (n, height, width), of any size, and work through
them in batches, so that memory stays flat. Lengths are in pixels of a 28×28 image and grow with
the images.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import PCA
from sklearn.utils import check_array

from numba_tsne._compile import kernel
from numba_tsne._parallel import Pool, one_thread

BATCH = 1_000  # images at a time: some 5 MB of features
PIXELS = 8_000_000  # at a time, of large images: what is made of them takes some 200 MB
WIDE = 4_096  # features up to which components are found from the covariance, without chance
TASK = 64  # images a thread takes at a time
REFERENCE = 28  # side of the images that lengths are given for
STEEPEST = 1.5  # shear beyond which it is no slant of a digit
NEGLIGIBLE = 1e-7  # weight of a pixel in a blurred one, beside the largest: below rounding

Rows = npt.NDArray[np.float32]
Line = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]


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
        Seed, for very wide rows; see `fit_components`.

    Returns
    -------
    ndarray of shape (n, n_components), float32
    """
    return project(X, fit_components(X, n_components, random_state=random_state))


def components_of_both(
    X: npt.NDArray[np.float32],
    new_rows: npt.NDArray[np.float32],
    n_components: int = 50,
    *,
    random_state: int = 0,
) -> tuple[Rows, Rows]:
    """Reduce rows and new_rows to the principal components of the rows alone.

    Parameters
    ----------
    X : ndarray of shape (n, n_features)
    new_rows : ndarray of shape (n_new, n_features)
    n_components, random_state
        As for `principal_components`.

    Returns
    -------
    (ndarray of shape (n, n_components), ndarray of shape (n_new, n_components)), float32
    """
    pca = fit_components(X, n_components, random_state=random_state)
    return project(X, pca), project(new_rows, pca)


def fit_components(X: Rows, n_components: int, *, random_state: int = 0) -> PCA:
    """Fit scikit-learn's PCA, on one thread: two add up in another order.

    Parameters
    ----------
    X : ndarray of shape (n, n_features)
    n_components : int
        Components kept; fewer if the data have fewer.
    random_state : int, default 0
        Seed, for rows so wide that their covariance would take minutes and gigabytes.
    """
    solver = "covariance_eigh" if X.shape[1] <= WIDE else "randomized"
    kept = min(n_components, *X.shape)
    with one_thread():
        return PCA(kept, svd_solver=solver, random_state=random_state).fit(X)


def project(X: Rows, pca: PCA) -> Rows:
    """Give rows their principal components, each to the same bits whatever rows are beside it.

    A library for linear algebra adds up a row of a matrix in one way or another by where it stands,
    so that an image would be described otherwise alone than among others.

    Parameters
    ----------
    X : ndarray of shape (n, n_features)
    pca : PCA
        Fitted.

    Returns
    -------
    ndarray of shape (n, n_components), float32
    """
    X = np.ascontiguousarray(X, np.float32)
    axes, mean = (np.ascontiguousarray(a, np.float32) for a in (pca.components_, pca.mean_))
    rows = np.empty((len(X), len(axes)), np.float32)
    with Pool() as pool:
        pool.run(
            lambda start, stop: _project(X[start:stop], mean, axes, rows[start:stop]), len(X), TASK
        )
    return rows


@kernel
def _project(X: Rows, mean: Line, axes: Rows, rows: Rows) -> None:
    centered = np.empty_like(mean)
    for i in range(len(X)):
        for j in range(len(mean)):
            centered[j] = X[i, j] - mean[j]
        for axis in range(len(axes)):
            total = np.float32(0)
            for j in range(len(mean)):
                total += centered[j] * axes[axis, j]
            rows[i, axis] = total


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
        return _image_by_image(_straighten, images)


def _image_by_image(change: Callable[..., None], images: Rows, *settings: float) -> Rows:
    """Let a kernel change images on all cores."""
    changed = np.empty_like(images)
    with Pool() as pool:
        pool.run(
            lambda start, stop: change(images[start:stop], changed[start:stop], *settings),
            len(images),
            TASK,
        )
    return changed


@kernel
def _measure(profile: Doubles) -> tuple[float, float, float]:
    """Sum the ink along a line; find its mean place and standard deviation, 0 where there is none.

    Kernels take every number to be one: NaN cannot mark that.
    """
    ink = 0.0
    moment = 0.0
    for place in range(len(profile)):
        ink += profile[place]
        moment += profile[place] * place
    if ink == 0:
        return 0.0, 0.0, 0.0
    center = moment / ink
    squares = 0.0
    for place in range(len(profile)):
        squares += profile[place] * (place - center) ** 2
    return ink, center, np.sqrt(squares / ink)


@kernel
def _straighten(images: Rows, straight: Rows) -> None:
    """Shear images until the covariance of the ink's rows and columns is zero."""
    n, height, width = images.shape
    ink = np.empty(height)
    moment = np.empty(height)
    line = np.zeros(width + 2, np.float32)
    for i in range(n):
        ink[:] = 0
        moment[:] = 0
        for y in range(height):
            for x in range(width):
                ink[y] += images[i, y, x]
                moment[y] += images[i, y, x] * x
        total, middle, spread = _measure(ink)
        slant = 0.0
        if spread > 0.5:
            across = moment.sum() / total
            for y in range(height):
                slant += (y - middle) * (moment[y] - across * ink[y])
            slant /= total * spread * spread
            slant = min(max(slant, -STEEPEST), STEEPEST)
        for y in range(height):
            line[1:-1] = images[i, y]  # with a blank pixel at either end
            shift = slant * (y - middle) if slant != 0 else 0.0
            for x in range(width):
                place = min(max(x + shift, -1.0), float(width))
                left = min(int(np.floor(place)), width - 1)
                share = np.float32(place - left)
                straight[i, y, x] = line[left + 1] + share * (line[left + 2] - line[left + 1])


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
        return _image_by_image(
            _resize, images, self.down * scale, self.across * scale, float(self.most)
        )


@kernel
def _resize(images: Rows, resized: Rows, down: float, across: float, most: float) -> None:
    """Centre images and scale them to one spread, by linear interpolation."""
    n, height, width = images.shape
    rows = np.empty(height)
    columns = np.empty(width)
    left = np.empty(width, np.int64)
    share = np.empty(width, np.float32)
    line = np.zeros(width + 2, np.float32)  # with a blank pixel at either end
    for i in range(n):
        rows[:] = 0
        columns[:] = 0
        for y in range(height):
            for x in range(width):
                rows[y] += images[i, y, x]
                columns[x] += images[i, y, x]
        total, middle, tall = _measure(rows)
        _, center, wide = _measure(columns)
        if total == 0:
            resized[i] = images[i]
            continue
        step_down = min(max(tall / down, 1 / most), most)
        step_across = min(max(wide / across, 1 / most), most)
        for x in range(width):
            place = min(max(center + (x - (width - 1) / 2) * step_across, -1.0), float(width))
            left[x] = min(int(np.floor(place)), width - 1)
            share[x] = place - left[x]
        for y in range(height):
            place = min(max(middle + (y - (height - 1) / 2) * step_down, -1.0), float(height))
            above = min(int(np.floor(place)), height - 1)
            lower = np.float32(place - above)
            line[:] = 0
            if above >= 0:
                line[1:-1] += (1 - lower) * images[i, above]
            if above + 1 < height:
                line[1:-1] += lower * images[i, above + 1]
            for x in range(width):
                before, after = line[left[x] + 1], line[left[x] + 2]
                resized[i, y, x] = before + share[x] * (after - before)


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

    Each pixel goes along its row at once, into the points it is near to; then the rows go down,
    all directions and points of one together.
    """
    n_orientations, points = sampled.shape[1], len(across)
    height, width = images.shape[1:]
    to_points = np.ascontiguousarray(across.T)
    lines = np.empty((height, n_orientations, points), np.float32)
    total = np.empty((n_orientations, points), np.float32)
    inked = np.empty(height, np.bool_)
    for i in range(len(images)):
        lines[:] = 0
        inked[:] = False
        for y in range(height):
            above, below = max(y - 1, 0), min(y + 1, height - 1)
            for x in range(width):
                before, after = max(x - 1, 0), min(x + 1, width - 1)
                rising = (images[i, below, x] - images[i, above, x]) / max(below - above, 1)
                running = (images[i, y, after] - images[i, y, before]) / max(after - before, 1)
                if rising == 0 and running == 0:
                    continue
                inked[y] = True
                turn = np.arctan2(rising, running) * n_orientations / (2 * np.pi)
                first = int(np.floor(turn))
                strength = np.sqrt(rising * rising + running * running)
                second_share = np.float32(strength * (turn - first))
                first_share = np.float32(strength) - second_share
                one = lines[y, first % n_orientations]
                other = lines[y, (first + 1) % n_orientations]
                for point in range(points):
                    one[point] += first_share * to_points[x, point]
                    other[point] += second_share * to_points[x, point]
        for row in range(len(down)):
            total[:] = 0
            for y in range(height):
                weight = down[row, y]
                if inked[y] and weight > 0:
                    _add_scaled(total.reshape(-1), weight, lines[y].reshape(-1))
            sampled[i, :, row] = total


@kernel
def _add_scaled(total: Line, weight: np.float32, line: Line) -> None:
    """Add a multiple of one line of numbers to another."""
    for place in range(total.size):
        total[place] += weight * line[place]


def _blur_and_sample(size: int, blur: float, spacing: float) -> Rows:
    """Make the matrix that blurs a line of pixels and reads it off at the points of a grid."""
    count = max(1, int((size - 1) / max(spacing, 1)) + 1)
    points = (size - 1) / 2 + (np.arange(count) - (count - 1) / 2) * max(spacing, 1)
    apart = points[:, None] - np.arange(size)
    weights = np.exp(-0.5 * (apart / max(blur, 0.3)) ** 2)
    weights[weights < NEGLIGIBLE * weights.max(axis=1, keepdims=True)] = 0
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)
