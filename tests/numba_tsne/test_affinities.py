import numpy as np
import pytest
from sklearn.manifold import _utils

from numba_tsne import NeighborGraph, nearest_neighbors
from numba_tsne.affinities import gaussian_rows, perplexity_affinities, uniform_affinities


def conditional(distances, perplexity):
    weights = np.empty(distances.shape, np.float32)
    gaussian_rows(distances, float(np.log(perplexity)), weights)
    return weights


@pytest.mark.parametrize("perplexity", [1.5, 5, 30, 89])
@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e8])
def test_rows_have_the_wanted_perplexity(random, perplexity, scale):
    distances = np.sort(random.gamma(5, size=(200, 90)) * scale).astype(np.float32)
    p = conditional(distances, perplexity).astype(np.float64)
    entropy = -(p * np.log(np.maximum(p, 1e-300))).sum(axis=1)
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(np.exp(entropy), perplexity, rtol=1e-3)


def test_weights_are_those_of_scikit_learn(small_digits):
    graph = nearest_neighbors(small_digits[0], 90)
    theirs = _utils._binary_search_perplexity(graph.distances**2, 30, 0)
    np.testing.assert_allclose(conditional(graph.distances, 30), theirs, rtol=2e-3, atol=1e-6)


def test_duplicates_share_equally():
    distances = np.array([[0, 0, 0, 0], [0, 0, 0, 9], [7, 7, 7, 7]], np.float32)
    p = conditional(distances, 2)
    np.testing.assert_allclose(p[[0, 2]], 0.25)
    assert np.isfinite(p).all()
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-6)
    assert p[1, 3] < 1e-4


def test_a_perplexity_of_all_neighbors_weighs_them_equally(random):
    distances = np.sort(random.gamma(5, size=(10, 8))).astype(np.float32)
    np.testing.assert_allclose(conditional(distances, 8), 1 / 8, rtol=1e-2)


@pytest.mark.parametrize(
    "make",
    [lambda g, pool: perplexity_affinities(g, 5, pool), lambda g, pool: uniform_affinities(g)],
)
def test_affinities_are_symmetric_and_sum_to_one(random, pool, make):
    graph = nearest_neighbors(random.normal(size=(400, 3)), 15)
    p = make(graph, pool)
    assert abs(p - p.T).max() == 0
    np.testing.assert_allclose(p.data.sum(dtype=np.float64), 1, rtol=1e-6)
    assert p.dtype == np.float32
    assert p.diagonal().sum() == 0


def test_uniform_weights_count_directions():
    graph = NeighborGraph(np.array([[1], [0], [1]], np.int32), np.ones((3, 1), np.float32))
    np.testing.assert_allclose(
        uniform_affinities(graph).toarray() * 6, [[0, 2, 0], [2, 0, 1], [0, 1, 0]]
    )
