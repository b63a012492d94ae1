"""Known answers and properties of clustering, naming and middles of clusters."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.cluster import KMeans
from sklearn.datasets import make_blobs
from sklearn.metrics import silhouette_score
from threadpoolctl import threadpool_info

from mnist_clust.cluster import best_kmeans, fit_counts
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


def test_starts_found_on_a_part_of_a_map_go_on_to_all_of_it(blobs):
    X, y = blobs
    silhouettes, clusters = best_kmeans(X, range(2, 7), start_points=100)
    assert list(silhouettes.index) == [2, 3, 4, 5, 6]
    assert silhouettes.idxmax() == 4
    assert silhouettes[4] == pytest.approx(silhouette_score(X, y), rel=1e-5), "of all points"
    names = name_by_majority(clusters, y, 4)
    np.testing.assert_array_equal(names[clusters], y)


@pytest.mark.slow
def test_the_process_keeps_its_threads():
    X = np.random.default_rng(0).normal(size=(5_000, 30)).astype(np.float32)
    fit_counts(X, (2, 3))
    before = threadpool_info()
    for _ in range(5):
        fit_counts(X, (9, 10))
    assert threadpool_info() == before, "limits set side by side are not undone"
