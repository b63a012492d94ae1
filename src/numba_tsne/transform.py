"""New points on a finished map: each by itself, with all points of the map at rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from numba_tsne._compile import kernel
from numba_tsne._parallel import Pool
from numba_tsne.affinities import gaussian_rows
from numba_tsne.repulsion import ROWS, STRIP, THETA, Repulsion, field, gather

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from numba_tsne.graph import NeighborGraph

# Checked without labels: of four pairs, this one keeps most of the ten neighbours of held-out
# digits on the map (60,000 others, 10 to 90 neighbours: 0.321, 0.326, 0.315, 0.326).
NEIGHBORS = 15  # of a new point, among those of the map
PERPLEXITY = 10.0  # of their weights
STEPS = 50
CLOSE_ENOUGH = 1e-3  # length of a step that ends the search
REACH = 0.5  # a list of heavy points serves places this near, along each axis
POINTS = 64  # points of a task


@kernel
def choose_starts(
    axes: tuple[int, ...],
    anchors: NDArray[np.float32],
    weights: NDArray[np.float32],
    similarity: NDArray[np.float32],
    places: NDArray[np.float32],
) -> None:
    """Put each point where its divergence is lowest among the places of its neighbours.

    Neighbours may lie on several islands, and each island has a minimum of its own. Up to
    constants the divergence at a place is ``log Z + sum p log(1 + d²)``, and ``Z``, one more
    than the similarity at that point of the map, is known there.
    """
    for i in range(len(places)):
        lowest = np.float32(np.inf)
        for a in range(weights.shape[1]):
            value = np.log1p(similarity[i, a])
            for b in range(weights.shape[1]):
                r = np.float32(1)
                for c in range(len(axes)):
                    r += (anchors[i, c, a] - anchors[i, c, b]) ** 2
                value += weights[i, b] * np.log(r)
            if value < lowest:
                lowest = value
                for c in range(len(axes)):
                    places[i, c] = anchors[i, c, a]


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
    graph: NeighborGraph,
    embedding: NDArray[np.float32],
    theta: float = THETA,
    n_jobs: int | None = None,
) -> NDArray[np.float32]:
    """Place new points on a map that does not move.

    Parameters
    ----------
    graph : NeighborGraph
        The nearest points of the map to each new point, in the input space.
    embedding : ndarray of shape (n_points, n_components), float32
        The map.
    theta : float, default 0.8
        Accuracy of the repulsion.
    n_jobs : int or None, default None
        Threads; None for all cores.

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
    entropy = float(np.log(min(PERPLEXITY, k)))
    anchors = np.ascontiguousarray(embedding[graph.indices].transpose(0, 2, 1))
    places = np.empty((len(anchors), embedding.shape[1]), np.float32)
    axes = (0,) * embedding.shape[1]
    with Pool(n_jobs) as pool:
        repulsion = Repulsion(np.ascontiguousarray(embedding.T), theta, pool)
        repulsion.update(np.ascontiguousarray(embedding.T))
        similarity = repulsion.similarity[graph.indices]
        tree = repulsion.tree

        def place(start: int, stop: int) -> None:
            some = anchors[start:stop], weights[start:stop]
            gaussian_rows(graph.distances[start:stop], entropy, weights[start:stop])
            choose_starts(axes, *some, similarity[start:stop], places[start:stop])
            settle_all(
                axes,
                *some,
                places[start:stop],
                tree.points,
                tree.nodes,
                tree.depth,
                np.float32(theta),
            )

        pool.run(place, len(places), POINTS)
    known = graph.distances[:, 0] == 0
    places[known] = embedding[graph.indices[known, 0]]
    return places
