"""How good a clustering or a map is by itself: silhouettes, neighbours kept, votes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.stats import spearmanr
from sklearn.metrics import silhouette_score

from mnist_clust.data import UNLABELLED, known_only
from mnist_clust.islands import vote
from numba_tsne import NeighborGraph, nearest_neighbors
from numba_tsne._parallel import one_thread

Rows = npt.NDArray[np.float32]
Clusters = npt.NDArray[np.integer]


def silhouette(
    X: Rows, clusters: Clusters, *, sample_size: int = 10_000, random_state: int = 0
) -> float:
    """Mean silhouette (Rousseeuw 1987) over a seeded sample; NaN if that fell into one cluster.

    Parameters
    ----------
    X : ndarray of shape (n, n_features)
    clusters : ndarray of int, shape (n,)
    sample_size : int, default 10000
        Points measured, against each other; all if there are fewer.
    random_state : int, default 0
    """
    rng = np.random.default_rng(random_state)
    sample = rng.choice(len(X), min(len(X), sample_size), replace=False)
    if not 1 < len(np.unique(clusters[sample])) < len(sample):
        return float("nan")
    with one_thread():  # two add up in another order; two jobs share the points, wherever it runs
        return float(silhouette_score(X[sample], clusters[sample], n_jobs=2))


def find_medoids(points: Rows, clusters: npt.ArrayLike, n_clusters: int) -> npt.NDArray[np.int64]:
    """Find the member in the middle of each cluster; -1 for an empty one.

    It has the least sum of squared distances to all others, and is the one nearest to their mean.
    """
    clusters = np.asarray(clusters)
    medoids = np.full(n_clusters, -1, dtype=np.int64)
    for cluster in np.unique(clusters):
        members = np.flatnonzero(clusters == cluster)
        center = points[members].mean(axis=0)
        medoids[cluster] = members[((points[members] - center) ** 2).sum(axis=1).argmin()]
    return medoids


def neighbors_kept(neighbors: NeighborGraph, embedding: Rows, n_neighbors: int = 10) -> float:
    """Share of the nearest neighbours of each point that are among its nearest on a map.

    Parameters
    ----------
    neighbors : NeighborGraph
        Of the rows that the map was made of.
    embedding : ndarray of shape (n, n_components)
    n_neighbors : int, default 10

    Returns
    -------
    float
        From 0 to 1; what chance gives is ``n_neighbors / n``.
    """
    k = min(n_neighbors, neighbors.n_neighbors)
    there = nearest_neighbors(embedding, k).indices
    return float((neighbors.indices[:, :k, None] == there[:, None]).sum() / there.size)


def neighbor_vote(
    neighbors: NeighborGraph, labels: npt.NDArray[np.integer], n_neighbors: int = 10
) -> tuple[npt.NDArray[np.integer], npt.NDArray[np.float64]]:
    """Let the nearest neighbours of each point vote on its class.

    Parameters
    ----------
    neighbors : NeighborGraph
    labels : ndarray of int, shape (n,)
        Classes of the neighbours; those without one do not vote.
    n_neighbors : int, default 10
        Voters; all there are if the graph holds fewer.

    Returns
    -------
    winners : ndarray of int, shape (n,)
        The most frequent class; of two equally frequent ones the smaller.
    shares : ndarray of shape (n,)
        Which share of the votes it had.
    """
    classes = np.unique(labels[labels != UNLABELLED])
    codes = np.where(labels == UNLABELLED, -1, np.searchsorted(classes, labels))
    winners, shares = vote(codes[neighbors.indices[:, :n_neighbors]], len(classes))
    return classes[winners], shares


def neighbor_accuracy(
    neighbors: NeighborGraph, labels: npt.NDArray[np.integer] | None, n_neighbors: int = 10
) -> float:
    """Share of points whose own class wins the vote of their neighbours; NaN without labels."""
    if labels is None:
        return float("nan")
    winners, _ = neighbor_vote(neighbors, labels, n_neighbors)
    return float(np.mean(np.equal(*known_only(labels, winners))))


def distance_rank_correlation(
    X: Rows, embedding: Rows, *, n_pairs: int = 20_000, random_state: int = 0
) -> float:
    """Spearman's correlation of distances in the data with distances on a map, over random pairs.

    Returns
    -------
    float
        1 if the map ranks all distances as the data do, 0 if it knows nothing of them.
    """
    first, second = np.random.default_rng(random_state).integers(len(X), size=(2, n_pairs))
    before = np.linalg.norm(X[first] - X[second], axis=1)
    after = np.linalg.norm(embedding[first] - embedding[second], axis=1)
    return float(spearmanr(before, after).statistic)
