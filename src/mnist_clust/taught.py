"""A classifier taught by clusters: what they say of the images that are sure, for all others."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from joblib import delayed
from sklearn.svm import SVC

from numba_tsne import NeighborGraph
from numba_tsne._parallel import side_by_side

PART = 2_000  # rows predicted at a time
SURE = 0.9  # share of the neighbours that must lie in the same cluster


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
    Sure are points of whose neighbours nine in ten lie in their own cluster; a cluster without
    any is taught by all its members. The settings are scikit-learn's own.

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
    sure |= ~np.isin(clusters, present)  # a cluster without a sure member would be forgotten
    return SVC(cache_size=1000).fit(rows[sure], clusters[sure])


def predict(machine: SVC, rows: npt.NDArray[np.float32]) -> npt.NDArray[np.integer]:
    """Give rows their clusters, parts of them side by side.

    Parameters
    ----------
    machine : sklearn.svm.SVC
        From `teach`.
    rows : ndarray of shape (n, n_features)

    Returns
    -------
    ndarray of int, shape (n,)
    """
    parts = (rows[start : start + PART] for start in range(0, len(rows), PART))
    return np.concatenate(side_by_side(delayed(machine.predict)(part) for part in parts))
