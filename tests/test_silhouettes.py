import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import silhouette_samples

from mnist_clust.silhouettes import map_silhouettes


@given(st.integers(3, 700), st.integers(1, 3), st.integers(2, 6), st.integers(0, 5))
def test_agrees_with_scikit_learn(n, dimensions, k, seed):
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(n, dimensions)).astype(np.float32)
    clusters = rng.integers(min(k, n - 1), size=n)
    if len(np.unique(clusters)) < 2:
        return
    expected = silhouette_samples(points.astype(float), clusters)
    np.testing.assert_allclose(map_silhouettes(points, clusters), expected, atol=2e-4)


def test_new_points_are_measured_against_the_members():
    points = np.array([[0, 0], [1, 0], [10, 0], [12, 0]], np.float32)
    newcomer = np.array([[2, 0]], np.float32)
    value = map_silhouettes(points, np.array([0, 0, 1, 1]), (newcomer, np.array([0])))
    assert value == pytest.approx([(9 - 1.5) / 9], rel=1e-5)


def test_one_cluster_and_lonely_points_have_none():
    points = np.random.default_rng(0).normal(size=(5, 2)).astype(np.float32)
    assert map_silhouettes(points, np.zeros(5, int)).tolist() == [0] * 5
    assert map_silhouettes(points, np.array([0, 0, 0, 0, 1]))[4] == 0
    same = np.zeros((4, 2), np.float32)
    assert map_silhouettes(same, np.array([0, 0, 1, 1])).tolist() == [0] * 4
