"""New points on a finished map: each by itself, with all points of the map at rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mnist_clust.tsne._compile import kernel
from mnist_clust.tsne.affinities import gaussian_rows
from mnist_clust.tsne.repulsion import ROWS, STRIP, field, gather
from mnist_clust.tsne.tree import Tree

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mnist_clust.tsne.neighbors import NeighborGraph
    from mnist_clust.tsne.parallel import Pool

# Checked without test digits or labels: of six pairs, started at the median, this one kept most of
# the ten neighbours of held-out training digits (10,000 of 60,000, two draws: 0.340 and 0.341).
NEIGHBORS = 10  # of a new point, among those of the map
PERPLEXITY = 7.0  # of their weights
STEPS = 50
CLOSE_ENOUGH = 1e-3  # length of a step that ends the search
REACH = 0.5  # a list of heavy points serves places this near, along each axis
POINTS = 64  # points of a task


@kernel
def settle(
    axes: tuple[int, ...],
    anchors: NDArray[np.float32],
    weights: NDArray[np.float32],
    place: NDArray[np.float32],
    points: NDArray[np.float32],
    nodes: NDArray[np.float32],
    depth: int,
    theta: np.float32,
    doubtful: NDArray[np.int32],
    heavy: NDArray[np.float32],
) -> None:
    """Move one point down its own divergence until it rests.

    Attraction alone would be the mean of the anchors weighed by ``p q``, which is what a step of
    Newton's size leads to: the gradient divided by the sum of ``p q``. Half of that does not
    oscillate, and it needs no learning rate.
    """
    low = np.empty(3, np.float32)
    high = np.empty(3, np.float32)
    pull = np.empty(3, np.float32)
    count = 0
    for step in range(STEPS):
        outside = step == 0
        for c in range(len(axes)):
            outside |= not low[c] <= place[c] <= high[c]
        if outside:
            for c in range(len(axes)):
                low[c] = place[c] - np.float32(REACH)
                high[c] = place[c] + np.float32(REACH)
            count = gather(axes, points, nodes, depth, low, high, theta, doubtful, heavy)
        y = place[1] if len(axes) > 1 else np.float32(0)
        z = place[2] if len(axes) > 2 else np.float32(0)
        total, fx, fy, fz = field(axes, place[0], y, z, heavy, count)
        pull[:] = 0
        stiffness = np.float32(0)
        for a in range(weights.size):
            r = np.float32(1)
            for c in range(len(axes)):
                r += (place[c] - anchors[c, a]) ** 2
            share = weights[a] / r
            stiffness += share
            for c in range(len(axes)):
                pull[c] += share * (anchors[c, a] - place[c])
        pull[0] += fx / total
        pull[1] += fy / total
        pull[2] += fz / total
        squared = np.float32(0)
        for c in range(len(axes)):
            move = np.float32(0.5) * pull[c] / stiffness
            place[c] += move
            squared += move * move
        if squared < CLOSE_ENOUGH * CLOSE_ENOUGH:
            break


@kernel
def settle_all(
    axes: tuple[int, ...],
    anchors: NDArray[np.float32],
    weights: NDArray[np.float32],
    places: NDArray[np.float32],
    points: NDArray[np.float32],
    nodes: NDArray[np.float32],
    depth: int,
    theta: np.float32,
) -> None:
    """Settle points one after the other."""
    heavy = np.empty((ROWS, points.shape[1] + STRIP), np.float32)
    doubtful = np.empty((2, len(nodes) + 2), np.int32)
    for i in range(len(places)):
        settle(
            axes,
            anchors[i],
            weights[i],
            places[i],
            points,
            nodes,
            depth,
            theta,
            doubtful,
            heavy,
        )


def place_points(
    graph: NeighborGraph, embedding: NDArray[np.float32], theta: float, pool: Pool
) -> NDArray[np.float32]:
    """Place new points on a map that does not move.

    Parameters
    ----------
    graph : NeighborGraph
        The nearest points of the map to each new point, in the input space.
    embedding : ndarray of shape (n_points, n_components), float32
        The map.
    theta : float
        Accuracy of the repulsion.
    pool : Pool
        Threads to use.

    Returns
    -------
    ndarray of shape (n_new, n_components), float32
        Each row depends on that new point alone. One at no distance from a point of the map is
        put on it.

    References
    ----------
    P. G. Poličar, M. Stražar and B. Zupan, "Embedding to reference t-SNE space addresses batch
    effects in single-cell classification", Machine Learning 112, 2023.
    """
    k = graph.n_neighbors
    weights = np.empty(graph.distances.shape, np.float32)
    gaussian_rows(graph.distances, float(np.log(min(PERPLEXITY, k))), weights)
    anchors = np.ascontiguousarray(embedding[graph.indices].transpose(0, 2, 1))
    places = np.ascontiguousarray(np.median(anchors, axis=2), np.float32)
    tree = Tree(np.ascontiguousarray(embedding.T), pool)
    axes = (0,) * embedding.shape[1]
    pool.run(
        lambda start, stop: settle_all(
            axes,
            anchors[start:stop],
            weights[start:stop],
            places[start:stop],
            tree.points,
            tree.nodes,
            tree.depth,
            np.float32(theta),
        ),
        len(places),
        POINTS,
    )
    known = graph.distances[:, 0] == 0
    places[known] = embedding[graph.indices[known, 0]]
    return places
