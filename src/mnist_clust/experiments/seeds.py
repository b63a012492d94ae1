"""Notebook 09: the same work with other seeds and other samples, to see what holds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from joblib import delayed
from sklearn.cluster import KMeans

from mnist_clust import scores
from mnist_clust.cache import cached
from mnist_clust.cluster import best_kmeans
from mnist_clust.data import Images, Labels
from mnist_clust.embed import PERPLEXITY, make_map
from mnist_clust.islands import SMALLEST_CLUSTER
from mnist_clust.pipeline import ImageClusterer
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
    found : int or None
        The number of clusters that no one gave, where it was asked for.
    members : ndarray of int, shape (n,), or None
        Which images were clustered; None for all.
    islands : DataFrame or None
        What became of each island, where there were any.
    """

    clusters: Clusters
    new_clusters: Clusters
    n_clusters: int
    found: int | None = None
    members: npt.NDArray[np.intp] | None = None
    islands: pd.DataFrame | None = None


@cached
def repeat_on_pixels(
    train: Rows, test: Rows, n_clusters: int, seeds: Iterable[int]
) -> list[Clustering]:
    """Cluster rows of pixels by KMeans from a single start, once a seed."""
    once = [KMeans(n_clusters, n_init=1, algorithm="elkan", random_state=seed) for seed in seeds]
    models = side_by_side(delayed(model.fit)(train) for model in once)
    return [Clustering(each.labels_, each.predict(test), n_clusters) for each in models]


@cached
def repeat_on_map(
    rows: Rows,
    neighbors: NeighborGraph,
    n_clusters: int,
    seeds: Iterable[int],
    *,
    perplexity: float = PERPLEXITY,
) -> list[Clustering]:
    """Make a plain map and cluster it by KMeans, once a seed.

    `n_clusters` is given; what the silhouette would have found is told, too.
    """

    def once(seed: int) -> Clustering:
        flat = make_map(rows, neighbors, perplexity=perplexity, random_state=seed).embedding
        clusters = KMeans(n_clusters, n_init=10, random_state=seed).fit(flat).labels_
        found = best_kmeans(flat, random_state=seed)[0].idxmax()
        return Clustering(clusters, np.empty(0, int), n_clusters, int(found))

    return side_by_side(delayed(once)(seed) for seed in seeds)


@cached
def repeat_pipeline(
    images: Images,
    new_images: Images,
    seeds: Iterable[int],
    *,
    members: npt.NDArray[np.intp] | None = None,
) -> list[Clustering]:
    """Run the pipeline on all images or on some members, once a seed.

    Features and neighbours, also those of new images, hold no chance and are shared by the runs.
    """
    first, *others = seeds
    model = ImageClusterer(random_state=first).fit(images if members is None else images[members])
    models = [model, *side_by_side(delayed(model.reseeded)(seed) for seed in others)]
    near = model.nearest(new_images) if len(new_images) else None
    return [_found(each, near, members) for each in models]


@cached
def repeat_on_samples(
    images: Images, new_images: Images, seeds: Iterable[int], *, size: int = 10_000
) -> list[Clustering]:
    """Run the whole pipeline on bootstrap samples, each drawn with a seed of its own."""

    def once(seed: int) -> Clustering:
        members = draw_members(len(images), size, seed)
        model = ImageClusterer(random_state=seed).fit(images[members])
        return _found(model, model.nearest(new_images) if len(new_images) else None, members)

    return side_by_side(delayed(once)(seed) for seed in seeds)


def draw_members(n: int, draws: int, seed: int) -> npt.NDArray[np.intp]:
    """Draw with replacement from n images, at most n times; one drawn twice counts once."""
    return np.unique(np.random.default_rng(seed).integers(n, size=min(draws, n)))


def _found(
    model: ImageClusterer, near: NeighborGraph | None, members: npt.NDArray[np.intp] | None
) -> Clustering:
    landed = np.empty(0, int) if near is None else model.vote(near)[0]
    k = model.n_clusters_
    return Clustering(model.labels_, landed, k, k, members, model.islands_)


def shares(runs: Iterable[Clustering]) -> pd.DataFrame:
    """Gather from runs, of islands that could be clusters, the ``share`` and whether it was kept.

    Parameters
    ----------
    runs : iterable of Clustering

    Returns
    -------
    DataFrame
        A row an island of a thousandth of the images or more; columns ``share`` and ``kept``.
    """
    tables = []
    for run in runs:
        if run.islands is not None:
            large = run.islands[run.islands["size"] >= SMALLEST_CLUSTER * len(run.clusters)]
            tables.append(large.assign(kept=large["joins"] == large.index))
    return pd.concat(tables, ignore_index=True)[["share", "kept"]]


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
    names = scores.name_by_majority(run.clusters, truth, run.n_clusters)
    row["train"] = scores.accuracy(truth, run.clusters, names)
    if new_labels is not None and len(run.new_clusters):
        row["test"] = scores.accuracy(new_labels, run.new_clusters, names)
    return row


def summarise(tables: dict[str, pd.DataFrame], column: str) -> pd.DataFrame:
    """Put the ``mean``, ``std``, ``worst`` and ``best`` of one score beside each other by name."""
    columns = pd.DataFrame({name: table[column] for name, table in tables.items()})
    summary = columns.agg(["mean", "std", "min", "max"]).T
    return summary.rename(columns={"min": "worst", "max": "best"})
