"""Bring islands of a map that a border cut off back to the cluster that they are linked to."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from numba_tsne import NeighborGraph, nearest_neighbors

REACH = 10  # nearest points on the map that belong to the same island
SMALL = 0.5  # of the largest island of a cluster


def find_islands(
    embedding: npt.NDArray[np.float32], clusters: npt.NDArray[np.integer]
) -> npt.NDArray[np.int32]:
    """Divide each cluster of a map into the pieces that touch.

    Parameters
    ----------
    embedding : ndarray of shape (n, n_components)
    clusters : ndarray of int, shape (n,)

    Returns
    -------
    ndarray of int32, shape (n,)
        The island of each point. Two points of a cluster share one if a chain of nearest
        neighbours, ten a point, joins them inside that cluster.
    """
    near = nearest_neighbors(embedding, min(REACH, len(embedding) - 1)).indices
    start = np.repeat(np.arange(len(near)), near.shape[1])
    inside = clusters[start] == clusters[near.ravel()]
    links = csr_array(
        (np.ones(inside.sum(), bool), (start[inside], near.ravel()[inside])),
        shape=(len(near), len(near)),
    )
    return np.asarray(connected_components(links, directed=False)[1], np.int32)


def rejoin_islands(
    embedding: npt.NDArray[np.float32],
    clusters: npt.NDArray[np.int32],
    neighbors: NeighborGraph,
) -> npt.NDArray[np.int32]:
    """Give each small island to the cluster whose main island most of its neighbours lie on.

    KMeans draws straight borders halfway between centres, and an island of a few hundred points
    may lie on either side of one. Whom it belongs to, the neighbours in the data know better.
    Small is an island of less than half the size of the main, largest one of its cluster: where
    there are fewer clusters than large islands, those that share one stay together.

    Parameters
    ----------
    embedding : ndarray of shape (n, n_components)
    clusters : ndarray of int32, shape (n,)
    neighbors : NeighborGraph
        Of the rows that the map was made of.

    Returns
    -------
    ndarray of int32, shape (n,)
        Clusters. Large islands stay what they are, and so does one without any link to a main one.
    """
    islands = find_islands(embedding, clusters)
    sizes = np.bincount(islands)
    owner = np.empty(len(sizes), np.int32)
    owner[islands] = clusters
    k = int(clusters.max()) + 1
    main = {c: np.flatnonzero(owner == c)[sizes[owner == c].argmax()] for c in np.unique(clusters)}
    small = sizes < SMALL * sizes[[main[c] for c in owner]]
    at_main = np.isin(islands, list(main.values()))
    start = np.repeat(np.arange(len(islands)), neighbors.n_neighbors)
    stop = neighbors.indices.ravel()
    links = np.zeros((len(sizes), k), np.int64)
    for one, other in ((start, stop), (stop, start)):
        counted = at_main[other] & small[islands[one]]
        np.add.at(links, (islands[one[counted]], clusters[other[counted]]), 1)
    linked = links.sum(axis=1) > 0
    owner[linked] = links.argmax(axis=1)[linked]
    return owner[islands]
