import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import NearestNeighbors

from numba_tsne import nearest_neighbors, neighbors
from numba_tsne._parallel import Pool
from numba_tsne.cells import Cells, approximate_neighbors
from numba_tsne.exact import exact_neighbors
from numba_tsne.neighbors import WITH_PARAMETERS


def test_agrees_with_scikit_learn(small_digits):
    X, _ = small_digits
    graph = nearest_neighbors(X, 90)
    distances, _ = NearestNeighbors(n_neighbors=90, algorithm="brute").fit(X).kneighbors()
    np.testing.assert_allclose(graph.distances, distances, rtol=1e-5)
    assert graph.indices.dtype == np.int32
    assert graph.distances.dtype == np.float32


def test_agrees_with_scikit_learn_on_queries(small_digits):
    X, _ = small_digits
    graph = nearest_neighbors(X[:1500], 10, queries=X[1500:])
    search = NearestNeighbors(n_neighbors=10, algorithm="brute").fit(X[:1500])
    np.testing.assert_allclose(graph.distances, search.kneighbors(X[1500:])[0], rtol=1e-5)


@settings(deadline=None, max_examples=30)
@given(
    n=st.integers(2, 700),
    features=st.integers(1, 6),
    levels=st.integers(2, 50),
    seed=st.integers(0, 9),
    data=st.data(),
)
def test_distances_are_the_smallest_whatever_the_ties(n, features, levels, seed, data):
    k = data.draw(st.integers(1, n - 1))
    X = np.random.default_rng(seed).integers(levels, size=(n, features)).astype(float)
    graph = nearest_neighbors(X, k)
    apart = np.linalg.norm(X[:, None] - X[None], axis=2)
    found = np.take_along_axis(apart, graph.indices.astype(int), axis=1)
    np.fill_diagonal(apart, np.inf)
    np.testing.assert_allclose(graph.distances, np.sort(apart, axis=1)[:, :k], rtol=1e-5)
    np.testing.assert_allclose(graph.distances, found, rtol=1e-5)
    assert (graph.indices != np.arange(n)[:, None]).all()
    assert all(len(set(row)) == k for row in graph.indices)


@pytest.mark.parametrize("features", [2, 5])
def test_a_crowd_in_one_place_is_as_far_as_it_is(features, random):
    X = np.repeat(random.normal(size=(2, features)), [40, 3], axis=0)
    graph = nearest_neighbors(X, 5)
    apart = np.linalg.norm(X[40] - X[0])
    np.testing.assert_allclose(graph.distances[:40], 0)
    np.testing.assert_allclose(graph.distances[40:], [[0, 0, apart, apart, apart]] * 3, rtol=1e-5)
    assert (graph.indices != np.arange(43)[:, None]).all()
    queries = nearest_neighbors(X, 5, queries=X[40:41])
    np.testing.assert_allclose(queries.distances, [[0, 0, 0, apart, apart]], rtol=1e-5)


@pytest.mark.parametrize("shift, scale", [(1e6, 1.0), (0.0, 1e25), (0.0, 1e-25)])
def test_survives_shift_and_scale(random, shift, scale):
    X = random.normal(size=(300, 4))
    graph = nearest_neighbors(shift + scale * X, 5)
    plain = nearest_neighbors(X, 5)
    assert (graph.indices == plain.indices).mean() > 0.999
    np.testing.assert_allclose(graph.distances / scale, plain.distances, rtol=1e-3)


@pytest.mark.parametrize("features", [2, 20])
def test_bits_do_not_depend_on_threads(random, features):
    X = random.normal(size=(3000, features)).astype(np.float32)
    graphs = [nearest_neighbors(X, 15, n_jobs=jobs) for jobs in (1, 2, 3)]
    for other in graphs[1:]:
        np.testing.assert_array_equal(graphs[0].indices, other.indices)
        np.testing.assert_array_equal(graphs[0].distances, other.distances)


def test_other_metrics_are_scikit_learns(small_digits):
    X, _ = small_digits
    graph = nearest_neighbors(X[:300], 5, metric="cosine")
    search = NearestNeighbors(n_neighbors=5, metric="cosine").fit(X[:300])
    np.testing.assert_allclose(graph.distances, search.kneighbors()[0], atol=1e-6)


def test_approximation_finds_nearly_all(small_digits):
    X = np.ascontiguousarray(small_digits[0], np.float32)
    with Pool(2) as pool:
        exact, _ = exact_neighbors(X[:1500], None, 30, pool)
        graph, _ = approximate_neighbors(X[:1500], 30, pool)
        assert recall(graph, exact) > 0.98
        assert (graph.indices != np.arange(1500)[:, None]).all()


def test_approximation_does_not_depend_on_threads(small_digits):
    X = np.ascontiguousarray(small_digits[0], np.float32)
    with Pool(1) as one_thread, Pool(2) as two_threads:
        one, two = (approximate_neighbors(X, 15, pool)[0] for pool in (one_thread, two_threads))
    np.testing.assert_array_equal(one.indices, two.indices)


def test_new_points_find_nearly_all_in_cells(monkeypatch, small_digits):
    monkeypatch.setattr(neighbors, "MANY", 1000)
    X, _ = small_digits
    search = neighbors.NeighborIndex(X[:1400], "euclidean", 2)
    exact = nearest_neighbors(X[:1400], 10, queries=X[1400:])
    graph = search.nearest(X[1400:], 10, 2)
    assert recall(graph, exact) > 0.9  # two of 37 cells; it grows with the number of rows
    found = np.linalg.norm(X[1400:, None] - X[graph.indices], axis=2)
    np.testing.assert_allclose(graph.distances, found, rtol=1e-4)
    np.testing.assert_array_equal(search.nearest(X[1400:], 1400, 2).distances.shape, (397, 1400))


def test_new_points_to_a_plane_find_all(monkeypatch, random):
    monkeypatch.setattr(neighbors, "MANY", 100)
    X, new = random.normal(size=(900, 2)), random.normal(size=(50, 2))
    for k in (1, 7):
        graph = neighbors.NeighborIndex(X, "euclidean", 2).nearest(new, k, 2)
        apart = np.linalg.norm(new[:, None] - X[None], axis=2)
        np.testing.assert_allclose(graph.distances, np.sort(apart, axis=1)[:, :k], rtol=1e-5)


def test_cells_of_duplicates_still_find_enough(random):
    X = np.repeat(random.normal(size=(3, 4)), 700, axis=0).astype(np.float32)
    with Pool(2) as pool:
        graph, _ = Cells(X, pool).search(X[:5], 900, 1 / 16, pool)
    exact = nearest_neighbors(X, 900, queries=X[:5])
    np.testing.assert_allclose(graph.distances, exact.distances, rtol=1e-5)


def recall(graph, exact):
    found = sum(
        len(np.intersect1d(a, b)) for a, b in zip(graph.indices, exact.indices, strict=True)
    )
    return found / exact.indices.size


def test_a_graph_can_be_cut_down_but_not_up(random):
    X = random.normal(size=(100, 3))
    graph = nearest_neighbors(X, 20)
    np.testing.assert_array_equal(graph.nearest(5).indices, nearest_neighbors(X, 5).indices)
    with pytest.raises(ValueError, match="20 neighbours a point and 21 are needed"):
        graph.nearest(21)


def test_refuses_impossible_numbers_of_neighbors(random):
    with pytest.raises(ValueError, match="between 1 and 9"):
        nearest_neighbors(random.normal(size=(10, 2)), 10)


def test_refuses_queries_of_another_width(random):
    with pytest.raises(ValueError, match="3 features and the data 2"):
        nearest_neighbors(random.normal(size=(9, 2)), 1, queries=random.normal(size=(1, 3)))


@pytest.mark.parametrize("metric", ["cosine", "manhattan", "correlation"])
def test_other_metrics_do_not_depend_on_threads(metric, random):
    X = random.integers(2, size=(700, 12)).astype(float)
    X = X[(X.std(axis=1) > 0)]  # constant rows have no correlation
    one, two = (nearest_neighbors(X, 20, metric=metric, n_jobs=n_jobs) for n_jobs in (1, 2))
    np.testing.assert_array_equal(one.indices, two.indices)
    np.testing.assert_array_equal(one.distances, two.distances)
    assert (one.indices != np.arange(len(X))[:, None]).all(), "nobody is its own neighbour"


@pytest.mark.parametrize("metric", WITH_PARAMETERS)
def test_metrics_that_need_a_parameter_are_refused(metric, random):
    with pytest.raises(ValueError, match="needs a parameter of its own: scale the rows"):
        nearest_neighbors(random.normal(size=(50, 3)), 5, metric=metric)


def test_graphs_are_values_that_can_be_kept_and_compared(random):
    graph, other = (nearest_neighbors(random.normal(size=(20, 3)), 5) for _ in range(2))
    assert graph == graph
    assert graph != other
    assert len({graph, other}) == 2
    for wrong in (0, -1, 2.0):
        with pytest.raises(ValueError, match="must be an integer, and at least 1"):
            graph.nearest(wrong)
