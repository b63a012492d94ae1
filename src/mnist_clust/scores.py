"""What labels say of clusters that never saw them: names, accuracies, confusions, mistakes."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import linear_sum_assignment
from scipy.stats import mode
from sklearn import metrics

from mnist_clust.data import UNLABELLED, known_only
from mnist_clust.islands import vote
from numba_tsne import NeighborGraph

Clusters = npt.NDArray[np.integer]
Names = npt.NDArray[np.int64]
UNNAMED = -1  # what a cluster is called that no digit was left for
MAJORITY, ONE_TO_ONE = "accuracy, by majority", "accuracy, one-to-one"


def name_by_majority(clusters: npt.ArrayLike, labels: npt.ArrayLike, n_clusters: int) -> Names:
    """Name each cluster after its most frequent label; several may share one name.

    Parameters
    ----------
    clusters, labels : array-like of int, shape (n,)
    n_clusters : int
        Empty ones included.

    Returns
    -------
    ndarray of int64, shape (n_clusters,)
        `UNNAMED` for a cluster without a labelled image.
    """
    labels, clusters = known_only(labels, clusters)
    names = np.full(n_clusters, UNNAMED, dtype=np.int64)
    for cluster in np.unique(clusters):
        names[cluster] = mode(labels[clusters == cluster]).mode
    return names


def name_one_to_one(clusters: npt.ArrayLike, labels: npt.ArrayLike, n_clusters: int) -> Names:
    """Name clusters so that no two share a name and as many images as can be are correct.

    The Hungarian method (Kuhn 1955), as usual for "clustering accuracy". Parameters and result as
    for `name_by_majority`; `UNNAMED` where classes ran out.
    """
    labels, clusters = known_only(labels, clusters)
    classes, codes = np.unique(labels, return_inverse=True)
    size = max(n_clusters, len(classes))
    counts = metrics.confusion_matrix(clusters, codes, labels=np.arange(size))
    rows, columns = linear_sum_assignment(counts, maximize=True)
    names = np.full(n_clusters, UNNAMED, dtype=np.int64)
    for cluster, column in zip(rows, columns, strict=True):
        if cluster < n_clusters and column < len(classes):
            names[cluster] = classes[column]
    return names


def accuracy(labels: npt.ArrayLike, clusters: Clusters, names: Names) -> float:
    """Share of images whose cluster is named after their own class; NaN if none is labelled.

    Parameters
    ----------
    labels, clusters : array-like of int, shape (n,)
    names : ndarray of int, shape (n_clusters,)
        The class each cluster stands for, learned on the training images.
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
        MAJORITY: name_by_majority(train[1], train[0], n_clusters),
        ONE_TO_ONE: name_one_to_one(train[1], train[0], n_clusters),
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


def confusion(labels: npt.ArrayLike, clusters: Clusters, names: Names) -> pd.DataFrame:
    """Count the images of each class (rows) by the class their cluster stands for (columns).

    Images without a label, or in clusters without a name, are left out.
    """
    labels, clusters = known_only(labels, clusters)
    classes = np.unique(np.concatenate([labels, names[names != UNNAMED]]))
    counts = metrics.confusion_matrix(labels, names[clusters], labels=classes)
    return pd.DataFrame(counts, index=classes, columns=classes)


def confusion_by_majority(
    labels: npt.ArrayLike, clusters: Clusters, n_clusters: int
) -> pd.DataFrame:
    """Name clusters by majority and count as `confusion` does."""
    return confusion(labels, clusters, name_by_majority(clusters, labels, n_clusters))


def pair_confusion(counts: pd.DataFrame) -> pd.Series:
    """Share of the images of two classes that are taken for the other one, for every pair.

    Parameters
    ----------
    counts : DataFrame
        From `confusion`.

    Returns
    -------
    Series
        Indexed by pairs of classes, the most confused first.
    """
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
    """List the images whose cluster stands for another class, the deepest inside first.

    Parameters
    ----------
    labels : array-like of int, shape (n,), or None
    named : array-like of int, shape (n,)
        The class that each image's cluster stands for.
    margins : array-like of shape (n,)

    Returns
    -------
    DataFrame
        Columns ``label``, ``named`` and ``margin``, indexed by image; empty without labels.
    """
    table = pd.DataFrame({"named": named, "margin": margins})
    table.insert(0, "label", table.named if labels is None else labels)
    wrong = table[(table.label != table.named) & (table.label != UNLABELLED)]
    return wrong.sort_values("margin", ascending=False, kind="stable")


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
        Its share of all neighbours asked, those without a class among them.
    """
    classes = np.unique(labels[labels != UNLABELLED])
    codes = np.where(labels == UNLABELLED, -1, np.searchsorted(classes, labels))
    winners, shares = vote(codes[neighbors.indices[:, :n_neighbors]], len(classes))
    return classes[winners], shares


def neighbor_accuracy(neighbors: NeighborGraph, labels: npt.NDArray[np.integer]) -> float:
    """Share of points whose own class wins the vote of their ten nearest neighbours."""
    winners, _ = neighbor_vote(neighbors, labels)
    return float(np.mean(np.equal(*known_only(labels, winners))))
