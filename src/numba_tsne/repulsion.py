"""The field of repulsion of a map: sums of ``q`` and ``q² (y - z)`` over all its points ``z``.

Here ``q = 1 / (1 + |y - z|²)``. A group of points close together in the map sees any far group
of the map, nearly, as one heavy point at its centre of mass (J. Barnes and P. Hut, Nature 324,
1986). Which far groups will do is settled once for a whole group of points, not for each of
them: one walk over the tree gathers a list of heavy points, and the loop of the list, which is
where the time goes, has no branch and reads memory in sequence.

The rule when a node of the tree will do knows the kernel: ``q`` is flat where distances are well
below one, so a node is taken whole if ``span² < theta² (0.2 + distance²)``. And a heavy point keeps
in one number how far its points spread around its centre. That removes the bias of the sums, and
nodes half as large again will do for the same error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from numba_tsne._compile import kernel
from numba_tsne.tree import MASS, SPAN, SPREAD, Tree

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from numba_tsne._parallel import Pool

GROUP_LEVELS = 3  # leaves whose points share a list: 2 ** 3
THETA = 0.8  # accuracy, unless another one is asked for
GROUPS = 16  # groups of a task
FLAT = 0.2  # squared distance below which the kernel is taken to be flat
SPLIT_COST = 200.0  # what a new division of the points costs, in entries of everyone's list
SPREADS = 4  # rows of a list: three coordinates, masses, spreads
ROWS = 5
FAINT = 1e-3  # similarity to all others that rounding of a point's own, which is one, would blur
STRIP = 32  # lists are filled up to a multiple of what the compiler does in one step


@kernel
def gather(
    axes: tuple[int, ...],
    points: NDArray[np.float32],
    nodes: NDArray[np.float32],
    depth: int,
    low: NDArray[np.float32],
    high: NDArray[np.float32],
    theta: np.float32,
    doubtful: NDArray[np.int32],
    heavy: NDArray[np.float32],
) -> int:
    """List what a box has to see one by one, a column each: coordinates, mass and spread.

    The walk goes down level by level. Each node is written both where it would be accepted and,
    as its two children, where it would be opened; only the counters know which it is. So there
    is no branch, which half of the time would be mispredicted.
    """
    n = points.shape[1]
    zero = np.float32(0)
    count = 0
    here, below = doubtful[0], doubtful[1]
    here[0] = 1
    width = 1
    for _ in range(depth + 1):
        children = 0
        for k in range(width):
            node = here[k]
            squared = np.float32(FLAT)
            for c in range(len(axes)):
                gap = max(max(low[c] - nodes[node, c], nodes[node, c] - high[c]), zero)
                squared += gap * gap
                heavy[c, count] = nodes[node, c]
            heavy[MASS, count] = nodes[node, MASS]
            heavy[SPREADS, count] = nodes[node, SPREAD]
            accepted = nodes[node, SPAN] < theta * theta * squared
            below[children] = 2 * node
            below[children + 1] = 2 * node + 1
            count += accepted
            children += 0 if accepted else 2
        here, below = below, here
        width = children
    for k in range(0, width, 2):  # children of leaves: the leaves' own points
        leaf = (here[k] >> 1) - (1 << depth)
        start = (leaf * n) >> depth
        stop = ((leaf + 1) * n) >> depth
        for j in range(start, stop):
            for c in range(len(axes)):
                heavy[c, count] = points[c, j]
            heavy[MASS, count] = 1
            heavy[SPREADS, count] = 0
            count += 1
    padded = (count + STRIP - 1) // STRIP * STRIP
    heavy[:, count:padded] = 0
    return padded


@kernel
def field(
    axes: tuple[int, ...],
    x: np.float32,
    y: np.float32,
    z: np.float32,
    heavy: NDArray[np.float32],
    count: int,
) -> tuple[np.float32, np.float32, np.float32, np.float32]:
    """Sum ``q`` and the three components of ``q² (y - z)`` over a list, at one place.

    A heavy point of mass ``m`` and spread ``s`` (what `Tree.nodes` has) stands for ``m q`` plus
    half of ``s`` times the Laplacian of ``q``, which is ``s q² (4 - d - 4 q)`` in ``d``
    dimensions. The force is minus half the gradient of that.

    The length of ``axes`` is part of its type, so the compiler leaves out absent coordinates.
    """
    one = np.float32(1)
    total = np.float32(0)
    fx = np.float32(0)
    fy = np.float32(0)
    fz = np.float32(0)
    # A slice of a row is known to be contiguous; a row of a slice is not.
    xs = heavy[0][:count]
    ys = heavy[1][:count]
    zs = heavy[2][:count]
    masses = heavy[MASS][:count]
    spreads = heavy[SPREADS][:count]
    bend = np.float32(4 - len(axes))
    for j in range(masses.size):
        dx = x - xs[j]
        r = one + dx * dx
        if len(axes) > 1:
            dy = y - ys[j]
            r += dy * dy
        if len(axes) > 2:
            dz = z - zs[j]
            r += dz * dz
        q = one / r
        mass = masses[j]
        tail = spreads[j] * q
        total += q * (mass + tail * (bend - np.float32(4) * q))
        push = q * q * (mass + tail * (np.float32(2) * bend - np.float32(12) * q))
        fx += push * dx
        if len(axes) > 1:
            fy += push * dy
        if len(axes) > 2:
            fz += push * dz
    return total, fx, fy, fz


@kernel
def faint(
    axes: tuple[int, ...],
    x: np.float32,
    y: np.float32,
    z: np.float32,
    heavy: NDArray[np.float32],
    count: int,
) -> np.float32:
    """Sum ``q`` over a list for a point far from all others, without its own share.

    All that is in its place is itself, by itself: what has a node in common with others, or a
    duplicate, is not far from all.
    """
    one = np.float32(1)
    total = np.float32(0)
    bend = np.float32(4 - len(axes))
    for j in range(count):
        r = one + (x - heavy[0, j]) ** 2
        if len(axes) > 1:
            r += (y - heavy[1, j]) ** 2
        if len(axes) > 2:
            r += (z - heavy[2, j]) ** 2
        if r > one:
            q = one / r
            tail = heavy[SPREADS, j] * q
            total += q * (heavy[MASS, j] + tail * (bend - np.float32(4) * q))
    return total


@kernel
def repel_groups(
    axes: tuple[int, ...],
    points: NDArray[np.float32],
    order: NDArray[np.int32],
    nodes: NDArray[np.float32],
    lower: NDArray[np.float32],
    upper: NDArray[np.float32],
    depth: int,
    level: int,
    theta: np.float32,
    force: NDArray[np.float32],
    similarity: NDArray[np.float32],
    lengths: NDArray[np.int64],
    first: int,
    last: int,
) -> None:
    """Evaluate the field at all points of groups ``first`` to ``last``, without their own share."""
    n = points.shape[1]
    heavy = np.empty((ROWS, n + STRIP), np.float32)
    doubtful = np.empty((2, len(nodes) + 2), np.int32)
    zero = np.float32(0)
    for group in range(first, last):
        node = (1 << level) + group
        count = gather(axes, points, nodes, depth, lower[node], upper[node], theta, doubtful, heavy)
        lengths[group] = count
        for j in range((group * n) >> level, ((group + 1) * n) >> level):
            x = points[0, j]
            y = points[1, j] if len(axes) > 1 else zero
            z = points[2, j] if len(axes) > 2 else zero
            total, fx, fy, fz = field(axes, x, y, z, heavy, count)
            i = order[j]
            others = total - np.float32(1)
            if others < np.float32(FAINT):
                others = faint(axes, x, y, z, heavy, count)
            similarity[i] = others
            force[0, i] = fx
            if len(axes) > 1:
                force[1, i] = fy
            if len(axes) > 2:
                force[2, i] = fz


class Repulsion:
    """The field of a map on its own points, with the tree kept from one call to the next.

    Points move little between iterations, so boxes and centres are brought up to date but the
    division of the points is kept, until lists have grown so long that a new division pays.

    Parameters
    ----------
    points : ndarray of shape (n_components, n_points), float32
        The map, coordinate by coordinate.
    theta : float
        Accuracy: 0 is exact; the error grows with its square.
    pool : Pool
        Threads to use.

    Attributes
    ----------
    force : ndarray of shape (n_components, n_points), float32
        Sum of ``q² (y - z)`` at each point, in the order of the map.
    similarity : ndarray of shape (n_points,), float32
        Sum of ``q`` at each point, over all others.
    normalization : float
        Sum of ``q`` over all pairs of different points.
    """

    def __init__(self, points: NDArray[np.float32], theta: float, pool: Pool) -> None:
        self.tree = Tree(points, pool)
        self.force = np.empty(points.shape, np.float32)
        self.normalization = 0.0
        self.similarity = np.empty(points.shape[1], np.float32)
        self._theta = np.float32(theta)
        self._pool = pool
        self._level = max(0, self.tree.depth - GROUP_LEVELS)
        self._lengths = np.zeros(1 << self._level, np.int64)
        self._excess = 0.0
        self._shortest = 0.0

    def update(self, points: NDArray[np.float32]) -> None:
        """Evaluate the field for new positions of the points."""
        tree = self.tree
        tree.move(points)
        if self._excess > SPLIT_COST:
            tree.split()
            self._excess = self._shortest = 0.0
        axes = (0,) * len(points)
        self._pool.run(
            lambda start, stop: repel_groups(
                axes,
                tree.points,
                tree.order,
                tree.nodes,
                tree.lower,
                tree.upper,
                tree.depth,
                self._level,
                self._theta,
                self.force,
                self.similarity,
                self._lengths,
                start,
                stop,
            ),
            1 << self._level,
            GROUPS,
        )
        self.normalization = float(self.similarity.sum(dtype=np.float64))
        length = float(self._lengths.mean())
        self._shortest = self._shortest or length
        self._excess += length - self._shortest
