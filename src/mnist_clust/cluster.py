"""KMeans, and what is said to reveal the number of clusters. No label is seen."""

from __future__ import annotations

from collections.abc import Iterable
from string import ascii_uppercase

import numpy as np
import numpy.typing as npt
import pandas as pd
from joblib import delayed
from sklearn.cluster import KMeans

from mnist_clust.silhouettes import map_silhouettes
from numba_tsne._parallel import one_thread, side_by_side

Rows = npt.NDArray[np.float32]
Clusters = npt.NDArray[np.integer]
WORTH_THREADS = 100_000  # numbers from which on threads work more than they wait
POINTS_TRIED = 10_000  # that tell the number of clusters on a map; more tell the same
MOST_TRIED = 20  # clusters


def fit_counts(
    X: npt.NDArray[np.floating], counts: Iterable[int], *, n_init: int = 1, random_state: int = 0
) -> dict[int, KMeans]:
    """Fit scikit-learn's KMeans for each number of clusters, side by side."""
    models = [KMeans(count, n_init=n_init, random_state=random_state) for count in counts]
    n_jobs = -1 if X.size >= WORTH_THREADS else 1
    side_by_side((delayed(model.fit)(X) for model in models), n_jobs=n_jobs)
    return {model.n_clusters: model for model in models}


def counts_to_try(n: int) -> range:
    """Return the numbers of clusters from 2 to 20, or as far as each could hold two of n points."""
    return range(2, max(2, min(MOST_TRIED, n // 2)) + 1)


def best_kmeans(
    embedding: Rows,
    counts: Iterable[int] | None = None,
    *,
    random_state: int = 0,
    start_points: int = POINTS_TRIED,
) -> tuple[pd.Series, npt.NDArray[np.int32]]:
    """Cluster a map by KMeans into the number of clusters that has the highest silhouette.

    Large maps are tried out on a sample of their points; only the number found is fitted to all.

    Parameters
    ----------
    embedding : ndarray of shape (n, n_components)
    counts : iterable of int, optional
        Numbers to try; `counts_to_try` by default.
    random_state : int, default 0
    start_points : int, default 10,000
        Of the points tried, those on which the best of ten starts is found; with fewer it is
        quicker.

    Returns
    -------
    silhouettes : Series
        Mean silhouette by number of clusters.
    clusters : ndarray of int32, shape (n,)
    """
    some = embedding
    if len(embedding) > POINTS_TRIED:
        rng = np.random.default_rng(random_state)
        some = embedding[rng.choice(len(embedding), POINTS_TRIED, replace=False)]
    exact = some.astype(float)  # scikit-learn is twice as quick to choose seeds among those
    counts = counts_to_try(len(embedding)) if counts is None else counts
    step = -(-len(exact) // start_points)
    found = fit_counts(exact[::step], counts, n_init=10, random_state=random_state)
    if step > 1:
        found = {k: _continued(model, exact) for k, model in found.items()}
    means = {k: map_silhouettes(some, model.labels_).mean() for k, model in found.items()}
    silhouettes = pd.Series(means, name="silhouette", dtype=float).rename_axis("n_clusters")
    return silhouettes, _continued(found[silhouettes.idxmax()], embedding).labels_


def _continued(model: KMeans, X: npt.NDArray[np.floating]) -> KMeans:
    """Fit KMeans to more points, from the centres that it found on some."""
    with one_thread():
        return KMeans(model.n_clusters, init=model.cluster_centers_, n_init=1).fit(X)


def letters(n: int) -> list[str]:
    """Name clusters that have no other name: A to Z, A2 to Z2, and so on."""
    return [ascii_uppercase[c % 26] + (str(c // 26 + 1) if c >= 26 else "") for c in range(n)]
