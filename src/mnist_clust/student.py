"""A classifier trained on clusters: what they say of the images that are sure, for all others."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from joblib import delayed
from sklearn.base import ClassifierMixin
from sklearn.dummy import DummyClassifier
from sklearn.svm import SVC

from mnist_clust.cache import cached
from mnist_clust.islands import agreement
from numba_tsne import NeighborGraph
from numba_tsne._parallel import side_by_side

Rows = npt.NDArray[np.float32]
Clusters = npt.NDArray[np.integer]
SURE = 0.9  # share of the neighbours that must lie in an image's own cluster
ROWS_AT_A_TIME = 2_000


@cached
def train_student(rows: Rows, clusters: Clusters, neighbors: NeighborGraph) -> ClassifierMixin:
    """Train scikit-learn's support vector machine, as it comes, on images sure of their cluster.

    Borders on a map are drawn in two dimensions; the student draws them anew between the rows.

    Parameters
    ----------
    rows : ndarray of shape (n, n_features)
    clusters : ndarray of int, shape (n,)
        One without a sure member is taught by all its members.
    neighbors : NeighborGraph
        Of the rows: sure are points of whose neighbours nine in ten lie in their own cluster.

    Returns
    -------
    sklearn.svm.SVC
        Its ``predict`` gives clusters. Of one cluster alone, a ``DummyClassifier``.
    """
    sure = agreement(clusters, neighbors) >= SURE
    sure |= ~np.isin(clusters, np.unique(clusters[sure]))
    learner = SVC(cache_size=1000) if np.ptp(clusters) else DummyClassifier()
    return learner.fit(rows[sure], clusters[sure])


def predict_in_parts(student: ClassifierMixin, rows: Rows) -> Clusters:
    """Give rows their clusters, parts of them side by side."""
    parts = (rows[start : start + ROWS_AT_A_TIME] for start in range(0, len(rows), ROWS_AT_A_TIME))
    return np.concatenate(side_by_side(delayed(student.predict)(part) for part in parts))
