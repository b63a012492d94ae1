"""A classifier taught by clusters: what they say of the images that are sure, for all others."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.svm import SVC

from mnist_clust.tsne import NeighborGraph

SURE = 0.9  # share of the neighbours that must lie in the same cluster
PENALTIES = (1.0, 10.0)  # scikit-learn's own, and a stricter one
SAMPLE = 10_000  # points that choose between them


def agreement(
    clusters: npt.NDArray[np.integer], neighbors: NeighborGraph
) -> npt.NDArray[np.float64]:
    """Share of each point's neighbours that lie in its own cluster.

    Parameters
    ----------
    clusters : ndarray of int, shape (n,)
    neighbors : NeighborGraph

    Returns
    -------
    ndarray of shape (n,)
    """
    return np.asarray((clusters[neighbors.indices] == clusters[:, None]).mean(axis=1))


def teach(
    rows: npt.NDArray[np.float32], clusters: npt.NDArray[np.integer], neighbors: NeighborGraph
) -> SVC:
    """Teach a support vector machine the clusters of those points that are sure of theirs.

    Borders on a map are drawn in two dimensions; the machine draws them anew between the rows.
    Its penalty C is the one that foretells the clusters of left-out points best; all else is as
    scikit-learn has it.

    Parameters
    ----------
    rows : ndarray of shape (n, n_features)
    clusters : ndarray of int, shape (n,)
        At least two different ones.
    neighbors : NeighborGraph
        Of the rows.

    Returns
    -------
    sklearn.svm.SVC
        Its ``predict`` gives clusters.
    """
    sure = agreement(clusters, neighbors) >= SURE
    present = np.unique(clusters[sure])
    if len(present) < len(np.unique(clusters)):
        sure[:] = True  # a cluster without a sure member would be forgotten
    known, taught = rows[sure], clusters[sure]
    return SVC(C=_choose_penalty(known, taught), cache_size=1000).fit(known, taught)


def _choose_penalty(rows: npt.NDArray[np.float32], clusters: npt.NDArray[np.integer]) -> float:
    """Cross-validate on a sample, against the clusters: no label is needed for that."""
    chosen = np.random.default_rng(0).permutation(len(rows))[:SAMPLE]
    folds = KFold(3)
    sample = clusters[chosen]
    if any(len(np.unique(sample[fit])) < 2 for fit, _ in folds.split(chosen)):
        return PENALTIES[0]  # too few to leave some out
    search = GridSearchCV(SVC(), {"C": PENALTIES}, cv=folds, refit=False)
    return float(search.fit(rows[chosen], sample).best_params_["C"])
