"""Known answers and properties of clustering, naming and choosing the number of clusters."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.cluster import KMeans
from sklearn.datasets import make_blobs
from sklearn.metrics import silhouette_score
from threadpoolctl import threadpool_info

from mnist_clust.cluster import (
    best_counts,
    best_kmeans,
    compare_counts,
    find_knee,
    fit_counts,
    knees_by_range,
)
from mnist_clust.quality import find_medoids, margin
from mnist_clust.scores import UNNAMED, name_by_majority, name_one_to_one


@pytest.fixture(scope="module")
def blobs():
    centers = 30 * np.array([[0, 0], [1, 0], [0, 1], [1, 1]])
    X, y = make_blobs(400, centers=centers, random_state=0)
    return X.astype(np.float32), y


def test_each_number_of_clusters_is_fitted_as_scikit_learn_does(blobs):
    X, y = blobs
    models = fit_counts(X, (3, 4), n_init=5, random_state=1)
    for count, model in models.items():
        own = KMeans(count, n_init=5, random_state=1).fit(X)
        np.testing.assert_array_equal(model.labels_, own.labels_)
    names = name_by_majority(models[4].labels_, y, 4)
    np.testing.assert_array_equal(names[models[4].labels_], y)


def test_names_known_answer():
    clusters = np.array([0, 0, 0, 1, 1, 1, 2, 2])
    labels = np.array([7, 7, 4, 7, 7, 4, 9, 9])
    assert name_by_majority(clusters, labels, 4).tolist() == [7, 7, 9, UNNAMED]
    one = name_one_to_one(clusters, labels, 4)
    assert sorted(one.tolist()) == [UNNAMED, 4, 7, 9]
    assert one[2] == 9
    assert one[3] == UNNAMED


def test_one_to_one_with_fewer_clusters_than_classes():
    assert name_one_to_one([0, 0, 1], [5, 5, 6], 1 + 1).tolist() == [5, 6]
    assert name_one_to_one([0, 0, 0], [5, 5, 6], 1).tolist() == [5]


def test_one_to_one_passes_over_empty_clusters():
    assert name_one_to_one([0, 3, 3], [5, 6, 6], 4).tolist() == [5, UNNAMED, UNNAMED, 6]


pairs = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 7)), min_size=1, max_size=60)


@given(pairs)
def test_one_to_one_never_repeats_and_never_beats_majority(pairs):
    clusters, labels = np.array(pairs).T
    majority, one = (name(clusters, labels, 6) for name in (name_by_majority, name_one_to_one))
    named = one[one != UNNAMED]
    assert len(np.unique(named)) == len(named)
    assert np.mean(one[clusters] == labels) <= np.mean(majority[clusters] == labels)


@given(pairs, st.permutations(range(6)))
def test_names_follow_when_clusters_are_renumbered(pairs, order):
    clusters, labels = np.array(pairs).T
    order = np.array(order)
    renumbered = name_by_majority(order[clusters], labels, 6)
    np.testing.assert_array_equal(renumbered[order], name_by_majority(clusters, labels, 6))


def test_indices_find_four_blobs_and_match_scikit_learn(blobs):
    X, _ = blobs
    models = fit_counts(X, range(2, 9), n_init=3)
    curves = compare_counts(X, models)
    assert list(curves.index) == list(range(2, 9))
    assert curves.index.name == "n_clusters"
    assert best_counts(curves) == dict.fromkeys(
        ("silhouette", "calinski_harabasz", "davies_bouldin"), 4
    )
    assert curves.notna().all(axis=None)
    assert curves.inertia.is_monotonic_decreasing
    expected = silhouette_score(X, models[4].labels_)
    assert curves.silhouette[4] == pytest.approx(expected, rel=1e-5)
    assert curves.inertia[4] == pytest.approx(models[4].inertia_ / len(X))
    assert find_knee(curves.inertia) == 4


def test_indices_of_a_sample_are_seeded(blobs):
    X, _ = blobs
    models = fit_counts(X, [4])
    first = compare_counts(X, models, sample_size=100)
    same = compare_counts(X, models, sample_size=100, random_state=0)
    pd.testing.assert_frame_equal(first, same)
    other = compare_counts(X, models, sample_size=100, random_state=1)
    assert first.silhouette[4] != other.silhouette[4]


def test_an_index_of_one_cluster_is_not_a_number():
    X = np.zeros((10, 2), np.float32)
    X[0] = 1
    models = fit_counts(X, [2])
    for labels in (np.zeros(10, np.int32), np.arange(10)):
        models[2].labels_ = labels
        assert compare_counts(X, models).drop(columns="inertia").isna().all(axis=None)


def test_knee_of_a_corner_and_of_a_straight_line():
    corner = pd.Series([100, 50, 10, 9, 8, 7, 6], index=range(2, 9), dtype=float)
    assert find_knee(corner) == 4
    line = pd.Series(np.arange(10.0, 0, -1), index=range(2, 12))
    assert find_knee(line) is None


def test_knees_by_range_look_at_ever_more():
    curve = pd.Series(1 / np.arange(2, 31), index=range(2, 31))
    knees = knees_by_range(curve)
    assert knees.index.min() >= 10
    assert knees.index.max() == 30
    assert knees[30] == find_knee(curve)
    assert knees[10] == find_knee(curve.loc[:10])
    assert knees_by_range(curve, 30).index.tolist() == [30]
    line = pd.Series(np.arange(40.0, 11, -1), index=range(2, 31))
    assert knees_by_range(line).empty, "a straight line has no knee"
    assert knees_by_range(line).dtype == knees.dtype == int


def test_starts_found_on_a_part_of_a_map_go_on_to_all_of_it(blobs):
    X, y = blobs
    silhouettes, clusters = best_kmeans(X, range(2, 7), start_points=100)
    assert list(silhouettes.index) == [2, 3, 4, 5, 6]
    assert silhouettes.idxmax() == 4
    assert silhouettes[4] == pytest.approx(silhouette_score(X, y), rel=1e-5), "of all points"
    names = name_by_majority(clusters, y, 4)
    np.testing.assert_array_equal(names[clusters], y)


def test_medoids_have_the_least_sum_of_squared_distances():
    rng = np.random.default_rng(0)
    points = rng.normal([0, 10, 100], size=(60, 3)).astype(np.float32)
    clusters = rng.integers(3, size=60)
    medoids = find_medoids(points, clusters, 4)
    for cluster in range(3):
        members = np.flatnonzero(clusters == cluster)
        apart = ((points[members, None] - points[members]) ** 2).sum(axis=(1, 2))
        assert medoids[cluster] == members[apart.argmin()]
    assert medoids[3] == -1, "an empty cluster has no middle"


def test_margin_is_one_on_the_centre_and_zero_on_the_border():
    centers = np.array([[0.0, 0.0], [2.0, 0.0]])
    points = np.array([[0, 0], [1, 0], [0.5, 0], [1.5, 0]], np.float32)
    values = margin(points, [0, 0, 0, 0], centers)
    np.testing.assert_allclose(values, [1, 0, 2 / 3, -2 / 3], atol=1e-6)
    assert values.dtype == np.float32
    smaller = margin(points / 1000, [0, 0, 0, 0], centers / 1000)
    np.testing.assert_allclose(smaller, values, atol=1e-6, err_msg="it depends on the scale")
    assert margin(points[:1], [0], np.zeros((2, 2))).tolist() == [0], "two centres in one place"


@pytest.mark.slow
def test_the_process_keeps_its_threads():
    X = np.random.default_rng(0).normal(size=(5_000, 30)).astype(np.float32)
    fit_counts(X, (2, 3))
    before = threadpool_info()
    for _ in range(5):
        fit_counts(X, (9, 10))
    assert threadpool_info() == before, "limits set side by side are not undone"
