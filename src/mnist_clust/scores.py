"""How well clusters agree with labels that they never saw, and with themselves."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn import metrics
from sklearn.cluster import KMeans

from mnist_clust.cluster import UNNAMED, name_by_majority, name_one_to_one
from mnist_clust.data import UNLABELLED, known_only
from numba_tsne._parallel import one_thread

Clusters = npt.NDArray[np.integer]


def accuracy(labels: npt.ArrayLike, clusters: Clusters, names: npt.NDArray[np.int64]) -> float:
    """Share of images whose cluster is named after their own class.

    Parameters
    ----------
    labels : array-like of int, shape (n,)
        True classes.
    clusters : ndarray of int, shape (n,)
        Cluster of each image.
    names : ndarray of int, shape (n_clusters,)
        The class each cluster stands for, learned on the training images.

    Returns
    -------
    float
        From 0 to 1, of the labelled images; NaN if there are none.
    """
    labels, clusters = known_only(labels, clusters)
    return float(np.mean(names[clusters] == labels)) if len(labels) else float("nan")


def score_clustering(
    train: tuple[npt.ArrayLike | None, Clusters],
    test: tuple[npt.ArrayLike | None, Clusters],
    n_clusters: int,
) -> pd.DataFrame:
    """Score one clustering on both parts, clusters being named on the training part alone.

    Parameters
    ----------
    train, test : (labels, clusters)
        Arrays of shape (n,). Without training labels there is nothing to score.
    n_clusters : int
        How many clusters there are.

    Returns
    -------
    DataFrame
        A row a score, columns ``train`` and ``test``: accuracy by majority and one-to-one,
        homogeneity, completeness, adjusted mutual information (AMI), adjusted Rand index (ARI).
        Empty without labels; NaN for a part that has none.
    """
    if train[0] is None:
        return pd.DataFrame(columns=["train", "test"], dtype=float)
    names = {
        "accuracy, by majority": name_by_majority(train[1], train[0], n_clusters),
        "accuracy, one-to-one": name_one_to_one(train[1], train[0], n_clusters),
    }
    table: dict[str, dict[str, float]] = {}
    for part, (labels, clusters) in {"train": train, "test": test}.items():
        if labels is None:
            table[part] = {}
            continue
        labels, clusters = known_only(labels, clusters)
        table[part] = {name: accuracy(labels, clusters, names[name]) for name in names}
        homogeneity, completeness, _ = metrics.homogeneity_completeness_v_measure(labels, clusters)
        table[part] |= {
            "homogeneity": homogeneity,
            "completeness": completeness,
            "adjusted mutual information": metrics.adjusted_mutual_info_score(labels, clusters),
            "adjusted Rand index": metrics.adjusted_rand_score(labels, clusters),
        }
    return pd.DataFrame(table)


def accuracy_by_count(
    models: Mapping[int, KMeans],
    train_labels: npt.ArrayLike | None,
    X_test: npt.NDArray[np.float32],
    test_labels: npt.ArrayLike | None,
) -> pd.DataFrame | None:
    """Score clusterings into different numbers of clusters on the test part.

    Parameters
    ----------
    models : mapping of int to KMeans
        Fitted to the training rows, by number of clusters.
    train_labels : array-like of int, shape (n,), or None
        True classes of those rows; they name the clusters.
    X_test : ndarray of shape (m, n_features)
        Rows the models have not seen.
    test_labels : array-like of int, shape (m,), or None
        Their true classes.

    Returns
    -------
    DataFrame or None
        A row a count, columns ``by majority`` and ``one-to-one``; None without labels.
    """
    if train_labels is None or test_labels is None:
        return None
    rows = {}
    for count, model in models.items():
        clusters = model.predict(X_test)
        rows[count] = {
            "by majority": accuracy(
                test_labels, clusters, name_by_majority(model.labels_, train_labels, count)
            ),
            "one-to-one": accuracy(
                test_labels, clusters, name_one_to_one(model.labels_, train_labels, count)
            ),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("n_clusters")


def confusion(
    labels: npt.ArrayLike, clusters: Clusters, names: npt.NDArray[np.int64]
) -> pd.DataFrame:
    """Count the images of each class by the class that their cluster is named after.

    Parameters
    ----------
    labels, clusters, names
        As for :func:`accuracy`.

    Returns
    -------
    DataFrame
        Rows: true classes; columns: the same classes as names. Counts. Images without a label, or
        in clusters without a name, are left out.
    """
    labels, clusters = known_only(labels, clusters)
    classes = np.unique(np.concatenate([labels, names[names != UNNAMED]]))
    counts = metrics.confusion_matrix(labels, names[clusters], labels=classes)
    return pd.DataFrame(counts, index=classes, columns=classes)


def confusion_by_majority(
    labels: npt.ArrayLike | None, clusters: Clusters, n_clusters: int
) -> pd.DataFrame | None:
    """Count which digits ended up under which name, clusters being named by majority.

    Parameters
    ----------
    labels : array-like of int, shape (n,), or None
    clusters : ndarray of int, shape (n,)
    n_clusters : int

    Returns
    -------
    DataFrame or None
        As `confusion` gives it; None without labels.
    """
    if labels is None:
        return None
    return confusion(labels, clusters, name_by_majority(clusters, labels, n_clusters))


def silhouette(
    X: npt.NDArray[np.float32],
    clusters: Clusters,
    *,
    sample_size: int = 10_000,
    random_state: int = 0,
) -> float:
    """Mean silhouette (Rousseeuw 1987) over a seeded sample; it sees no label.

    Parameters
    ----------
    X : ndarray of shape (n, n_features)
        One row a point.
    clusters : ndarray of int, shape (n,)
        Cluster of each point; at least two differ.
    sample_size : int, default 10000
        Points measured, against each other; all if there are fewer.
    random_state : int, default 0
        Seed of the sample.

    Returns
    -------
    float
        From -1 to 1; NaN if the sample fell into one cluster.
    """
    rng = np.random.default_rng(random_state)
    sample = rng.choice(len(X), min(len(X), sample_size), replace=False)
    if not 1 < len(np.unique(clusters[sample])) < len(sample):
        return float("nan")
    with one_thread():  # two add up in another order; two jobs share the points, wherever it runs
        return float(metrics.silhouette_score(X[sample], clusters[sample], n_jobs=2))


def pair_confusion(counts: pd.DataFrame | None) -> pd.Series:
    """Share of the images of two classes that are taken for the other one, for every pair.

    Parameters
    ----------
    counts : DataFrame or None
        From :func:`confusion`.

    Returns
    -------
    Series
        Indexed by pairs of classes, the most confused first; empty without labels.
    """
    if counts is None:
        return pd.Series(dtype=float)
    sizes = counts.sum(axis=1)
    return pd.Series(
        {
            (a, b): (counts.loc[a, b] + counts.loc[b, a]) / max(sizes[a] + sizes[b], 1)
            for a, b in itertools.combinations(counts.index, 2)
        }
    ).sort_values(ascending=False, kind="stable")


def find_mistakes(
    labels: npt.ArrayLike | None, named: npt.ArrayLike, margins: npt.ArrayLike
) -> pd.DataFrame:
    """List the images whose cluster is named after another class, the deepest inside first.

    Parameters
    ----------
    labels : array-like of int, shape (n,), or None
        True classes.
    named : array-like of int, shape (n,)
        The class that each image's cluster stands for.
    margins : array-like of shape (n,)
        From :func:`mnist_clust.cluster.margin`.

    Returns
    -------
    DataFrame
        Columns ``label``, ``named`` and ``margin``, indexed by image; empty without labels.
    """
    table = pd.DataFrame({"named": named, "margin": margins})
    table.insert(0, "label", table.named if labels is None else labels)
    wrong = table[(table.label != table.named) & (table.label != UNLABELLED)]
    return wrong.sort_values("margin", ascending=False, kind="stable")
