"""Clusters as the islands of a map that a second view of the data confirms. No label is seen."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from sklearn.cluster import KMeans

from mnist_clust.components import Components
from mnist_clust.features import Center, flatten
from numba_tsne import NeighborGraph, nearest_neighbors
from numba_tsne._parallel import one_thread

Rows = npt.NDArray[np.float32]
Clusters = npt.NDArray[np.integer]
ISLAND_NEIGHBORS = 10  # nearest points on the map; two that have each other lie on one island
SMALLEST_CLUSTER = 1e-3  # share of the points that an island needs to be a cluster of its own
PIXEL_COMPONENTS = 50  # of the second view
LEAST_INSIDE = 0.65  # share of an island's links in the second view that stay inside a cluster


def vote(codes: Clusters, n_classes: int) -> tuple[Clusters, npt.NDArray[np.float64]]:
    """Let each row of class numbers vote: the winner (the smaller of equals) and its share.

    Numbers below zero do not vote, but count for the share.
    """
    votes = np.zeros((len(codes), n_classes), np.int32)
    rows = np.arange(len(codes))
    for column in codes.T:
        votes[rows, column] += column >= 0
    return votes.argmax(axis=1), votes.max(axis=1) / codes.shape[1]


def second_view(
    images: npt.NDArray[np.number], n_neighbors: int, *, random_state: int = 0
) -> NeighborGraph:
    """Find the neighbours of images by 50 components of their centred pixels."""
    pixels = flatten(Center().transform(images))
    components = Components(PIXEL_COMPONENTS, random_state=random_state)
    return nearest_neighbors(components.fit_transform(pixels), n_neighbors)


def agreement(clusters: Clusters, neighbors: NeighborGraph) -> npt.NDArray[np.float64]:
    """Share of each point's neighbours that lie in its own cluster."""
    return np.asarray((clusters[neighbors.indices] == clusters[:, None]).mean(axis=1))


def find_islands(embedding: Rows, neighbors: NeighborGraph) -> npt.NDArray[np.int32]:
    """Divide a map into islands: chains of points that are among each other's ten nearest.

    Parameters
    ----------
    embedding : ndarray of shape (n, n_components)
    neighbors : NeighborGraph
        Of the rows that the map was made of: points of pieces smaller than ten join the island
        that most of these lie on.

    Returns
    -------
    ndarray of int32, shape (n,)
    """
    n = len(embedding)
    near = nearest_neighbors(embedding, min(ISLAND_NEIGHBORS, n - 1)).indices
    ones = np.ones(near.size, bool)
    links = csr_array((ones, (np.repeat(np.arange(n), near.shape[1]), near.ravel())), shape=(n, n))
    pieces = connected_components(links.multiply(links.T), directed=False)[1]
    large = np.bincount(pieces) >= min(ISLAND_NEIGHBORS, n)
    if not large.any():
        return np.zeros(n, np.int32)
    islands = np.where(large, np.cumsum(large) - 1, -1)[pieces]
    while (lost := np.flatnonzero(islands < 0)).size:
        winners, shares = vote(islands[neighbors.indices[lost]], large.sum())
        if not shares.any():  # they know only each other
            islands[lost] = 0
        islands[lost[shares > 0]] = winners[shares > 0]
    return np.asarray(islands, np.int32)


def merge_islands(
    islands: npt.NDArray[np.int32], second_view: NeighborGraph, n_clusters: int | None = None
) -> tuple[npt.NDArray[np.int32], pd.DataFrame]:
    """Merge islands that a second view of the data does not know as clusters.

    An island most of whose points have most of their neighbours in the second view on the island,
    too, is a cluster. One that has not, or that holds less than a thousandth of the points, is a
    fragment and joins the island that most of its other neighbours lie on. Only links from the
    island outwards count: to a point of it that is a hub, very many others have links.

    Parameters
    ----------
    islands : ndarray of int32, shape (n,)
    second_view : NeighborGraph
        Of the same points by other features than the map's.
    n_clusters : int, optional
        Merge on, or stop, at this number.

    Returns
    -------
    clusters : ndarray of int32, shape (n,)
    table : DataFrame
        A row an island: its ``size``, the ``share`` of its links that stay inside when it was
        judged last, and the island that it ``joins`` (itself if it is a cluster).
    """
    sizes = np.bincount(islands)
    links = np.zeros((len(sizes), len(sizes)))
    ends = islands[second_view.indices].ravel()
    np.add.at(links, (np.repeat(islands, second_view.n_neighbors), ends), 1)
    table = pd.DataFrame({"size": sizes, "share": 1.0, "joins": np.arange(len(sizes))})
    alive = list(range(len(sizes)))
    smallest = max(SMALLEST_CLUSTER * len(islands), min(ISLAND_NEIGHBORS, len(islands)))
    while True:
        inside = {a: links[a, a] / links[a].sum() for a in alive}
        table.loc[alive, "share"] = pd.Series(inside)
        # Those that are too small go first, then those that the second view knows least.
        worst = min(alive, key=lambda a: (sizes[a] >= smallest, inside[a]))
        doubtful = sizes[worst] < smallest or inside[worst] < LEAST_INSIDE
        if len(alive) == 1 or not (doubtful if n_clusters is None else len(alive) > n_clusters):
            return table["joins"].to_numpy(np.int32)[islands], table
        alive.remove(worst)
        to = max(alive, key=lambda a: links[worst, a])
        links[to] += links[worst]
        links[:, to] += links[:, worst]
        links[:, worst] = 0
        sizes[to] += sizes[worst]
        table.loc[table["joins"] == worst, "joins"] = to


def find_clusters(
    embedding: Rows,
    neighbors: NeighborGraph,
    second_view: NeighborGraph,
    n_clusters: int | None = None,
) -> tuple[npt.NDArray[np.int32], pd.DataFrame]:
    """Find the islands of a map that two views agree on; see `merge_islands`.

    Where fewer are found than `n_clusters`, KMeans divides the one that spreads most.

    Returns
    -------
    clusters : ndarray of int32, shape (n,)
        Numbered from the largest to the smallest.
    islands : DataFrame
        From `merge_islands`.
    """
    islands = find_islands(embedding, neighbors)
    clusters, table = merge_islands(islands, second_view, n_clusters)
    while n_clusters and len(np.unique(clusters)) < n_clusters:
        clusters = _divide_widest(embedding, by_size(clusters))
    return by_size(clusters), table


def _divide_widest(embedding: Rows, clusters: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    sizes = np.bincount(clusters)
    spread = pd.DataFrame(embedding).groupby(clusters).var(ddof=0).sum(axis=1) * sizes
    members = np.flatnonzero(clusters == np.where(sizes > 1, spread, -1).argmax())
    halves = np.arange(len(members)) % 2  # equal points cannot be told apart, and are counted off
    if np.ptp(embedding[members], axis=0).any():
        with one_thread():
            halves = KMeans(2, n_init=10, random_state=0).fit(embedding[members]).labels_
    divided = clusters.copy()
    divided[members[halves == 1]] = len(sizes)
    return divided


def by_size(clusters: Clusters) -> npt.NDArray[np.int32]:
    """Renumber clusters from the largest to the smallest, without gaps."""
    sizes = np.bincount(clusters)  # 0 for a number that is not used, which comes last
    rank = np.empty(len(sizes), np.int32)
    rank[np.argsort(-sizes, kind="stable")] = np.arange(len(sizes), dtype=np.int32)
    return np.asarray(rank[clusters])
