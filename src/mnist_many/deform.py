"""Any number of digits: deformed copies of known ones, each made from its number alone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mnist_clust.data import Images, Labels
from numba_tsne._compile import kernel
from numba_tsne._parallel import Pool

SHIFT = 1.5  # pixels of a 28×28 image, at most, down and across
TURN = 0.20  # radians, at most, either way: 11 degrees
SCALING = 0.12  # share by which height and width grow or shrink at most
BEND = 1.8  # pixels of a 28×28 image that a knot of the elastic field is moved at most
REFERENCE = 28  # side of the images that lengths are given for
KNOTS = 7  # of the elastic field, down and across: a cubic spline between knots seven pixels apart
TASK = 64  # images a thread takes at a time

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_S27, _S30, _S31, _S40 = np.uint64(27), np.uint64(30), np.uint64(31), np.uint64(40)


def deform(images: Images, numbers: npt.ArrayLike, *, seed: int = 0) -> Images:
    """Make deformed copies of images, such as infiMNIST has of MNIST's training digits.

    Copy number ``i`` shows image ``i % n``, shifted, turned, scaled and bent a little by a smooth
    elastic field. Its bits depend on the images, the seed and its number alone, so that parts of
    a large set can be made by anyone in any order.

    Parameters
    ----------
    images : ndarray of uint8, shape (n, height, width)
        The originals.
    numbers : array-like of int, shape (m,)
        Which copies to make, from 0 on.
    seed : int, default 0

    Returns
    -------
    ndarray of uint8, shape (m, height, width)

    References
    ----------
    G. Loosli, S. Canu and L. Bottou, "Training Invariant Support Vector Machines using Selective
    Sampling", in Large Scale Kernel Machines, 2007, who also scale, and bend by smoothed noise.
    """
    numbers = np.asarray(numbers, np.int64)
    copies = np.empty((len(numbers), *images.shape[1:]), np.uint8)
    images = np.ascontiguousarray(images)
    down = _spline(images.shape[1])
    across = np.ascontiguousarray(_spline(images.shape[2]).T)
    scale = min(images.shape[1:]) / REFERENCE
    with Pool() as pool:
        pool.run(
            lambda start, stop: _deform(
                images, numbers[start:stop], np.uint64(seed), scale, down, across,
                copies[start:stop],
            ),
            len(numbers),
            TASK,
        )  # fmt: skip
    return copies


def labels_of_copies(labels: Labels, numbers: npt.ArrayLike) -> Labels:
    """Return the label of each copy, which is that of its original."""
    return labels[np.asarray(numbers, np.int64) % len(labels)]


def _spline(side: int) -> npt.NDArray[np.float32]:
    """Return the weight of each knot at each pixel, of a uniform cubic B-spline."""
    place = np.linspace(1, KNOTS - 2, side)[:, None]  # a knot beyond either end
    apart = np.abs(place - np.arange(KNOTS))
    near, far = 2 / 3 - apart**2 + apart**3 / 2, (2 - apart) ** 3 / 6
    return np.asarray(np.where(apart < 1, near, np.where(apart < 2, far, 0)), np.float32)


@kernel
def _draw(state: npt.NDArray[np.uint64]) -> float:
    """Draw the next number from -1 to 1, by SplitMix64."""
    state[0] += _GOLDEN
    mixed = state[0]
    mixed = (mixed ^ (mixed >> _S30)) * _MIX_1
    mixed = (mixed ^ (mixed >> _S27)) * _MIX_2
    mixed = mixed ^ (mixed >> _S31)
    return float(mixed >> _S40) / 8388607.5 - 1.0


@kernel
def _deform(
    images: Images,
    numbers: npt.NDArray[np.int64],
    seed: np.uint64,
    scale: float,
    down: npt.NDArray[np.float32],
    across: npt.NDArray[np.float32],
    copies: Images,
) -> None:
    """Make copies: for each pixel find where in the original it comes from, and interpolate."""
    n, height, width = images.shape
    state = np.empty(1, np.uint64)
    knots = np.empty((2, KNOTS, KNOTS), np.float32)
    line = np.empty((2, KNOTS), np.float32)  # of knots across, at a row
    bent = np.empty((2, width), np.float32)
    framed = np.zeros((height + 2, width + 2), np.float32)  # with blank pixels around
    rows, columns = np.empty(width, np.float32), np.empty(width, np.float32)
    middle, center = (height - 1) / 2, (width - 1) / 2
    for i in range(len(numbers)):
        state[0] = np.uint64(numbers[i]) * _MIX_2 ^ (seed + _GOLDEN) * _MIX_1
        _draw(state)
        shift_down = SHIFT * scale * _draw(state)
        shift_across = SHIFT * scale * _draw(state)
        half = np.float64(TURN) / 2 * _draw(state)  # its tangent, and no library's sine
        cosine, sine = (1 - half * half) / (1 + half * half), 2 * half / (1 + half * half)
        taller = 1 + SCALING * _draw(state)
        wider = 1 + SCALING * _draw(state)
        for axis in range(2):
            for row in range(KNOTS):
                for column in range(KNOTS):
                    knots[axis, row, column] = BEND * scale * _draw(state)
        framed[1:-1, 1:-1] = images[numbers[i] % n]
        for y in range(height):
            for axis in range(2):
                line[axis] = 0
                for row in range(KNOTS):
                    for column in range(KNOTS):
                        line[axis, column] += down[y, row] * knots[axis, row, column]
                bent[axis] = 0
                for column in range(KNOTS):
                    for x in range(width):
                        bent[axis, x] += across[column, x] * line[axis, column]
            above = np.float32((y - middle) * cosine * taller + middle + shift_down + 1)
            aside = np.float32((y - middle) * sine * taller + center + shift_across + 1)
            for x in range(width):
                rows[x] = above - np.float32((x - center) * sine * wider) + bent[0, x]
                columns[x] = aside + np.float32((x - center) * cosine * wider) + bent[1, x]
                rows[x] = min(max(rows[x], np.float32(0)), np.float32(height + 0.999))
                columns[x] = min(max(columns[x], np.float32(0)), np.float32(width + 0.999))
            for x in range(width):
                top, left = int(rows[x]), int(columns[x])
                lower, right = rows[x] - np.float32(top), columns[x] - np.float32(left)
                upper = framed[top, left] + right * (framed[top, left + 1] - framed[top, left])
                under = framed[top + 1, left] + right * (
                    framed[top + 1, left + 1] - framed[top + 1, left]
                )
                copies[i, y, x] = np.uint8(upper + lower * (under - upper) + np.float32(0.5))
