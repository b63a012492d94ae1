"""The same work with other seeds and other samples: what holds, and what was luck."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from joblib import delayed

from mnist_clust import scores
from mnist_clust.cluster import fit_kmeans, name_by_majority
from mnist_clust.data import Images, Labels
from mnist_clust.maps import make_map
from mnist_clust.pipeline import ImageClusterer
from mnist_clust.variants import silhouette_curve
from numba_tsne import NeighborGraph
from numba_tsne._parallel import side_by_side

Rows = npt.NDArray[np.float32]
Clusters = npt.NDArray[np.integer]


@dataclass(frozen=True)
class Clustering:
    """What one run found.

    Attributes
    ----------
    clusters : ndarray of int, shape (n,)
    new_clusters : ndarray of int, shape (n_new,)
        Of images that were not clustered; empty if there were none.
    n_clusters : int
        As found, or as given.
    silhouettes : Series
        By number of clusters, where several were tried; else empty.
    members : ndarray of int, shape (n,), or None
        Which images were clustered; None for all.
    """

    clusters: Clusters
    new_clusters: Clusters
    n_clusters: int
    silhouettes: pd.Series
    members: npt.NDArray[np.intp] | None = None


def repeat_on_pixels(
    train: Rows, test: Rows, n_clusters: int, seeds: Iterable[int]
) -> list[Clustering]:
    """Cluster rows of pixels by KMeans from a single start, once a seed.

    Parameters
    ----------
    train : ndarray of shape (n, n_features)
    test : ndarray of shape (n_new, n_features)
    n_clusters : int
    seeds : iterable of int

    Returns
    -------
    list of Clustering
    """
    models = side_by_side(
        delayed(fit_kmeans)(train, n_clusters, n_init=1, random_state=seed) for seed in seeds
    )
    none = pd.Series(dtype=float)
    return [Clustering(each.labels_, each.predict(test), n_clusters, none) for each in models]


def repeat_on_map(
    rows: Rows,
    neighbors: NeighborGraph,
    n_clusters: int,
    seeds: Iterable[int],
    *,
    perplexity: float = 30,
) -> list[Clustering]:
    """Make a plain map and cluster it by KMeans, once a seed.

    Parameters
    ----------
    rows : ndarray of shape (n, n_features)
    neighbors : NeighborGraph
        Of the same rows.
    n_clusters : int
        Given to KMeans; ``silhouettes`` tells what other numbers would have scored.
    seeds : iterable of int
    perplexity : float, default 30

    Returns
    -------
    list of Clustering
    """

    def once(seed: int) -> Clustering:
        flat = make_map(rows, neighbors, perplexity=perplexity, random_state=seed).embedding
        clusters = fit_kmeans(flat, n_clusters, random_state=seed).labels_
        silhouettes = silhouette_curve(flat, random_state=seed)
        return Clustering(clusters, np.empty(0, int), n_clusters, silhouettes)

    return side_by_side(delayed(once)(seed) for seed in seeds)


def repeat_pipeline(
    images: Images,
    new_images: Images,
    seeds: Iterable[int],
    *,
    members: npt.NDArray[np.intp] | None = None,
) -> list[Clustering]:
    """Run the pipeline, number of clusters included, once a seed.

    Features and neighbours, also those of new images, hold no chance and are shared by the runs.

    Parameters
    ----------
    images : ndarray of shape (n, height, width)
    new_images : ndarray of shape (n_new, height, width)
    seeds : iterable of int
        At least one.
    members : ndarray of int, optional
        Which images to cluster; all by default.

    Returns
    -------
    list of Clustering
    """
    first, *others = seeds
    model = ImageClusterer(random_state=first).fit(images if members is None else images[members])
    models = [model, *side_by_side(delayed(model.reseeded)(seed) for seed in others)]
    near = model.nearest(new_images) if len(new_images) else None
    return [_found(each, near, members) for each in models]


def draw_members(n: int, draws: int, seed: int) -> npt.NDArray[np.intp]:
    """Draw a bootstrap sample.

    Parameters
    ----------
    n : int
        Images to draw from.
    draws : int
        With replacement; no more than there are images.
    seed : int

    Returns
    -------
    ndarray of int
        The images drawn, in order; one that was drawn twice counts once.
    """
    return np.unique(np.random.default_rng(seed).integers(n, size=min(draws, n)))


def repeat_on_samples(
    images: Images, new_images: Images, seeds: Iterable[int], *, size: int = 10_000
) -> list[Clustering]:
    """Run the whole pipeline on bootstrap samples, each drawn with a seed of its own.

    Parameters
    ----------
    images : ndarray of shape (n, height, width)
    new_images : ndarray of shape (n_new, height, width)
    seeds : iterable of int
    size : int, default 10000
        Draws; see `draw_members`.

    Returns
    -------
    list of Clustering
    """

    def once(seed: int) -> Clustering:
        members = draw_members(len(images), size, seed)
        model = ImageClusterer(random_state=seed).fit(images[members])
        return _found(model, model.nearest(new_images) if len(new_images) else None, members)

    return side_by_side(delayed(once)(seed) for seed in seeds)


def _found(
    model: ImageClusterer, near: NeighborGraph | None, members: npt.NDArray[np.intp] | None
) -> Clustering:
    landed = np.empty(0, int) if near is None else model.vote(near)[0]
    return Clustering(model.labels_, landed, model.n_clusters_, model.silhouettes_, members)


def accuracies(
    runs: Iterable[Clustering], labels: Labels | None, new_labels: Labels | None
) -> pd.DataFrame:
    """Score runs by majority: clusters take their names from the images clustered.

    Parameters
    ----------
    runs : iterable of Clustering
    labels : ndarray of int, shape (n,), or None
        Of all images that could be clustered.
    new_labels : ndarray of int, shape (n_new,), or None

    Returns
    -------
    DataFrame
        A row a run; columns ``train`` and ``test``, NaN where there is nothing to score, and
        ``n_clusters``.
    """
    return pd.DataFrame([_score(run, labels, new_labels) for run in runs])


def _score(run: Clustering, labels: Labels | None, new_labels: Labels | None) -> dict[str, float]:
    row = {"train": float("nan"), "test": float("nan"), "n_clusters": run.n_clusters}
    if labels is None:
        return row
    truth = labels if run.members is None else labels[run.members]
    names = name_by_majority(run.clusters, truth, run.n_clusters)
    row["train"] = scores.accuracy(truth, run.clusters, names)
    if new_labels is not None and len(run.new_clusters):
        row["test"] = scores.accuracy(new_labels, run.new_clusters, names)
    return row


def summarise(tables: dict[str, pd.DataFrame], column: str) -> pd.DataFrame:
    """Put the spread of one score beside each other for several kinds of runs.

    Parameters
    ----------
    tables : dict of str to DataFrame
        By name, from `accuracies`.
    column : str

    Returns
    -------
    DataFrame
        Indexed by name; columns ``mean``, ``std``, ``worst`` and ``best``.
    """
    columns = pd.DataFrame({name: table[column] for name, table in tables.items()})
    summary = columns.agg(["mean", "std", "min", "max"]).T
    return summary.rename(columns={"min": "worst", "max": "best"})
