"""Gradient descent on the map."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from numba_tsne._compile import kernel
from numba_tsne.repulsion import Repulsion
from numba_tsne.tree import Tree

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix

    from numba_tsne._parallel import Pool

ROWS = 1024  # rows of a task
REORDER_AT = 50  # by then neighbours have found each other
LONGEST_STEP = 5.0
LOOK_EVERY = 5  # iterations of a phase that may end early
COLLAPSED = 1e-3  # of the width that a map began with, or of one, where it began wider
EXACT_THETA = 0.3  # leaves an error of the divergence in the sixth decimal


@dataclass(frozen=True)
class Phase:
    """A stretch of iterations with the same settings."""

    name: str
    n_iter: int
    exaggeration: float
    learning_rate: float
    momentum: float


class Progress:
    """What a callback is shown after an iteration. What it does not ask for costs nothing.

    Attributes
    ----------
    iteration : int
        Iterations done, from 1 to `n_iter`, counted over both phases.
    n_iter : int
        Iterations in all.
    phase : str
        ``"early exaggeration"`` or ``"optimization"``.
    """

    def __init__(self, descent: Descent, iteration: int, n_iter: int, phase: str) -> None:
        self.iteration = iteration
        self.n_iter = n_iter
        self.phase = phase
        self._descent = descent

    def embedding(self) -> NDArray[np.float32]:
        """Copy the map as it is now, centred, in the order of the data.

        Returns
        -------
        ndarray of shape (n_samples, n_components), float32
        """
        return self._descent.embedding()

    def kl_divergence(self) -> float:
        """Compute the divergence of the map as it is now; costs a few iterations.

        Returns
        -------
        float
            In nats, always of the affinities as they are without exaggeration.
        """
        return self._descent.kl_divergence()


Callback = Callable[[Progress], object]


@kernel
def step_rows(
    axes: tuple[int, ...],
    pointers: NDArray[np.int64],
    indices: NDArray[np.uint32],
    values: NDArray[np.float32],
    points: NDArray[np.float32],
    force: NDArray[np.float32],
    exaggeration: np.float32,
    repulsion: np.float32,
    rate: np.float32,
    momentum: np.float32,
    velocity: NDArray[np.float32],
    gains: NDArray[np.float32],
    moved: NDArray[np.float32],
    first: int,
    last: int,
) -> None:
    """Add up the attraction on points ``first`` to ``last`` and move them."""
    one = np.float32(1)
    zero = np.float32(0)
    xs = points[0]
    ys = points[1] if len(axes) > 1 else xs
    zs = points[2] if len(axes) > 2 else xs
    gradient = np.empty(3, np.float32)
    for i in range(first, last):
        x = xs[i]
        y = ys[i]
        z = zs[i]
        fx = zero
        fy = zero
        fz = zero
        row = indices[pointers[i] : pointers[i + 1]]
        weights = values[pointers[i] : pointers[i + 1]]
        for e in range(row.size):
            j = row[e]
            dx = x - xs[j]
            r = one + dx * dx
            if len(axes) > 1:
                dy = y - ys[j]
                r += dy * dy
            if len(axes) > 2:
                dz = z - zs[j]
                r += dz * dz
            pull = weights[e] / r
            fx += pull * dx
            if len(axes) > 1:
                fy += pull * dy
            if len(axes) > 2:
                fz += pull * dz
        gradient[0] = fx
        gradient[1] = fy
        gradient[2] = fz
        length = zero
        for c in range(len(axes)):
            slope = exaggeration * gradient[c] - repulsion * force[c, i]
            # Delta-bar-delta: hurry where the last step was right, slow down where it was not.
            if slope * velocity[c, i] < 0:
                gains[c, i] += np.float32(0.2)
            else:
                gains[c, i] = gains[c, i] * np.float32(0.8) + np.float32(0.01)
            step = momentum * velocity[c, i] - rate * gains[c, i] * slope
            velocity[c, i] = step
            length += step * step
        if length > LONGEST_STEP * LONGEST_STEP:
            shrink = np.float32(LONGEST_STEP) / np.sqrt(length)
            for c in range(len(axes)):
                velocity[c, i] *= shrink
        for c in range(len(axes)):
            moved[c, i] = points[c, i] + velocity[c, i]


@kernel
def log_rows(
    pointers: NDArray[np.int64],
    indices: NDArray[np.uint32],
    values: NDArray[np.float32],
    points: NDArray[np.float32],
    sums: NDArray[np.float64],
    first: int,
    last: int,
) -> None:
    """Sum ``p log(p (1 + d²))`` over the rows ``first`` to ``last``."""
    for i in range(first, last):
        total = 0.0
        for e in range(pointers[i], pointers[i + 1]):
            r = np.float32(1)
            for c in range(points.shape[0]):
                r += (points[c, i] - points[c, indices[e]]) ** 2
            if values[e] > 0:
                total += values[e] * np.log(values[e] * r)
        sums[i] = total


@kernel
def permute_rows(
    pointers: NDArray[np.int64],
    indices: NDArray[np.uint32],
    values: NDArray[np.float32],
    order: NDArray[np.int32],
    rank: NDArray[np.uint32],
    new_pointers: NDArray[np.int64],
    new_indices: NDArray[np.uint32],
    new_values: NDArray[np.float32],
    first: int,
    last: int,
) -> None:
    """Fill rows ``first`` to ``last`` of a matrix whose rows and columns are reordered."""
    for i in range(first, last):
        source = pointers[order[i]]
        target = new_pointers[i]
        for e in range(new_pointers[i + 1] - target):
            new_indices[target + e] = rank[indices[source + e]]
            new_values[target + e] = values[source + e]


class Descent:
    """A map on its way down: positions, velocities and gains.

    Parameters
    ----------
    affinities : csr_matrix of shape (n_points, n_points), float32
        Symmetric, with a sum of one.
    start : ndarray of shape (n_points, n_components)
        Where the points begin.
    theta : float
        Accuracy of the repulsion.
    pool : Pool
        Threads to use.

    Attributes
    ----------
    n_iter : int
        Iterations done.
    """

    def __init__(
        self, affinities: csr_matrix, start: NDArray[np.floating], theta: float, pool: Pool
    ) -> None:
        self._pool = pool
        self._theta = theta
        self._pointers = affinities.indptr.astype(np.int64)
        # Unsigned, because a signed index is checked for counting from the end.
        self._indices = affinities.indices.astype(np.uint32)
        self._values = affinities.data
        self._points = np.ascontiguousarray(start.T, np.float32)
        self._moved = np.empty_like(self._points)
        self._velocity = np.zeros_like(self._points)
        self._gains = np.ones_like(self._points)
        self._place = np.arange(len(start))
        self._repulsion: Repulsion
        self.n_iter = 0
        self.reorder()

    def reorder(self) -> None:
        """Renumber the points as the tree has them: what is close in the map is so in memory."""
        order = Tree(self._points, self._pool).order
        rank = np.empty(len(order), np.uint32)
        rank[order] = np.arange(len(order), dtype=np.uint32)
        pointers = np.zeros_like(self._pointers)
        np.cumsum(np.diff(self._pointers)[order], out=pointers[1:])
        indices = np.empty_like(self._indices)
        values = np.empty_like(self._values)
        old = (self._pointers, self._indices, self._values)
        self._pool.run(
            lambda start, stop: permute_rows(
                *old, order, rank, pointers, indices, values, start, stop
            ),
            len(order),
            ROWS,
        )
        points, velocity, gains = (
            np.ascontiguousarray(array[:, order])
            for array in (self._points, self._velocity, self._gains)
        )
        repulsion, place = Repulsion(points, self._theta, self._pool), self._place[order]
        # At once and last, so that an interrupt leaves a map that is whole.
        self._pointers, self._indices, self._values = pointers, indices, values
        self._points, self._velocity, self._gains = points, velocity, gains
        self._repulsion, self._place = repulsion, place

    def step(self, phase: Phase) -> None:
        """Do one iteration."""
        self._repulsion.update(self._points)
        axes = (0,) * len(self._points)
        self._pool.run(
            lambda start, stop: step_rows(
                axes,
                self._pointers,
                self._indices,
                self._values,
                self._points,
                self._repulsion.force,
                np.float32(phase.exaggeration),
                np.float32(1 / self._repulsion.normalization),
                np.float32(phase.learning_rate),
                np.float32(phase.momentum),
                self._velocity,
                self._gains,
                self._moved,
                start,
                stop,
            ),
            self._points.shape[1],
            ROWS,
        )
        self._points, self._moved = self._moved, self._points
        self.n_iter += 1

    def embedding(self) -> NDArray[np.float32]:
        """Copy the map, centred, in the order of the affinities."""
        result = np.empty(self._points.shape[::-1], np.float32)
        result[self._place] = self._points.T
        result -= result.mean(axis=0, dtype=np.float64)
        return result

    def width(self) -> float:
        """Measure how far points lie from their mean, by the root mean square."""
        return float(np.sqrt(self._points.var(axis=1, dtype=np.float64).sum()))

    def kl_divergence(self) -> float:
        """Compare the affinities with the similarities of the map, in nats."""
        repulsion = Repulsion(self._points, EXACT_THETA, self._pool)
        repulsion.update(self._points)
        sums = np.empty(self._points.shape[1])
        self._pool.run(
            lambda start, stop: log_rows(
                self._pointers, self._indices, self._values, self._points, sums, start, stop
            ),
            len(sums),
            ROWS,
        )
        return float(sums.sum() + np.log(repulsion.normalization))


def optimize(descent: Descent, phases: Sequence[Phase], callback: Callback | None = None) -> bool:
    """Run all phases, calling ``callback`` after each iteration, until it returns True.

    Early exaggeration parts clusters. Where there are none it draws all points into one (it shrinks
    each mode of the graph's Laplacian whose eigenvalue is above one by the exaggeration), until
    single precision cannot tell them apart. A map that shrinks so goes on as the last phase says.

    Returns
    -------
    bool
        Whether the last phase, too, left the map collapsed.
    """
    n_iter = sum(phase.n_iter for phase in phases)
    narrow = COLLAPSED * min(descent.width(), 1)
    for phase in phases:
        now = phase
        for in_phase in range(phase.n_iter):
            done = descent.n_iter
            if done == REORDER_AT or (done > 0 and in_phase == 0):
                descent.reorder()
            if now is not phases[-1] and in_phase % LOOK_EVERY == 0:
                now = phases[-1] if descent.width() < narrow else phase
            descent.step(now)
            if callback is None:
                continue
            stop = callback(Progress(descent, descent.n_iter, n_iter, now.name))
            if isinstance(stop, bool | np.bool_) and stop:  # other results mean nothing
                return False
    return phases[-1].n_iter > 0 and descent.width() < narrow
