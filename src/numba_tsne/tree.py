"""A balanced k-d tree without pointers, over the points of a map.

Each node is a run of consecutive points and its two children are the halves of that run, split
at the median of its widest axis. So a node is an integer, as in a binary heap: the root is 1,
the children of ``v`` are ``2v`` and ``2v + 1``, and node number ``i`` of level ``l`` holds the
points from ``i * n >> l`` to ``(i + 1) * n >> l``. Points are kept in the order of the leaves,
coordinate by coordinate, which is also what lets kernels read them with vector instructions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from numba_tsne._compile import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from numba_tsne._parallel import Pool

LEAF = 8  # at most this many points in a leaf
SHARED_LEVELS = 3  # the first splits are made by one thread, the rest by one for each subtree
LEAVES = 256  # leaves summarised by one task
MASS = 3  # columns of `Tree.nodes`, after the centre of mass
SPAN = 4
SPREAD = 5
FARTHEST = 1e15  # the squares of larger values, or of what is not finite, would break kernels


class Tree:
    """Boxes and centres of mass of nested groups of points.

    Parameters
    ----------
    points : ndarray of shape (n_components, n_points), float32
        The map, coordinate by coordinate. It is copied.
    pool : Pool
        Threads to use.

    Attributes
    ----------
    points : ndarray of shape (n_components, n_points), float32
        The points in the order of the leaves.
    order : ndarray of shape (n_points,), int32
        Where each of them stands in the map.
    depth : int
        Level of the leaves; the root is level 0.
    nodes : ndarray of shape (2 ** (depth + 1), 8), float32
        Centre of mass (three columns), number of points, squared diagonal of the box, and sum of
        the points' squared distances from the centre divided by the number of dimensions.
    lower, upper : ndarray of shape (2 ** (depth + 1), 3), float32
        Corners of the boxes.
    """

    def __init__(self, points: NDArray[np.float32], pool: Pool) -> None:
        n = points.shape[1]
        check_places(points)
        self.points = points.copy()
        self.order = np.arange(n, dtype=np.int32)
        self.depth = max(0, int(np.ceil(np.log2(n / LEAF))))
        size = 2 << self.depth
        self.nodes = np.zeros((size, 8), np.float32)
        self.lower = np.zeros((size, 3), np.float32)
        self.upper = np.zeros((size, 3), np.float32)
        self._pool = pool
        self.split()

    def split(self) -> None:
        """Divide the points anew, beginning with the order they are in."""
        shared = min(SHARED_LEVELS, self.depth)
        split_level(self.points, self.order, 0, shared, 0, 1)
        self._pool.run(
            lambda start, stop: split_level(
                self.points, self.order, shared, self.depth, start, stop
            ),
            1 << shared,
            1,
        )
        self.refit()

    def move(self, points: NDArray[np.float32]) -> None:
        """Take new positions for the same points, and keep them divided as they are."""
        check_places(points)
        np.take(points, self.order, axis=1, out=self.points)
        self.refit()

    def refit(self) -> None:
        """Bring boxes and centres up to date with the points."""
        self._pool.run(
            lambda start, stop: summarize_leaves(
                self.points, self.depth, self.nodes, self.lower, self.upper, start, stop
            ),
            1 << self.depth,
            LEAVES,
        )
        summarize_inner(self.depth, self.points.shape[0], self.nodes, self.lower, self.upper)


def check_places(points: NDArray[np.float32]) -> None:
    """Refuse places that kernels cannot reckon with."""
    if not np.abs(points).max() < FARTHEST:
        raise ValueError(
            f"The places of a map must be finite and below {FARTHEST:g}; if they were not so from "
            "the start, lower learning_rate."
        )


@kernel
def split_level(
    points: NDArray[np.float32],
    order: NDArray[np.int32],
    level: int,
    depth: int,
    first: int,
    last: int,
) -> None:
    """Split nodes ``first`` to ``last`` of a level, and what is below them, down to ``depth``."""
    dimensions, n = points.shape
    for deeper in range(level, depth):
        for node in range(first << (deeper - level), last << (deeper - level)):
            start = (node * n) >> deeper
            stop = ((node + 1) * n) >> deeper
            widest = np.float32(-1)
            axis = 0
            for c in range(dimensions):
                run = points[c, start:stop]
                low = run[0]
                high = run[0]
                for j in range(run.size):
                    low = min(low, run[j])
                    high = max(high, run[j])
                if high - low > widest:
                    widest = high - low
                    axis = c
            partition(points, order, axis, start, stop, ((2 * node + 1) * n) >> (deeper + 1))


@kernel
def partition(
    points: NDArray[np.float32],
    order: NDArray[np.int32],
    axis: int,
    start: int,
    stop: int,
    middle: int,
) -> None:
    """Reorder a run so that what is before ``middle`` is below what follows (Hoare's selection)."""
    key = points[axis]
    left = start
    right = stop - 1
    while left < right:
        first, centre, last = key[left], key[(left + right) >> 1], key[right]
        pivot = max(min(first, centre), min(max(first, centre), last))
        i = left
        j = right
        while i <= j:
            while key[i] < pivot:
                i += 1
            while key[j] > pivot:
                j -= 1
            if i <= j:
                for c in range(points.shape[0]):
                    points[c, i], points[c, j] = points[c, j], points[c, i]
                order[i], order[j] = order[j], order[i]
                i += 1
                j -= 1
        if middle <= j:
            right = j
        elif middle >= i:
            left = i
        else:
            break


@kernel
def summarize_leaves(
    points: NDArray[np.float32],
    depth: int,
    nodes: NDArray[np.float32],
    lower: NDArray[np.float32],
    upper: NDArray[np.float32],
    first: int,
    last: int,
) -> None:
    """Box, centre of mass and size of leaves ``first`` to ``last``."""
    dimensions, n = points.shape
    for leaf in range(first, last):
        node = (1 << depth) + leaf
        start = (leaf * n) >> depth
        stop = ((leaf + 1) * n) >> depth
        span = np.float32(0)
        spread = np.float32(0)
        for c in range(dimensions):
            run = points[c, start:stop]
            total = np.float32(0)
            low = run[0]
            high = run[0]
            for j in range(run.size):
                total += run[j]
                low = min(low, run[j])
                high = max(high, run[j])
            centre = total / run.size
            for j in range(run.size):
                spread += (run[j] - centre) ** 2
            nodes[node, c] = centre
            lower[node, c] = low
            upper[node, c] = high
            span += (high - low) ** 2
        nodes[node, MASS] = stop - start
        nodes[node, SPAN] = span
        nodes[node, SPREAD] = spread / dimensions


@kernel
def summarize_inner(
    depth: int,
    dimensions: int,
    nodes: NDArray[np.float32],
    lower: NDArray[np.float32],
    upper: NDArray[np.float32],
) -> None:
    """Box, centre of mass and size of all other nodes, from their children's."""
    for node in range((1 << depth) - 1, 0, -1):
        left = 2 * node
        right = left + 1
        mass = nodes[left, MASS] + nodes[right, MASS]
        span = np.float32(0)
        apart = np.float32(0)
        for c in range(dimensions):
            apart += (nodes[left, c] - nodes[right, c]) ** 2
            moment = nodes[left, MASS] * nodes[left, c] + nodes[right, MASS] * nodes[right, c]
            nodes[node, c] = moment / mass
            lower[node, c] = min(lower[left, c], lower[right, c])
            upper[node, c] = max(upper[left, c], upper[right, c])
            span += (upper[node, c] - lower[node, c]) ** 2
        nodes[node, MASS] = mass
        nodes[node, SPAN] = span
        between = apart * nodes[left, MASS] * nodes[right, MASS] / (mass * dimensions)
        nodes[node, SPREAD] = nodes[left, SPREAD] + nodes[right, SPREAD] + between
