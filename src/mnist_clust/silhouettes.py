"""Silhouettes of every point of a map: all distances between 60,000 points, in seconds."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from numba_tsne._compile import kernel
from numba_tsne._parallel import Pool

POINTS_OF_A_TASK = 256


@kernel
def _sum_distances(
    places: npt.NDArray[np.float32],
    points: npt.NDArray[np.float32],
    bounds: npt.NDArray[np.int64],
    sums: npt.NDArray[np.float32],
) -> None:
    """Sum the distances of each place from the points of each cluster, a run of columns."""
    for i in range(len(places)):
        for cluster in range(len(bounds) - 1):
            start, stop = bounds[cluster], bounds[cluster + 1]
            x, y, z = points[0][start:stop], points[1][start:stop], points[2][start:stop]
            total = np.float32(0)
            for j in range(x.size):
                dx = places[i, 0] - x[j]
                dy = places[i, 1] - y[j]
                dz = places[i, 2] - z[j]
                total += np.sqrt(dx * dx + dy * dy + dz * dz)
            sums[i, cluster] = total


def map_silhouettes(
    embedding: npt.NDArray[np.float32],
    clusters: npt.NDArray[np.integer],
    new: tuple[npt.NDArray[np.float32], npt.NDArray[np.integer]] | None = None,
) -> npt.NDArray[np.float32]:
    """Silhouette (Rousseeuw 1987) of every point of a map, exactly.

    Parameters
    ----------
    embedding : ndarray of shape (n, 1 to 3)
    clusters : ndarray of int, shape (n,)
    new : (places, clusters), optional
        Points that the clusters were not made of; their silhouettes are wanted instead, with the
        others as members.

    Returns
    -------
    ndarray of shape (n,), float32
        From -1 to 1; 0 for the only member of a cluster, and for all where there is one cluster.
    """
    places, own = (embedding, clusters) if new is None else new
    k = int(clusters.max()) + 1
    order = np.argsort(clusters, kind="stable")
    bounds = np.searchsorted(clusters[order], np.arange(k + 1))
    points = np.ascontiguousarray(_in_space(embedding)[order].T)
    wanted = _in_space(places)
    sums = np.empty((len(wanted), k), np.float32)
    with Pool() as pool:
        pool.run(
            lambda start, stop: _sum_distances(
                wanted[start:stop], points, bounds, sums[start:stop]
            ),
            len(wanted),
            POINTS_OF_A_TASK,
        )
    sizes = np.diff(bounds)
    others = sizes[own] - (new is None)  # a point is no distance from itself
    rows = np.arange(len(own))
    inside = sums[rows, own] / np.maximum(others, 1)
    means = np.where(sizes > 0, sums / np.maximum(sizes, 1), np.inf)
    means[rows, own] = np.inf
    outside = means.min(axis=1)
    defined = (others > 0) & np.isfinite(outside)
    scale = np.where(defined, np.maximum(np.maximum(inside, outside), 1e-12), 1)
    return np.where(defined, (np.where(defined, outside, 0) - inside) / scale, 0).astype(np.float32)


def _in_space(points: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Give a map the dimensions that it lacks."""
    missing = 3 - points.shape[1]
    return np.ascontiguousarray(np.pad(points, ((0, 0), (0, missing))), np.float32)
