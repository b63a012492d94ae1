"""Maps of images by t-SNE, and what they keep of the neighbourhoods they were made from."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.linalg import orthogonal_procrustes
from scipy.stats import spearmanr

from mnist_clust.data import UNLABELLED, known_only
from numba_tsne import TSNE, NeighborGraph, Progress, nearest_neighbors
from numba_tsne.neighbors import NeighborIndex
from numba_tsne.transform import NEIGHBORS, place_points


@dataclass(frozen=True)
class Map:
    """A finished map.

    Attributes
    ----------
    embedding : ndarray of shape (n, n_components), float32
        The place of each point.
    kl_divergence : float
        How far the map's similarities are from the data's, in nats.
    frames : dict of int to ndarray
        The map as it was after some iterations.
    """

    embedding: npt.NDArray[np.float32]
    kl_divergence: float
    frames: dict[int, npt.NDArray[np.float32]]


def find_neighbors(X: npt.NDArray[np.float32], n_neighbors: int) -> NeighborGraph:
    """Find the nearest neighbours of every row; fewer than asked if there are fewer rows.

    Parameters
    ----------
    X : ndarray of shape (n, n_features)
    n_neighbors : int

    Returns
    -------
    NeighborGraph
    """
    return nearest_neighbors(X, min(n_neighbors, len(X) - 1))


def nearest_on_map(
    X: npt.NDArray[np.float32], new_rows: npt.NDArray[np.float32], n_neighbors: int = 10
) -> NeighborGraph:
    """Find the nearest rows to each newcomer; fewer than asked if there are fewer rows.

    Parameters
    ----------
    X : ndarray of shape (n, n_features)
    new_rows : ndarray of shape (n_new, n_features)
    n_neighbors : int, default 10

    Returns
    -------
    NeighborGraph
    """
    return nearest_neighbors(X, min(n_neighbors, len(X)), queries=new_rows)


def make_map(
    X: npt.NDArray[np.float32],
    neighbors: NeighborGraph,
    n_components: int = 2,
    *,
    perplexity: float = 30,
    exaggeration: float = 1,
    frames: Collection[int] = (),
    random_state: int = 0,
) -> Map:
    """Make a map by t-SNE with the engine's usual settings.

    Parameters
    ----------
    X : ndarray of shape (n, n_features)
        The rows; the first principal components are where the map begins.
    neighbors : NeighborGraph
        Of the same rows.
    n_components : {1, 2, 3}, default 2
    perplexity : float, default 30
        Neighbours each point has in effect; less where the graph holds less than three times as
        many.
    exaggeration : float, default 1
        How much harder than it should each point is pulled to its neighbours, to the end.
    frames : collection of int, default ()
        Iterations, from 1, after which to keep a copy of the map.
    random_state : int, default 0

    Returns
    -------
    Map
    """
    kept: dict[int, npt.NDArray[np.float32]] = {}

    def keep(progress: Progress) -> None:
        if progress.iteration in frames:
            kept[progress.iteration] = progress.embedding()

    tsne = TSNE(
        n_components,
        perplexity=min(perplexity, neighbors.n_neighbors / 3),
        exaggeration=exaggeration,
        random_state=random_state,
        callback=keep,
    )
    tsne.fit(X, neighbors=neighbors)
    return Map(tsne.embedding_, tsne.kl_divergence_, kept)


def place_new_digits(
    X: npt.NDArray[np.float32],
    embedding: npt.NDArray[np.float32],
    new_rows: npt.NDArray[np.float32],
) -> tuple[npt.NDArray[np.float32], NeighborGraph]:
    """Place new points on a finished map, which stays as it is.

    Parameters
    ----------
    X : ndarray of shape (n, n_features)
        What the map was made of.
    embedding : ndarray of shape (n, n_components)
    new_rows : ndarray of shape (n_new, n_features)

    Returns
    -------
    places : ndarray of shape (n_new, n_components), float32
        As `TSNE.transform` gives them; each depends on that newcomer alone.
    neighbors : NeighborGraph
        The nearest points of ``X`` to each newcomer.
    """
    neighbors = NeighborIndex(X, "euclidean", None).nearest(new_rows, NEIGHBORS, None)
    return place_points(neighbors, embedding), neighbors


def settle_jointly(
    X: npt.NDArray[np.float32],
    embedding: npt.NDArray[np.float32],
    *,
    n_iter: int = 250,
    random_state: int = 0,
) -> npt.NDArray[np.float32]:
    """Let all points of a map move again, together, from where they are.

    Parameters
    ----------
    X : ndarray of shape (n, n_features)
    embedding : ndarray of shape (n, n_components)
        Where each begins.
    n_iter : int, default 250
    random_state : int, default 0

    Returns
    -------
    ndarray of shape (n, n_components), float32
        Turned, shifted and scaled to lie as ``embedding`` does: of that, a map says nothing.
    """
    tsne = TSNE(
        embedding.shape[1],
        perplexity=min(30, (len(X) - 1) / 3),
        early_exaggeration_iter=0,
        n_iter=n_iter,
        init=embedding,
        random_state=random_state,
    )
    moved = tsne.fit_transform(X)
    moved -= moved.mean(axis=0)
    center = embedding.mean(axis=0)
    turn, stretch = orthogonal_procrustes(moved, embedding - center)
    return np.asarray(moved @ turn * (stretch / np.sum(moved**2)) + center, np.float32)


def neighbors_kept(
    neighbors: NeighborGraph, embedding: npt.NDArray[np.float32], n_neighbors: int = 10
) -> float:
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
    classes, codes = np.unique(labels, return_inverse=True)
    near = codes[neighbors.indices[:, :n_neighbors]]
    known = np.flatnonzero(classes != UNLABELLED)
    votes = np.stack([(near == code).sum(axis=1) for code in known], axis=1)
    classes = classes[known]
    return classes[votes.argmax(axis=1)], votes.max(axis=1) / near.shape[1]


def neighbor_accuracy(
    neighbors: NeighborGraph, labels: npt.NDArray[np.integer] | None, n_neighbors: int = 10
) -> float:
    """Share of points whose own class wins the vote of their nearest neighbours.

    Parameters
    ----------
    neighbors : NeighborGraph
    labels : ndarray of int, shape (n,), or None
    n_neighbors : int, default 10

    Returns
    -------
    float
        From 0 to 1; NaN without labels.
    """
    if labels is None:
        return float("nan")
    winners, _ = neighbor_vote(neighbors, labels, n_neighbors)
    return float(np.mean(np.equal(*known_only(labels, winners))))


def distance_rank_correlation(
    X: npt.NDArray[np.float32],
    embedding: npt.NDArray[np.float32],
    *,
    n_pairs: int = 20_000,
    random_state: int = 0,
) -> float:
    """Spearman's correlation of distances in the data with distances on a map, over random pairs.

    Parameters
    ----------
    X : ndarray of shape (n, n_features)
    embedding : ndarray of shape (n, n_components)
    n_pairs : int, default 20000
    random_state : int, default 0

    Returns
    -------
    float
        1 if the map ranks all distances as the data do, 0 if it knows nothing of them.
    """
    first, second = np.random.default_rng(random_state).integers(len(X), size=(2, n_pairs))
    before = np.linalg.norm(X[first] - X[second], axis=1)
    after = np.linalg.norm(embedding[first] - embedding[second], axis=1)
    return float(spearmanr(before, after).statistic)


def rows_without_groups(
    rows: npt.NDArray[np.float32], n: int = 10_000, *, random_state: int = 0
) -> npt.NDArray[np.float32]:
    """Draw rows that fall into no groups, spread along each axis like others: a control.

    Parameters
    ----------
    rows : ndarray of shape (m, n_features)
        Principal components, which do not correlate.
    n : int, default 10000
        How many to draw; as many as there are of the others, if those are fewer.
    random_state : int, default 0

    Returns
    -------
    ndarray of shape (n, n_features), float32
        From one normal distribution.
    """
    drawn = np.random.default_rng(random_state).normal(size=(min(n, len(rows)), rows.shape[1]))
    return np.asarray(drawn * rows.std(axis=0), np.float32)
