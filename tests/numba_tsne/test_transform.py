import pickle

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from numba_tsne import TSNE, neighbors


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
