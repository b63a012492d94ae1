import pickle

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_digits
from sklearn.neighbors import KNeighborsClassifier

from numba_tsne import TSNE, nearest_neighbors, neighbors
from numba_tsne.neighbors import NeighborIndex, _fingerprints


@pytest.fixture(scope="module", params=[1, 2, 3])
def fitted(request, small_digits):
    X, y = small_digits
    return TSNE(request.param, random_state=0).fit(X[:1400]), X, y


def test_new_digits_fall_among_their_kind(fitted):
    tsne, X, y = fitted
    places = tsne.transform(X[1400:])
    assert places.shape == (len(X) - 1400, tsne.n_components)
    assert places.dtype == np.float32
    in_space = KNeighborsClassifier(10).fit(X[:1400], y[:1400]).score(X[1400:], y[1400:])
    on_map = KNeighborsClassifier(10).fit(tsne.embedding_, y[:1400]).score(places, y[1400:])
    assert on_map > in_space - 0.04


def test_each_place_depends_on_its_own_row_alone(fitted):
    tsne, X, _ = fitted
    together = tsne.transform(X[1400:])
    np.testing.assert_array_equal(tsne.transform(X[1500:1503]), together[100:103])
    np.testing.assert_array_equal(tsne.transform(X[:1399:-1]), together[::-1])


def test_the_map_stays_at_rest_and_known_rows_stay_on_it(fitted):
    tsne, X, _ = fitted
    before = tsne.embedding_.copy()
    np.testing.assert_array_equal(tsne.transform(X[:1400]), before)
    np.testing.assert_array_equal(tsne.embedding_, before)


def test_bits_do_not_depend_on_threads(fitted):
    tsne, X, _ = fitted
    places = [tsne.set_params(n_jobs=jobs).transform(X[1400:]) for jobs in (1, 2)]
    np.testing.assert_array_equal(*places)


def test_a_far_stranger_gets_a_finite_place(fitted):
    tsne, _, _ = fitted
    assert np.isfinite(tsne.transform(np.full((1, 64), 1e6))).all()
    assert np.isfinite(tsne.transform(np.full((1, 64), -1e12))).all()


@pytest.fixture
def searched_in_cells(monkeypatch, small_digits):
    monkeypatch.setattr(neighbors, "MANY", 1000)
    X, _ = small_digits
    return TSNE(n_iter=100, random_state=0).fit(X[:1400]), X


def test_in_cells_too_a_place_depends_on_its_own_row_alone(searched_in_cells):
    tsne, X = searched_in_cells
    together = tsne.set_params(n_jobs=2).transform(X[1400:])
    tsne.set_params(n_jobs=1)
    np.testing.assert_array_equal(tsne.transform(X[1500:1503]), together[100:103])
    np.testing.assert_array_equal(tsne.transform(X[:1400]), tsne.embedding_)
    copied = pickle.loads(pickle.dumps(tsne))
    np.testing.assert_array_equal(copied.transform(X[1400:]), together)


@pytest.mark.parametrize("n", [2, 5])
def test_places_on_tiny_maps(random, n):
    X = random.normal(size=(n, 3))
    tsne = TSNE(perplexity=1, n_iter=50, random_state=0).fit(X)
    assert np.isfinite(tsne.transform(random.normal(size=(4, 3)))).all()


def tied(name):
    """Rows of few values, and new ones, of which very many are equally far from each other."""
    random = np.random.default_rng(0)
    if name == "whole numbers":
        return random.integers(1, 4, (3000, 6)).astype(float), random.integers(1, 4, (60, 6)) + 0.5
    if name == "whole numbers in cells":
        return random.integers(1, 4, (12_000, 9)).astype(float), random.integers(
            1, 4, (60, 9)
        ) + 0.5
    if name == "black and white":
        pixels = load_digits().data > 8
        return pixels[:1000].astype(float), pixels[1000:1060].astype(float)
    return (random.integers(2, size=(n, 20)).astype(float) for n in (2000, 60))


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize(
    "name", ["whole numbers", "whole numbers in cells", "black and white", "yes and no"]
)
def test_ties_are_parted_alike_alone_and_among_others(name, metric):
    X, new = tied(name)
    index = NeighborIndex(X, metric, None)
    together = index.nearest(new, 15, None).indices
    alone = np.vstack([index.nearest(row[None], 15, None).indices for row in new])
    np.testing.assert_array_equal(together, alone)


def test_rows_of_whole_numbers_have_marks_of_their_own():
    X = load_digits().data
    assert len(np.unique(_fingerprints(X))) == len(np.unique(X, axis=0))


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("kinds", [(np.array, sparse.csr_array), (sparse.csr_array, np.array)])
def test_known_rows_are_known_dense_and_sparse(kinds, metric, random):
    X = np.maximum(random.normal(size=(300, 12)), 0)
    here, there = kinds
    tsne = TSNE(metric=metric, early_exaggeration_iter=30, n_iter=40, random_state=0).fit(here(X))
    np.testing.assert_array_equal(tsne.transform(there(X)), tsne.embedding_)


def test_rows_and_neighbors_of_different_lengths_are_refused(random):
    X = random.normal(size=(100, 4))
    graph, tsne = nearest_neighbors(X, 15), TSNE(perplexity=5, n_iter=10).fit(X)
    with pytest.raises(ValueError, match="those of 100 points and X has 7"):
        tsne.transform(X[:7], neighbors=graph)
    with pytest.raises(ValueError, match="features"):
        tsne.transform(X[:, :2], neighbors=graph)
    assert tsne.transform(X, neighbors=graph).shape == (100, 2)
