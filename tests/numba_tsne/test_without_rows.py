"""Maps of neighbours alone, of distances, and of sparse rows."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.manifold import trustworthiness
from sklearn.metrics import pairwise_distances
from sklearn.neighbors import NearestNeighbors, kneighbors_graph

from numba_tsne import TSNE, nearest_neighbors
from numba_tsne.start import principal_start

SHORT = {"early_exaggeration_iter": 30, "n_iter": 40, "random_state": 0}


class TestNeighborsAlone:
    @pytest.mark.parametrize("d", [1, 2, 3])
    def test_make_a_map_as_good_as_with_rows(self, small_digits, d):
        X = small_digits[0][:500]
        graph = nearest_neighbors(X, 90)
        alone = TSNE(d, random_state=0).fit(neighbors=graph)
        together = TSNE(d, random_state=0).fit(X, neighbors=graph)
        assert alone.kl_divergence_ < together.kl_divergence_ + 0.1
        assert not hasattr(alone, "n_features_in_")

    def test_place_new_points_by_their_neighbors(self, small_digits):
        X = small_digits[0][:600]
        graph, new = (nearest_neighbors(X[:500], 90), nearest_neighbors(X[:500], 15, queries=X))
        tsne = TSNE(random_state=0).fit(neighbors=graph)
        places = tsne.transform(neighbors=new)
        np.testing.assert_array_equal(places[:500], tsne.embedding_)
        assert trustworthiness(X, places, n_neighbors=10) > 0.9
        with pytest.raises(ValueError, match=r"pass transform\(neighbors=...\)"):
            tsne.transform(X)
        with pytest.raises(ValueError, match="between 0 and 499"):
            tsne.transform(neighbors=nearest_neighbors(X, 15, queries=X))

    def test_place_new_points_on_a_map_of_rows(self, iris):
        tsne = TSNE(**SHORT).fit(iris[0])
        new = iris[0][:7] + 0.01
        graph = nearest_neighbors(iris[0], 15, queries=new)
        np.testing.assert_array_equal(tsne.transform(neighbors=graph), tsne.transform(new))

    def test_bits_do_not_depend_on_threads(self, small_digits):
        graph = nearest_neighbors(small_digits[0], 90)
        maps = [TSNE(n_jobs=jobs, **SHORT).fit_transform(neighbors=graph) for jobs in (1, 2)]
        np.testing.assert_array_equal(*maps)

    @pytest.mark.parametrize("n", [2, 3, 5, 25])
    @pytest.mark.parametrize("d", [1, 2, 3])
    def test_may_be_few(self, random, n, d):
        graph = nearest_neighbors(random.normal(size=(n, 4)), min(3, n - 1))
        assert np.isfinite(TSNE(d, perplexity=1, **SHORT).fit_transform(neighbors=graph)).all()

    def test_may_be_in_separate_groups(self, random):
        X = random.normal(size=(300, 4))
        X[:100] += 1000
        tsne = TSNE(n_neighbors=10, random_state=0).fit(neighbors=nearest_neighbors(X, 10))
        assert trustworthiness(X, tsne.embedding_) > 0.9

    def test_nothing_at_all_is_refused(self):
        with pytest.raises(ValueError, match="nothing to map"):
            TSNE().fit()

    def test_a_map_of_rows_is_forgotten(self, iris):
        tsne = TSNE(**SHORT).fit(iris[0])
        tsne.fit(neighbors=nearest_neighbors(iris[0], 90))
        with pytest.raises(ValueError, match="neighbours of the new points"):
            tsne.transform(iris[0])


class TestPrecomputed:
    @pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array, sparse.coo_matrix])
    def test_distances_give_the_neighbors_of_the_rows(self, random, kind):
        X = random.normal(size=(150, 4))
        table = pairwise_distances(X)
        ours = nearest_neighbors(kind(table), 15, metric="precomputed")
        np.testing.assert_array_equal(ours.indices, nearest_neighbors(X, 15).indices)
        np.testing.assert_allclose(ours.distances, nearest_neighbors(X, 15).distances, rtol=1e-4)
        new = kind(pairwise_distances(X[:9] + 0.1, X))
        ours = nearest_neighbors(kind(table), 5, queries=new, metric="precomputed")
        rows = nearest_neighbors(X, 5, queries=X[:9] + 0.1)
        np.testing.assert_array_equal(ours.indices, rows.indices)

    @pytest.mark.parametrize("kind", [np.asarray, sparse.csr_matrix])
    def test_distances_make_a_map_and_place_new_digits(self, small_digits, kind):
        X = small_digits[0][:500]
        table = kind(pairwise_distances(X[:400]))
        tsne = TSNE(metric="precomputed", random_state=0).fit(table)
        assert trustworthiness(X[:400], tsne.embedding_) > 0.95
        new = kind(pairwise_distances(X, X[:400]))
        places = tsne.transform(new)
        if kind is np.asarray:  # a sparse matrix has not stored the zeros
            np.testing.assert_array_equal(places[:400], tsne.embedding_)
        assert trustworthiness(X[400:], places[400:]) > 0.85
        with pytest.raises(ValueError, match="features"):
            tsne.transform(new[:, :7])

    def test_stored_distances_may_be_few(self, small_digits):
        X = small_digits[0][:300]
        stored = kneighbors_graph(X, 20, mode="distance")
        ours = nearest_neighbors(stored, 20, metric="precomputed")
        truth = NearestNeighbors(n_neighbors=20).fit(X).kneighbors(return_distance=True)[0]
        np.testing.assert_allclose(ours.distances, truth, rtol=1e-6)
        with pytest.raises(ValueError, match="stores 20 of them and 90 are needed"):
            TSNE(metric="precomputed").fit(stored)

    def test_stored_zeros_count(self):
        table = sparse.csr_array(
            (np.array([0.0, 0.0, 2.0, 0.0, 5.0]), np.array([0, 1, 2, 0, 0]), [0, 3, 4, 5]),
            shape=(3, 3),
        )
        graph = nearest_neighbors(table, 1, metric="precomputed")
        np.testing.assert_array_equal(graph.indices, [[1], [0], [0]])
        np.testing.assert_array_equal(graph.distances, [[0], [0], [5]])

    def test_what_is_no_table_of_distances_is_refused(self, iris):
        with pytest.raises(ValueError, match=r"shape \(n_samples, n_samples\)"):
            TSNE(metric="precomputed").fit(iris[0])
        table = pairwise_distances(iris[0])
        table[3, 4] = -1
        with pytest.raises(ValueError, match="not negative"):
            TSNE(metric="precomputed").fit(table)


class TestSparse:
    @pytest.mark.parametrize("kind", [sparse.csr_array, sparse.csc_matrix])
    def test_rows_are_searched_exactly(self, small_digits, kind):
        X = small_digits[0][:400]
        graph = nearest_neighbors(kind(X), 15)
        np.testing.assert_allclose(graph.distances, nearest_neighbors(X, 15).distances, rtol=1e-6)
        graph = nearest_neighbors(kind(X), 5, queries=X[:3] + 0.5)
        rows = nearest_neighbors(X, 5, queries=X[:3] + 0.5)
        np.testing.assert_allclose(graph.distances, rows.distances, rtol=1e-6)

    @pytest.mark.parametrize("metric", ["euclidean", "cosine"])
    def test_rows_make_a_map_and_find_their_own_places(self, small_digits, metric):
        X = sparse.csr_matrix(small_digits[0][:400])
        tsne = TSNE(metric=metric, random_state=0).fit(X)
        dense = TSNE(metric=metric, random_state=0).fit(X.toarray())
        assert tsne.kl_divergence_ == pytest.approx(dense.kl_divergence_, abs=0.1)
        np.testing.assert_array_equal(tsne.transform(X), tsne.embedding_)
        assert tsne.transform(sparse.csr_matrix(small_digits[0][400:410])).shape == (10, 2)

    def test_the_callers_matrix_stays_as_it_is(self):
        data, columns = np.ones(120), np.tile([2, 2, 0, 1], 30)  # one column twice in each row
        X = sparse.csr_matrix((data, columns, np.arange(0, 124, 4)), shape=(30, 5))
        X.data *= np.arange(120)
        before = X.data.copy(), X.indices.copy()
        TSNE(perplexity=3, **SHORT).fit(X).transform(X)
        np.testing.assert_array_equal(X.data, before[0])
        np.testing.assert_array_equal(X.indices, before[1])

    def test_equal_rows_are_refused(self):
        with pytest.raises(ValueError, match="equal"):
            TSNE().fit(sparse.csr_matrix(np.ones((50, 3))))


@pytest.mark.parametrize("power", [1e160, 1e-170])
def test_sparse_rows_of_wild_scale_start_like_others(power, random):
    X = np.maximum(random.normal(size=(60, 12)), 0)
    starts = [
        principal_start(sparse.csr_array(X * scale), 2, np.random.RandomState(0))
        for scale in (1, power)
    ]
    np.testing.assert_allclose(*starts, rtol=1e-6, atol=1e-9)


def test_few_stored_distances_are_enough_for_new_points(random):
    X = random.normal(size=(80, 3))
    near = sparse.csr_array(kneighbors_graph(X, 5, mode="distance"))
    tsne = TSNE(n_neighbors=5, metric="precomputed", **SHORT).fit(near)
    assert np.isfinite(tsne.transform(near[:7])).all()
