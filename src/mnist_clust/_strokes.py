"""The kernels behind `features`: shear images, scale them, and find edges in them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from numba_tsne._compile import kernel

STEEPEST_SLANT = 1.5  # shear beyond which it is none of a digit
NEGLIGIBLE_WEIGHT = 1e-7  # of a pixel in a blurred one, beside the largest: below rounding

Rows = npt.NDArray[np.float32]
Line = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]


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
def straighten(images: Rows, straight: Rows) -> None:
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
            slant = min(max(slant, -STEEPEST_SLANT), STEEPEST_SLANT)
        for y in range(height):
            line[1:-1] = images[i, y]  # with a blank pixel at either end
            shift = slant * (y - middle) if slant != 0 else 0.0
            for x in range(width):
                place = min(max(x + shift, -1.0), float(width))
                left = min(int(np.floor(place)), width - 1)
                share = np.float32(place - left)
                straight[i, y, x] = line[left + 1] + share * (line[left + 2] - line[left + 1])


@kernel
def center(images: Rows, centered: Rows) -> None:
    """Shift images by whole pixels until the ink's centre of mass is in the middle."""
    n, height, width = images.shape
    for i in range(n):
        rows = np.zeros(height)
        columns = np.zeros(width)
        for y in range(height):
            for x in range(width):
                rows[y] += images[i, y, x]
                columns[x] += images[i, y, x]
        down = int(np.floor(height / 2 - _measure(rows)[1] + 0.5)) if rows.sum() > 0 else 0
        across = int(np.floor(width / 2 - _measure(columns)[1] + 0.5)) if rows.sum() > 0 else 0
        for y in range(height):
            for x in range(width):
                inside = 0 <= y - down < height and 0 <= x - across < width
                centered[i, y, x] = images[i, y - down, x - across] if inside else 0


@kernel
def resize(images: Rows, resized: Rows, down: float, across: float, most: float) -> None:
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


@kernel
def sample_edges(images: Rows, down: Rows, across: Rows, sampled: Rows) -> None:
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


def blur_and_sample(size: int, blur: float, spacing: float) -> Rows:
    """Make the matrix that blurs a line of pixels and reads it off at the points of a grid."""
    count = max(1, int((size - 1) / max(spacing, 1)) + 1)
    points = (size - 1) / 2 + (np.arange(count) - (count - 1) / 2) * max(spacing, 1)
    apart = points[:, None] - np.arange(size)
    weights = np.exp(-0.5 * (apart / max(blur, 0.3)) ** 2)
    weights[weights < NEGLIGIBLE_WEIGHT * weights.max(axis=1, keepdims=True)] = 0
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)
