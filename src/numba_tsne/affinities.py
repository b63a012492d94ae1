"""From a neighbour graph to the probabilities that the map is to reproduce."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_matrix

from numba_tsne._compile import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from numba_tsne._parallel import Pool
    from numba_tsne.graph import NeighborGraph

ROWS = 512
NEWTON_STEPS = 64  # ten are typical; the rest is for bisection when steps leave the bracket


@kernel
def gaussian_rows(
    distances: NDArray[np.float32], entropy: float, weights: NDArray[np.float32]
) -> None:
    """Weigh neighbours by Gaussians whose width gives each row the wanted entropy, in nats.

    The entropy falls as the precision grows. Its derivative by the logarithm of the precision
    is minus the variance of the exponents, so Newton's method needs no extra pass.
    """
    rows, k = distances.shape
    for i in range(rows):
        nearest = np.float64(distances[i, 0]) ** 2
        scale = 0.0
        for j in range(k):
            scale += np.float64(distances[i, j]) ** 2 - nearest
        if scale <= 0:  # all at the same distance: no precision makes a difference
            weights[i] = 1 / k
            continue
        log_beta = np.log(k / scale)
        low = log_beta - 60
        high = log_beta + 60
        total = 1.0
        for _ in range(NEWTON_STEPS):
            beta = np.exp(log_beta)
            total = 0.0
            mean = 0.0
            square = 0.0
            for j in range(k):
                exponent = beta * (np.float64(distances[i, j]) ** 2 - nearest)
                weight = np.exp(-exponent)
                weights[i, j] = weight
                total += weight
                mean += weight * exponent
                square += weight * exponent * exponent
            mean /= total
            variance = square / total - mean * mean
            excess = np.log(total) + mean - entropy
            if abs(excess) < 1e-5:
                break
            if excess > 0:
                low = log_beta
            else:
                high = log_beta
            log_beta += excess / variance if variance > 1e-12 else 0.0
            if not low < log_beta < high:
                log_beta = (low + high) / 2
        for j in range(k):
            weights[i, j] /= total


def symmetric(indices: NDArray[np.int32], weights: NDArray[np.float32]) -> csr_matrix:
    """Average each weight with that of the opposite direction, and make all sum to one."""
    n, k = indices.shape
    pointers = np.arange(0, n * k + 1, k, dtype=np.int64 if n * k > 2**31 - 1 else np.int32)
    directed = csr_matrix((weights.ravel(), indices.ravel(), pointers), shape=(n, n))
    joint = (directed + directed.T).tocsr()
    joint.data /= joint.data.sum(dtype=np.float64)
    return joint


def perplexity_affinities(graph: NeighborGraph, perplexity: float, pool: Pool) -> csr_matrix:
    """Joint probabilities in which every point has, in effect, ``perplexity`` neighbours.

    Parameters
    ----------
    graph : NeighborGraph
        At least ``perplexity`` neighbours a point; three times as many leave nothing out.
    perplexity : float
        The exponential of the entropy of each point's distribution over its neighbours.
    pool : Pool
        Threads to use.

    Returns
    -------
    csr_matrix of shape (n_points, n_points), float32
        Symmetric, with a sum of one.

    References
    ----------
    L. van der Maaten and G. Hinton, "Visualizing Data using t-SNE", JMLR 9, 2008.
    """
    weights = np.empty(graph.distances.shape, np.float32)
    entropy = float(np.log(perplexity))

    def block(start: int, stop: int) -> None:
        gaussian_rows(graph.distances[start:stop], entropy, weights[start:stop])

    pool.run(block, len(weights), ROWS)
    return symmetric(graph.indices, weights)


def uniform_affinities(graph: NeighborGraph) -> csr_matrix:
    """Joint probabilities that give each of a point's neighbours the same weight.

    Parameters
    ----------
    graph : NeighborGraph
        Around 15 neighbours a point make nearly the map of perplexity 30.

    Returns
    -------
    csr_matrix of shape (n_points, n_points), float32
        Symmetric, with a sum of one.

    References
    ----------
    J. N. Böhm, P. Berens and D. Kobak, "Attraction-Repulsion Spectrum in Neighbor Embeddings",
    JMLR 23, 2022.
    """
    return symmetric(graph.indices, np.full(graph.indices.shape, 1, np.float32))
