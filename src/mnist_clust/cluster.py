"""KMeans, the digit each cluster stands for, and what suggests the number of clusters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from operator import attrgetter

import numpy as np
import numpy.typing as npt
import pandas as pd
from joblib import delayed
from kneed import KneeLocator
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist
from scipy.stats import mode
from sklearn.cluster import KMeans, kmeans_plusplus
from sklearn.metrics import (
    calinski_harabasz_score,
    confusion_matrix,
    davies_bouldin_score,
    pairwise_distances,
    silhouette_score,
)

from mnist_clust.data import known_only
from numba_tsne._parallel import one_thread, side_by_side

_INDICES = {
    "silhouette": lambda X, apart, clusters: silhouette_score(
        apart, clusters, metric="precomputed"
    ),
    "calinski_harabasz": lambda X, apart, clusters: calinski_harabasz_score(X, clusters),
    "davies_bouldin": lambda X, apart, clusters: davies_bouldin_score(X, clusters),
}
LARGE = 100_000  # numbers from which on threads work more than they wait for the interpreter
LONG = 50  # features from which on bounds cost less than distances
UNNAMED = -1
"""What a cluster is called that no digit was left for."""


def fit_kmeans(
    X: npt.NDArray[np.floating], n_clusters: int = 10, *, n_init: int = 10, random_state: int = 0
) -> KMeans:
    """Fit scikit-learn's KMeans in single precision, from seeds chosen in that of the points.

    Parameters
    ----------
    X : ndarray of shape (n, n_features)
        One row a point.
    n_clusters : int, default 10
        At most ``n``.
    n_init : int, default 10
        Starts, each from new k-means++ seeds; the one with the least inertia wins.
    random_state : int, default 0
        Seed of the starts.

    Returns
    -------
    sklearn.cluster.KMeans
        Fitted; its ``predict`` labels images it has never seen.

    Raises
    ------
    ValueError
        If there are fewer points than clusters.
    """
    if n_clusters > len(X):
        raise ValueError(
            f"{n_clusters} clusters were asked of {len(X)} points: ask for at most {len(X)}."
        )
    rows = np.asarray(X, dtype=np.float32)
    seeds = np.random.RandomState(random_state).randint(np.iinfo(np.int32).max, size=n_init)
    fits = (delayed(_fit_once)(X, rows, n_clusters, seed) for seed in seeds)
    models = side_by_side(fits, n_jobs=_threads_for(rows))
    return min(models, key=attrgetter("inertia_"))


def _threads_for(X: npt.NDArray[np.floating]) -> int:
    return -1 if X.size >= LARGE else 1


def _fit_once(
    X: npt.NDArray[np.floating], rows: npt.NDArray[np.float32], n_clusters: int, seed: int
) -> KMeans:
    start = rows[kmeans_plusplus(X, n_clusters, random_state=seed)[1]]
    # The same result; where rows are long, bounds spare half of the distances.
    algorithm = "elkan" if rows.shape[1] >= LONG else "lloyd"
    return KMeans(n_clusters, init=start, n_init=1, algorithm=algorithm).fit(rows)


def name_by_majority(
    clusters: npt.ArrayLike, labels: npt.ArrayLike, n_clusters: int
) -> npt.NDArray[np.int64]:
    """Name each cluster after its most frequent label; several may share one name.

    Parameters
    ----------
    clusters, labels : array-like of int, shape (n,)
        The cluster and the true class of each training image.
    n_clusters : int
        How many clusters there are, empty ones included.

    Returns
    -------
    ndarray of int64, shape (n_clusters,)
        The class each cluster stands for; ``UNNAMED`` for one without a labelled image.
    """
    labels, clusters = known_only(labels, clusters)
    names = np.full(n_clusters, UNNAMED, dtype=np.int64)
    for cluster in np.unique(clusters):
        names[cluster] = mode(labels[clusters == cluster]).mode
    return names


def name_one_to_one(
    clusters: npt.ArrayLike, labels: npt.ArrayLike, n_clusters: int
) -> npt.NDArray[np.int64]:
    """Name clusters so that no two share a name and as many images as can be are right.

    The Hungarian method (Kuhn 1955), as usual for "clustering accuracy".

    Parameters
    ----------
    clusters, labels : array-like of int, shape (n,)
        The cluster and the true class of each training image.
    n_clusters : int
        How many clusters there are, empty ones included.

    Returns
    -------
    ndarray of int64, shape (n_clusters,)
        The class each cluster stands for; ``UNNAMED`` where classes ran out.
    """
    labels, clusters = known_only(labels, clusters)
    classes, codes = np.unique(labels, return_inverse=True)
    size = max(n_clusters, len(classes))
    counts = confusion_matrix(clusters, codes, labels=np.arange(size))
    rows, columns = linear_sum_assignment(counts, maximize=True)
    names = np.full(n_clusters, UNNAMED, dtype=np.int64)
    for cluster, column in zip(rows, columns, strict=True):
        if cluster < n_clusters and column < len(classes):
            names[cluster] = classes[column]
    return names


def fit_counts(
    X: npt.NDArray[np.floating], counts: Iterable[int], *, n_init: int = 1, random_state: int = 0
) -> dict[int, KMeans]:
    """Fit KMeans once for each number of clusters; arguments as for :func:`fit_kmeans`.

    Returns
    -------
    dict of int to KMeans
        The fitted models by number of clusters.
    """
    fit = delayed(partial(fit_kmeans, X, n_init=n_init, random_state=random_state))
    models = side_by_side((fit(count) for count in counts), n_jobs=_threads_for(X))
    return {model.n_clusters: model for model in models}


def compare_counts(
    X: npt.NDArray[np.float32],
    models: Mapping[int, KMeans],
    *,
    sample_size: int = 5_000,
    random_state: int = 0,
) -> pd.DataFrame:
    """Compute, for each number of clusters, what is said to reveal the best one.

    No label is seen.

    Parameters
    ----------
    X : ndarray of shape (n, n_features)
        The points that the models were fitted to.
    models : mapping of int to KMeans
        From :func:`fit_counts`.
    sample_size : int, default 5000
        The three indices are computed on a seeded sample of this many points, because the
        silhouette's cost grows with the square.
    random_state : int, default 0
        Seed of the sample.

    Returns
    -------
    DataFrame
        A row a count, with ``inertia`` per point, ``silhouette`` (higher is better),
        ``calinski_harabasz`` (higher) and ``davies_bouldin`` (lower).
    """
    rng = np.random.default_rng(random_state)
    sample = rng.choice(len(X), min(len(X), sample_size), replace=False)
    rows = {}
    with one_thread():
        apart = pairwise_distances(X[sample])
    for count, model in models.items():
        clusters = model.labels_[sample]
        several = 1 < len(np.unique(clusters)) < len(sample)
        rows[count] = {"inertia": model.inertia_ / len(X)} | {
            name: index(X[sample], apart, clusters) if several else np.nan
            for name, index in _INDICES.items()
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("n_clusters")


def best_counts(curves: pd.DataFrame) -> dict[str, int]:
    """Return the number of clusters that each index of :func:`compare_counts` likes best."""
    return {
        "silhouette": int(curves["silhouette"].idxmax()),
        "calinski_harabasz": int(curves["calinski_harabasz"].idxmax()),
        "davies_bouldin": int(curves["davies_bouldin"].idxmin()),
    }


def knees_by_range(curve: pd.Series, smallest_range: int = 10) -> pd.Series:
    """Find the knee again and again, looking at ever more of the curve.

    Parameters
    ----------
    curve : Series
        Inertia indexed by number of clusters.
    smallest_range : int, default 10
        The shortest curve looked at ends at this number of clusters.

    Returns
    -------
    Series of int
        The knee, indexed by the largest number of clusters looked at.
    """
    ends = [end for end in curve.index if end >= smallest_range]
    knees = {end: find_knee(curve.loc[:end]) for end in ends}
    return pd.Series({end: knee for end, knee in knees.items() if knee is not None}, dtype=int)


def find_knee(curve: pd.Series) -> int | None:
    """Find where a falling convex curve bends most (Kneedle, Satopää et al. 2011).

    Parameters
    ----------
    curve : Series
        Values, such as inertia, indexed by number of clusters.

    Returns
    -------
    int or None
        The number of clusters at the knee; None if the curve has no bend.
    """
    knee = KneeLocator(
        curve.index.to_numpy(), curve.to_numpy(), curve="convex", direction="decreasing"
    ).knee
    return None if knee is None else int(knee)


def find_medoids(
    points: npt.NDArray[np.float32], clusters: npt.ArrayLike, n_clusters: int
) -> npt.NDArray[np.int64]:
    """Find the member in the middle of each cluster.

    Parameters
    ----------
    points : ndarray of shape (n, n_features)
    clusters : array-like of int, shape (n,)
    n_clusters : int

    Returns
    -------
    ndarray of int64, shape (n_clusters,)
        Index of the member with the least sum of squared distances to all others, which is the
        one nearest to their mean; -1 for an empty cluster.
    """
    clusters = np.asarray(clusters)
    medoids = np.full(n_clusters, -1, dtype=np.int64)
    for cluster in np.unique(clusters):
        members = np.flatnonzero(clusters == cluster)
        centre = points[members].mean(axis=0)
        medoids[cluster] = members[((points[members] - centre) ** 2).sum(axis=1).argmin()]
    return medoids


def margin(
    points: npt.NDArray[np.float32],
    clusters: npt.ArrayLike,
    centers: npt.NDArray[np.floating],
) -> npt.NDArray[np.float32]:
    """Measure how much nearer each point is to its own centre than to the next one.

    The silhouette with centres in place of all members (the "simplified silhouette"): it costs
    one look at each centre, so that every point can have it.

    Parameters
    ----------
    points : ndarray of shape (n, n_features)
    clusters : array-like of int, shape (n,)
    centers : ndarray of shape (n_clusters, n_features)

    Returns
    -------
    ndarray of shape (n,), float32
        From -1 to 1: 1 on its own centre, 0 on the border, below 0 beyond it.
    """
    own = np.asarray(clusters)[:, None]
    apart = cdist(points, centers).astype(np.float32)
    inside = np.take_along_axis(apart, own, axis=1)[:, 0]
    np.put_along_axis(apart, own, np.inf, axis=1)
    outside = apart.min(axis=1)
    return np.asarray((outside - inside) / np.maximum(np.maximum(outside, inside), 1e-12))
