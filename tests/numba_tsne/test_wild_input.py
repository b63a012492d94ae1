"""Input that once gave wrong results in silence, or crashed: right, or refused in a sentence."""

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import definitions
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.exceptions import ConvergenceWarning
from sklearn.neighbors import KDTree, NearestNeighbors
from threadpoolctl import threadpool_info, threadpool_limits

import numba_tsne
from numba_tsne import TSNE, NeighborGraph, nearest_neighbors, neighbors
from numba_tsne._parallel import Pool, one_thread
from numba_tsne.affinities import perplexity_affinities
from numba_tsne.optimizer import Descent, Phase
from numba_tsne.repulsion import Repulsion
from numba_tsne.tree import Tree

SHORT = {"early_exaggeration_iter": 30, "n_iter": 40, "random_state": 0}


@pytest.fixture(scope="module", name="X")
def rows():
    return np.random.default_rng(0).normal(size=(300, 5))


@pytest.fixture(scope="module", name="P")
def components(X):
    centred = X - X.mean(axis=0)
    return centred @ np.linalg.svd(centred, full_matrices=False)[2].T


def far_group(n=1000, d=10, offset=1e5):
    A = np.random.default_rng(0).normal(size=(n, d))
    A[n // 2 :, 0] += offset
    return A


def one_wild_value(value):
    A = np.random.default_rng(0).normal(size=(1000, 10))
    A[7, 3] = value
    return A


def recall(found, X, k, queries=None):
    """Share that is as near as what scikit-learn's tree finds, in double precision."""
    rows = X if queries is None else queries
    truth, _ = KDTree(X).query(rows, k + (queries is None))
    apart = np.linalg.norm(rows[:, None].astype(float) - X[found], axis=2)
    assert all(len(set(row)) == k for row in found)
    return np.mean(apart <= truth[:, -1:] * (1 + 1e-12))


WILD = {
    "a group far away": far_group(),
    "a group not so far away": far_group(offset=1e4),
    "a group very far away": far_group(offset=1e9),
    "a group far away on a plane": far_group(d=2),
    "one large value": one_wild_value(1e9),
    "one huge value": one_wild_value(1e30),
    "one huge negative value": one_wild_value(-1e20),
    "all sizes": np.random.default_rng(0).normal(size=(500, 6)) * np.logspace(-8, 8, 500)[:, None],
    "tiny": far_group() * 1e-30,
    "single precision": far_group().astype(np.float32),
}


class TestNeighbors:
    @pytest.mark.parametrize("A", WILD.values(), ids=WILD)
    def test_are_those_of_double_precision(self, A):
        graph = nearest_neighbors(A, 15)
        assert recall(graph.indices, A, 15) == 1
        apart = np.linalg.norm(A[:, None] - A[graph.indices], axis=2)
        np.testing.assert_allclose(graph.distances, apart, rtol=1e-5)
        new = A[::10] * (1 + 1e-9)
        graph = nearest_neighbors(A, 15, queries=new)
        assert recall(graph.indices, A, 15, new) == 1

    def test_far_strangers_have_some_too(self):
        A = np.random.default_rng(0).normal(size=(200, 6))
        strangers = np.random.default_rng(1).normal(size=(20, 6)) * np.logspace(0, 12, 20)[:, None]
        graph = nearest_neighbors(A, 5, queries=strangers)
        apart = np.linalg.norm(strangers[:, None] - A, axis=2)
        found = np.sort(np.take_along_axis(apart, graph.indices, axis=1), axis=1)
        np.testing.assert_allclose(found, np.sort(apart, axis=1)[:, :5], rtol=1e-13)

    def test_many_ties_are_searched_twice_and_right(self):
        A = np.random.default_rng(0).integers(2, size=(600, 12)).astype(np.float32)
        graph = nearest_neighbors(A, 15)
        truth, _ = NearestNeighbors(n_neighbors=15, algorithm="kd_tree").fit(A).kneighbors()
        np.testing.assert_allclose(graph.distances, truth, rtol=1e-6)

    @pytest.mark.parametrize("approximate", [False, True])
    def test_in_cells_are_those_of_double_precision_too(self, monkeypatch, approximate):
        A = far_group(2000, 6)
        if approximate:
            monkeypatch.setattr(neighbors, "EXACT_WORK", 1)
            assert recall(nearest_neighbors(A, 15).indices, A, 15) > 0.98
            return
        monkeypatch.setattr(neighbors, "MANY", 1000)
        new = A[::20] + 0.01
        graph = neighbors.NeighborIndex(A, "euclidean", 2).nearest(new, 15, 2)
        assert recall(graph.indices, A, 15, new) > 0.98

    @pytest.mark.parametrize("scale, message", [(6e37, "beyond"), (1e-36, "differ by less")])
    def test_beyond_single_precision_are_refused(self, X, scale, message):
        with pytest.raises(ValueError, match=message):
            nearest_neighbors(X / np.abs(X).max() * scale, 5)
        with pytest.raises(ValueError, match="beyond"):
            nearest_neighbors(X, 5, queries=X[:2] * 1e38)

    @pytest.mark.parametrize("k", [15.0, "15", None, 0, 300])
    def test_an_impossible_number_is_refused(self, X, k):
        with pytest.raises(ValueError, match="n_neighbors"):
            nearest_neighbors(X, k)

    def test_numpy_integers_are_integers(self, X):
        graph = nearest_neighbors(X, np.int64(15), n_jobs=np.int32(1))
        assert graph.indices.shape == (300, 15)

    def test_in_any_layout_are_the_same(self, X):
        graphs = [nearest_neighbors(A, 15) for A in (X, np.asfortranarray(X), X[::-1][::-1])]
        for other in graphs[1:]:
            np.testing.assert_array_equal(graphs[0].indices, other.indices)
            np.testing.assert_array_equal(graphs[0].distances, other.distances)


LAYOUTS = {
    "C": np.ascontiguousarray,
    "F": np.asfortranarray,
    "every other": lambda A: np.repeat(A, 2, axis=1)[:, ::2],
    "backwards": lambda A: A[::-1].copy()[::-1],
    "list": np.ndarray.tolist,
    "read only": lambda A: np.frombuffer(A.tobytes(), A.dtype).reshape(A.shape),
    "single": lambda A: A.astype(np.float32),
}


@settings(max_examples=300)
@given(
    n=st.integers(8, 120),
    features=st.integers(1, 7),
    exponent=st.integers(-30, 30),
    offset=st.sampled_from([0, 1, 1e3, 1e6, 1e9]),
    among=st.sampled_from(["all", "half", "one"]),
    duplicates=st.integers(0, 6),
    constant=st.booleans(),
    layout=st.sampled_from(list(LAYOUTS)),
    d=st.integers(1, 3),
    map_exponent=st.integers(-12, 4),
    seed=st.integers(0, 9),
)
def test_neighbors_and_gradient_are_right_whatever_the_numbers(
    n, features, exponent, offset, among, duplicates, constant, layout, d, map_exponent, seed
):
    random = np.random.default_rng(seed)
    X = random.normal(size=(n, features))
    offset = min(offset, 10.0 ** (36 - exponent))  # float32 holds no more
    X[{"all": slice(None), "half": slice(n // 2), "one": slice(1)}[among]] += offset
    X[:duplicates] = X[-1]
    if constant:
        X[:, 0] = offset
    if not np.ptp(X):
        X[0] = 1
    rows = LAYOUTS[layout](X * 10.0**exponent)
    truth = np.asarray(rows, dtype=np.float64)
    k = min(7, n - 1)
    graph = nearest_neighbors(rows, k)
    found = np.linalg.norm(truth[:, None] - truth[graph.indices], axis=2)
    nearest, _ = KDTree(truth).query(truth, k + 1)
    farthest = nearest[:, -1:]
    assert (np.abs(found - nearest[:, 1:]) <= 2e-5 * farthest).all()
    assert (np.abs(graph.distances - found) <= 2e-5 * farthest).all()
    assert (graph.indices != np.arange(n)[:, None]).all()

    scale = 10.0**map_exponent
    start = random.normal(scale=scale, size=(n, d)).astype(np.float32)
    with Pool(1) as pool:
        affinities = perplexity_affinities(graph, 2.5, pool)
        descent = Descent(affinities, start, 0.8, pool)
        expected = -0.81 * definitions.gradient(affinities, start)  # 0.81: the first gain
        similarity, push = definitions.field(start, start)
        repulsion = np.linalg.norm(0.81 * push / (similarity.sum() - n))
        rate = min(scale, 1) / np.linalg.norm(expected, axis=1).max()
        descent.step(Phase("", 1, exaggeration=1, learning_rate=rate, momentum=0))
        moved = descent.embedding() - (start - start.mean(axis=0, dtype=np.float64))
        error = np.linalg.norm(moved / rate - expected)
        assert error < 0.02 * max(repulsion, np.linalg.norm(expected))
        exact = definitions.divergence(affinities, descent.embedding())
        assert descent.kl_divergence() == pytest.approx(exact, rel=1e-4, abs=2e-5)


class TestOwnPlaces:
    @pytest.mark.parametrize("metric", ["euclidean", "cosine", "manhattan"])
    def test_known_rows_are_put_in_them(self, X, metric):
        tsne = TSNE(metric=metric, **SHORT).fit(X)
        np.testing.assert_array_equal(tsne.transform(X), tsne.embedding_)

    @pytest.mark.parametrize("A", [far_group(), one_wild_value(1e9)], ids=["far", "wild"])
    def test_known_rows_far_from_others_too(self, A):
        tsne = TSNE(**SHORT).fit(A)
        np.testing.assert_array_equal(tsne.transform(A), tsne.embedding_)

    def test_of_many_in_one_direction_each_finds_its_own(self):
        A = np.random.default_rng(0).normal(size=(60, 3))
        A[:40] = A[0] * np.arange(1, 41)[:, None]
        tsne = TSNE(perplexity=5, metric="cosine", **SHORT).fit(A)
        np.testing.assert_array_equal(tsne.transform(A), tsne.embedding_)

    def test_of_duplicates_it_is_that_of_the_first(self, X):
        A = np.vstack([X[:50], X[:50], -0.0 * X[:1]])
        tsne = TSNE(perplexity=5, **SHORT).fit(A)
        expected = tsne.embedding_[[*range(50), *range(50), 100]]
        np.testing.assert_array_equal(tsne.transform(np.vstack([A[:100], 0 * X[:1]])), expected)

    def test_they_stay_when_the_caller_changes_the_map_or_the_rows(self, X):
        rows = X.copy()
        tsne = TSNE(**SHORT)
        Y = tsne.fit_transform(rows)
        before = tsne.transform(X + 0.1), tsne.transform(X)
        Y -= Y.min(axis=0)
        rows /= 255
        np.testing.assert_array_equal(tsne.transform(X + 0.1), before[0])
        np.testing.assert_array_equal(tsne.transform(X), before[1])


class TestStarts:
    def test_far_from_the_origin_are_as_good_as_at_it(self, X, P):
        near = TSNE(init=1e-6 * P[:, :2], **SHORT).fit(X)
        far = TSNE(init=1e6 + 1e-6 * P[:, :2], **SHORT).fit(X)
        assert far.kl_divergence_ == pytest.approx(near.kl_divergence_, abs=0.1)
        assert np.ptp(far.embedding_, axis=0).min() > 1

    @pytest.mark.parametrize(
        "make, message",
        [
            (lambda P: P[:, 2:4] * 1e20, "reaches .* scale it"),
            (lambda P: P[:, :2] * 1e6, "reaches .* scale it"),
            (lambda P: P[:, :2] * 1e300, "reaches .* scale it"),
            (lambda P: np.zeros((300, 2)), "coincide"),
            (lambda P: np.full((300, 2), 1e9), "coincide"),
            (lambda P: P[:, :2] * 1e-30, "coincide"),
            (lambda P: np.full((300, 2), np.nan), "finite"),
        ],
    )
    def test_that_lead_nowhere_are_refused(self, X, P, make, message):
        with pytest.raises(ValueError, match=message):
            TSNE(init=make(P), **SHORT).fit(X)

    @pytest.mark.parametrize("scale", [1e-15, 1e-4, 1, 1e3, 2e4])
    def test_in_between_lead_to_a_map(self, X, P, scale):
        tsne = TSNE(init=P[:, :2] * scale, **SHORT).fit(X)
        assert np.isfinite(tsne.embedding_).all()
        assert tsne.kl_divergence_ == pytest.approx(
            definitions.divergence(tsne.affinities_, tsne.embedding_), rel=1e-3
        )


class TestKernels:
    @pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e25])
    def test_never_see_a_value_that_is_not_finite(self, pool, bad):
        points = np.random.default_rng(0).normal(size=(2, 100)).astype(np.float32)
        broken = points.copy()
        broken[1, 7] = bad
        with pytest.raises(ValueError, match="finite and below"):
            Tree(broken, pool)
        with pytest.raises(ValueError, match="finite and below"):
            Repulsion(points, 0.8, pool).update(broken)

    @pytest.mark.parametrize(
        "extreme",
        [
            {"learning_rate": 1e8, "early_exaggeration": 1e4, "exaggeration": 1e4},
            {"learning_rate": 1e-6},
            {"early_exaggeration": 1e-4, "exaggeration": 1e-4},
        ],
    )
    @pytest.mark.parametrize("d", [1, 2, 3])
    def test_stand_the_most_extreme_parameters(self, X, extreme, d):
        tsne = TSNE(d, **extreme, **SHORT).fit(X)
        assert np.isfinite(tsne.embedding_).all()
        assert np.isfinite(tsne.kl_divergence_)

    @pytest.mark.parametrize("d", [1, 2, 3])
    @pytest.mark.parametrize("scale", [1e3, 1e6, 1e12])
    def test_see_points_that_are_very_far_from_each_other(self, pool, d, scale):
        points = np.random.default_rng(0).normal(scale=scale, size=(300, d)).astype(np.float32)
        points[0] = points[1]  # together they are not faint
        repulsion = Repulsion(np.ascontiguousarray(points.T), 0.8, pool)
        repulsion.update(np.ascontiguousarray(points.T))
        apart = np.linalg.norm(points[:, None].astype(float) - points, axis=2)
        q = 1 / (1 + apart**2)
        np.fill_diagonal(q, 0)
        np.testing.assert_allclose(repulsion.similarity, q.sum(axis=1), rtol=0.02)


class TestForeignGraphs:
    def test_points_are_dropped_from_among_their_own_neighbors(self, X):
        distances, indices = NearestNeighbors(n_neighbors=91).fit(X).kneighbors(X)
        assert (indices[:, 0] == np.arange(300)).all()
        foreign = TSNE(**SHORT).fit(X, neighbors=NeighborGraph(indices, distances))
        ours = TSNE(**SHORT).fit(X)
        assert abs(foreign.affinities_ - ours.affinities_).max() < 1e-9
        assert 0 < foreign.kl_divergence_ < ours.kl_divergence_ + 0.1

    def test_with_points_among_their_own_neighbors_are_one_short(self, X):
        distances, indices = NearestNeighbors(n_neighbors=90).fit(X).kneighbors(X)
        with pytest.raises(ValueError, match="has 89 neighbours a point and 90 are needed"):
            TSNE().fit(X, neighbors=NeighborGraph(indices, distances))

    @pytest.mark.parametrize("given", [([[1], [0]], [[1.0], [1.0]]), "graph", 3])
    def test_of_another_type_are_refused(self, X, given):
        with pytest.raises(ValueError, match="must be a NeighborGraph"):
            TSNE().fit(X, neighbors=given)

    @pytest.mark.parametrize(
        "indices, distances, message",
        [
            ([[1, 2]], [[1.0]], "one shape"),
            ([1, 2], [1.0, 2.0], "one shape"),
            (np.empty((0, 2), int), np.empty((0, 2)), "one shape"),
            ([[1.0, 2.0]], [[1.0, 2.0]], "must be integers"),
            ([[1, 2]], [["a", "b"]], "their distances numbers"),
            ([[-1, 2]], [[1.0, 2.0]], "negative"),
            ([[1, 2**31]], [[1.0, 2.0]], "too large"),
            ([[1, 2]], [[1.0, np.inf]], "finite"),
            ([[1, 2]], [[1.0, np.nan]], "finite"),
            ([[1, 2]], [[1.0, 1e39]], "finite"),
            ([[1, 2]], [[-1.0, 2.0]], "not negative"),
            ([[1, 2]], [[2.0, 1.0]], "nearest first"),
        ],
    )
    def test_that_are_none_are_refused(self, indices, distances, message):
        with pytest.raises(ValueError, match=message):
            NeighborGraph(np.array(indices), np.array(distances))

    def test_that_name_a_point_twice_are_refused(self):
        graph = NeighborGraph(np.array([[0, 0], [0, 2], [0, 1]]), np.ones((3, 2)))
        with pytest.raises(ValueError, match="more than once"):
            TSNE(n_neighbors=1).fit(np.arange(6).reshape(3, 2), neighbors=graph)


class TestMetrics:
    @pytest.mark.parametrize("row", [0, 123])
    def test_a_row_without_distances_is_named(self, X, row):
        A = X.copy()
        A[row] = 7
        with pytest.raises(ValueError, match=f"Row {row} of X has no distance"):
            TSNE(metric="correlation").fit(A)
        tsne = TSNE(metric="correlation", **SHORT).fit(X)
        with pytest.raises(ValueError, match=f"Row {row} of queries has no distance"):
            tsne.transform(A)

    def test_a_row_without_distances_is_named_even_if_it_is_last_of_all(self):
        A = np.random.default_rng(0).normal(size=(5, 4))
        A[3] = 1
        with pytest.raises(ValueError, match="Row 3 of X"):
            nearest_neighbors(A, 5, queries=A[:2], metric="correlation")

    def test_correlated_rows_are_at_no_negative_distance(self, X):
        graph = nearest_neighbors(np.vstack([X, 2 * X + 1]), 3, metric="correlation")
        assert (graph.distances >= 0).all()


class TestThreads:
    def test_limits_are_restored_when_fits_overlap(self, X):
        def blas():
            return {lib["num_threads"] for lib in threadpool_info() if lib["user_api"] == "blas"}

        with threadpool_limits(3, "blas"):
            with ThreadPoolExecutor(4) as threads:
                list(threads.map(lambda _: TSNE(**SHORT).fit(X), range(4)))
            assert blas() == {3}

    def test_the_limit_lasts_until_the_last_asker_leaves(self):
        def blas():
            return {lib["num_threads"] for lib in threadpool_info() if lib["user_api"] == "blas"}

        with threadpool_limits(3, "blas"):
            first, second = one_thread("blas"), one_thread()
            first.__enter__()
            second.__enter__()
            first.__exit__(None, None, None)
            assert blas() == {1}
            second.__exit__(None, None, None)
            assert blas() == {3}


@pytest.mark.slow
def test_works_where_nothing_can_be_written(tmp_path):
    """Files stand where Numba would make its folders."""
    source = Path(numba_tsne.__file__).parent
    copy = tmp_path / "numba_tsne"  # alone: it needs nothing of the packages beside it
    shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "__pycache__").write_text("a file")
    code = (
        "import numpy as np; from numba_tsne import nearest_neighbors as search; "
        "print(search(np.eye(6), 2).distances.max().round(3))"
    )
    variables = {"HOME": "/dev/null", "PYTHONPATH": str(tmp_path), "PATH": os.environ["PATH"]}
    done = subprocess.run(
        [sys.executable, "-c", code], env=variables, cwd=tmp_path, capture_output=True, text=True
    )
    assert done.stdout == "1.414\n", done.stderr
    assert done.stderr.count("\n") == 1
    assert "NUMBA_CACHE_DIR" in done.stderr


@pytest.mark.parametrize("init", ["pca", "random"])
@pytest.mark.parametrize(("n", "d", "n_components"), [(1000, 5, 2), (1000, 5, 3), (3000, 10, 2)])
def test_points_without_clusters_do_not_fall_into_one(n, d, n_components, init):
    """Early exaggeration drew them together until single precision could not tell them apart."""
    X = np.random.default_rng(0).normal(size=(n, d))
    tsne = TSNE(n_components, init=init, n_iter=200, random_state=0)
    embedding = tsne.fit_transform(X)
    assert len(np.unique(embedding, axis=0)) == n
    spread = embedding.std(axis=0)
    assert spread.min() > 0.5 * spread.max()
    assert nearest_neighbors(embedding, 10).indices.shape == (n, 10)


def test_a_map_that_collapses_to_the_end_says_so():
    X = np.random.default_rng(0).normal(size=(1000, 5))
    with pytest.warns(ConvergenceWarning, match="has collapsed: exaggeration=10 draws"):
        TSNE(exaggeration=10, n_iter=200, random_state=0).fit(X)


@pytest.mark.parametrize("width", [1e-4, 1e4])
def test_a_wide_start_and_a_run_that_is_stopped_are_no_collapse(recwarn, width):
    X = np.random.default_rng(0).normal(size=(300, 5))
    TSNE(init=width * X[:, :2], n_iter=300, random_state=0).fit(X)
    TSNE(n_iter=100, callback=lambda progress: progress.iteration == 40, random_state=0).fit(X)
    assert not [each for each in recwarn if issubclass(each.category, ConvergenceWarning)]
