import io
import itertools
import pickle
import sys

import definitions
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.manifold import TSNE as SklearnTSNE  # noqa: N811
from sklearn.manifold import trustworthiness
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from numba_tsne import TSNE, NeighborGraph, nearest_neighbors

SHORT = {"early_exaggeration_iter": 30, "n_iter": 40, "random_state": 0}


@pytest.mark.slow
@parametrize_with_checks([TSNE(perplexity=2, early_exaggeration_iter=10, n_iter=20)])
def test_follows_scikit_learns_conventions(estimator, check):
    check(estimator)


def neighbor_accuracy(X, y):
    neighbors = KNeighborsClassifier(10).fit(X, y).kneighbors(return_distance=False)
    return np.mean(
        [np.bincount(row).argmax() == label for row, label in zip(y[neighbors], y, strict=True)]
    )


@pytest.mark.parametrize("d", [1, 2, 3])
@pytest.mark.parametrize("graph", [{"perplexity": 30}, {"n_neighbors": 15}])
def test_neighbors_stay_neighbors(iris, small_digits, d, graph):
    for X, y in (iris, small_digits):
        before = neighbor_accuracy(X, y)
        after = neighbor_accuracy(TSNE(d, random_state=0, **graph).fit_transform(X), y)
        assert after > before - (0.15 if d == 1 else 0.02)  # on a line, islands cross each other


@pytest.mark.slow
@pytest.mark.parametrize("d", [2, 3])
def test_is_as_good_as_scikit_learns_exact_method(small_digits, d):
    X = small_digits[0][:400]
    ours = TSNE(d, random_state=0).fit(X)
    theirs = SklearnTSNE(d, method="exact", init="pca", random_state=0, max_iter=750).fit(X)
    # The exact method keeps the affinities of all pairs; ours serve as the common measure.
    divergence = definitions.divergence(ours.affinities_, theirs.embedding_)
    assert ours.kl_divergence_ < divergence + 0.01
    quality = trustworthiness(X, ours.embedding_, n_neighbors=10)
    assert quality > trustworthiness(X, theirs.embedding_, n_neighbors=10) - 0.005


@pytest.mark.parametrize("d", [1, 2, 3])
def test_bits_depend_on_seed_and_data_alone(small_digits, d):
    X = small_digits[0]
    fits = [TSNE(d, n_jobs=jobs, **SHORT).fit(X) for jobs in (1, 2, 1)]
    for other in fits[1:]:
        np.testing.assert_array_equal(fits[0].embedding_, other.embedding_)
        assert fits[0].kl_divergence_ == other.kl_divergence_
    different = TSNE(d, init="random", **{**SHORT, "random_state": 1}).fit(X)
    assert not np.array_equal(fits[0].embedding_, different.embedding_)


def test_learned_attributes(iris):
    tsne = TSNE(3, **SHORT).fit(iris[0])
    assert tsne.embedding_.shape == (150, 3)
    assert tsne.embedding_.dtype == np.float32
    np.testing.assert_allclose(tsne.embedding_.mean(axis=0), 0, atol=1e-5)
    assert tsne.n_iter_ == 70
    assert tsne.affinities_.shape == (150, 150)
    assert np.isfinite(tsne.kl_divergence_)
    assert list(tsne.get_feature_names_out()) == ["tsne0", "tsne1", "tsne2"]


def test_clones_and_pickles(iris):
    tsne = TSNE(**SHORT).fit(iris[0])
    copy = pickle.loads(pickle.dumps(tsne))
    np.testing.assert_array_equal(copy.transform(iris[0] + 0.01), tsne.transform(iris[0] + 0.01))
    np.testing.assert_array_equal(clone(tsne).fit_transform(iris[0]), tsne.embedding_)


def test_works_in_a_pipeline(iris):
    graph = nearest_neighbors(StandardScaler().fit_transform(iris[0]), 90)
    pipeline = make_pipeline(StandardScaler(), TSNE(**SHORT))
    shared = pipeline.fit_transform(iris[0], tsne__neighbors=graph)
    np.testing.assert_array_equal(shared, pipeline.fit_transform(iris[0]))


class TestSharedNeighbors:
    def test_one_graph_serves_all(self, small_digits):
        X = small_digits[0]
        graph = nearest_neighbors(X, 90)
        for parameters in ({}, {"n_components": 3}, {"n_neighbors": 15}, {"exaggeration": 2.5}):
            tsne = TSNE(**parameters, **SHORT)
            alone = tsne.fit_transform(X)
            np.testing.assert_array_equal(tsne.fit_transform(X, neighbors=graph), alone)
            assert tsne.transform(X[:5] + 0.5).shape == (5, tsne.n_components)

    def test_refuses_those_of_other_points(self, iris):
        graph = nearest_neighbors(iris[0][:100], 90)
        with pytest.raises(ValueError, match="those of 100 points and X has 150"):
            TSNE().fit(iris[0], neighbors=graph)

    def test_refuses_too_few(self, iris):
        graph = nearest_neighbors(iris[0], 20)
        with pytest.raises(ValueError, match="90 are needed"):
            TSNE().fit(iris[0], neighbors=graph)

    def test_refuses_indices_of_no_point(self, iris):
        graph = nearest_neighbors(iris[0], 90)
        graph = NeighborGraph(graph.indices + 1, graph.distances)
        with pytest.raises(ValueError, match="between 0 and 149"):
            TSNE().fit(iris[0], neighbors=graph)


class TestCallback:
    def test_sees_every_iteration(self, iris):
        seen = []
        TSNE(callback=seen.append, **SHORT).fit(iris[0])
        assert [progress.iteration for progress in seen] == list(range(1, 71))
        assert {progress.n_iter for progress in seen} == {70}
        assert [progress.phase for progress in seen] == (
            ["early exaggeration"] * 30 + ["optimization"] * 40
        )

    def test_sees_the_map_in_the_order_of_the_data(self, iris):
        maps = []

        def look(progress):
            maps.append((progress.embedding(), progress.kl_divergence()))

        tsne = TSNE(callback=look, **SHORT).fit(iris[0])
        embedding, divergence = maps[-1]
        np.testing.assert_array_equal(embedding, tsne.embedding_)
        assert divergence == tsne.kl_divergence_
        for sooner, later in itertools.pairwise(maps):
            moved = np.linalg.norm(later[0] - sooner[0], axis=1)
            assert moved.max() <= 5.1  # the longest step, and a little for centring

    def test_looking_does_not_change_the_map(self, iris):
        unseen = TSNE(**SHORT).fit(iris[0])
        seen = TSNE(callback=lambda progress: progress.kl_divergence(), **SHORT).fit(iris[0])
        np.testing.assert_array_equal(seen.embedding_, unseen.embedding_)

    def test_an_interrupted_first_fit_leaves_nothing(self, iris):
        tsne = TSNE(callback=interrupt_at(45), **SHORT)
        with pytest.raises(KeyboardInterrupt):
            tsne.fit(iris[0])
        assert not [name for name in vars(tsne) if name.endswith("_")]

    def test_an_interrupted_second_fit_leaves_the_first(self, iris):
        tsne = TSNE(**SHORT).fit(iris[0])
        before = pickle.dumps(tsne)
        tsne.set_params(callback=interrupt_at(45))
        with pytest.raises(KeyboardInterrupt):
            tsne.fit(iris[0][:100, :3])
        assert pickle.dumps(tsne.set_params(callback=None)) == before

    def test_verbose_says_nothing_where_nobody_looks_and_still_calls(self, iris, capfd):
        seen = []
        TSNE(verbose=True, callback=seen.append, **SHORT).fit(iris[0])
        assert capfd.readouterr() == ("", "")
        assert len(seen) == 70

    def test_verbose_shows_a_bar_on_a_terminal(self, iris, monkeypatch):
        terminal = io.StringIO()
        terminal.isatty = lambda: True
        monkeypatch.setattr(sys, "stderr", terminal)
        seen = []
        TSNE(verbose=True, callback=seen.append, **SHORT).fit(iris[0])
        assert "70/70" in terminal.getvalue()
        assert "optimization" in terminal.getvalue()
        assert "divergence=" in terminal.getvalue()
        assert len(seen) == 70

    @pytest.mark.parametrize("said", [True, np.True_])
    def test_can_stop_a_run(self, iris, said):
        maps = []

        def stop(progress):
            maps.append(progress.embedding())
            return said if progress.iteration == 33 else progress.iteration

        tsne = TSNE(callback=stop, **SHORT).fit(iris[0])
        assert tsne.n_iter_ == len(maps) == 33
        np.testing.assert_array_equal(tsne.embedding_, maps[-1])

    def test_an_interrupted_fit_keeps_its_map_where_asked(self, iris):
        tsne = TSNE(callback=interrupt_at(45), keep_interrupted=True, **SHORT)
        with pytest.raises(KeyboardInterrupt):
            tsne.fit(iris[0])
        assert tsne.n_iter_ == 45
        stopped = TSNE(callback=lambda progress: progress.iteration == 45, **SHORT).fit(iris[0])
        np.testing.assert_array_equal(tsne.embedding_, stopped.embedding_)
        assert tsne.kl_divergence_ == stopped.kl_divergence_
        assert tsne.transform(iris[0][:3] + 0.1).shape == (3, 2)


def interrupt_at(iteration):
    def callback(progress):
        if progress.iteration == iteration:
            raise KeyboardInterrupt

    return callback


class TestDegenerateData:
    @settings(deadline=None, max_examples=25)
    @given(
        n=st.integers(2, 60),
        features=st.integers(1, 5),
        d=st.integers(1, 3),
        levels=st.integers(2, 9),
        seed=st.integers(0, 9),
        data=st.data(),
    )
    def test_any_small_shape_gives_a_finite_map(self, n, features, d, levels, seed, data):
        X = np.random.default_rng(seed).integers(levels, size=(n, features)).astype(float)
        X[0] += 1  # not all equal
        X[1] -= 1
        perplexity = data.draw(st.floats(1, n - 1))
        tsne = TSNE(d, perplexity=perplexity, **SHORT).fit(X)
        assert tsne.embedding_.shape == (n, d)
        assert np.isfinite(tsne.embedding_).all()
        assert np.isfinite(tsne.kl_divergence_)

    def test_many_duplicates(self, random):
        X = np.repeat(random.normal(size=(10, 4)), 40, axis=0)
        embedding = TSNE(perplexity=10, random_state=0).fit_transform(X)
        assert np.isfinite(embedding).all()
        assert neighbor_accuracy(embedding, np.repeat(np.arange(10), 40)) > 0.95

    def test_one_cluster_far_away(self, random):
        X = random.normal(size=(300, 4))
        X[:100] += 1e6
        embedding = TSNE(random_state=0).fit_transform(X)
        assert np.isfinite(embedding).all()
        assert neighbor_accuracy(embedding, np.repeat([0, 1, 1], 100)) == 1

    def test_a_single_feature(self, random):
        X = random.normal(size=(200, 1))
        assert trustworthiness(X, TSNE(random_state=0).fit_transform(X)) > 0.95

    def test_perplexity_above_a_third_of_the_points(self, random):
        X = random.normal(size=(40, 3))
        assert np.isfinite(TSNE(perplexity=39, **SHORT).fit_transform(X)).all()

    def test_huge_and_tiny_values(self, iris):
        for scale in (1e30, 1e-30):
            embedding = TSNE(random_state=0).fit_transform(iris[0] * scale)
            assert trustworthiness(iris[0], embedding) > 0.97


@pytest.mark.parametrize(
    "parameters, message",
    [
        ({"n_components": 0}, r"'n_components' .* int in the range \[1, 3\]. Got 0"),
        ({"n_components": 4}, r"'n_components' .* int in the range \[1, 3\]. Got 4"),
        ({"n_components": 2.0}, r"'n_components' .* int in the range \[1, 3\]. Got 2.0"),
        ({"perplexity": 150}, "perplexity=150 must be between 1 and n_samples - 1 = 149"),
        ({"perplexity": 0.5}, "perplexity=0.5 must be between"),
        ({"perplexity": float("nan")}, "'perplexity' .* float"),
        ({"perplexity": None}, "'perplexity' .* float"),
        ({"n_neighbors": 0}, "'n_neighbors' .* int"),
        ({"n_neighbors": 15.0}, "'n_neighbors' .* int"),
        ({"n_neighbors": 150}, "n_neighbors=150 must be below n_samples=150"),
        ({"exaggeration": 0}, r"'exaggeration' .* in the range \[0.0001, 10000.0\]"),
        ({"early_exaggeration": "12"}, "'early_exaggeration' .* float"),
        ({"early_exaggeration": 1e20}, r"'early_exaggeration' .* \[0.0001, 10000.0\]"),
        ({"learning_rate": -1}, "'learning_rate' .* float"),
        ({"learning_rate": 1e25}, r"'learning_rate' .* in the range \[1e-06, 100000000.0\]"),
        ({"learning_rate": "fast"}, "'learning_rate' .*auto"),
        ({"n_iter": -1}, "'n_iter' .* int"),
        ({"theta": 1.5}, r"'theta' .* in the range \[0.0, 1.0\]"),
        ({"init": "spectral"}, "'init' .*pca"),
        ({"init": np.zeros((3, 2))}, r"of shape \(150, 2\)"),
        ({"init": np.zeros((150, 2))}, "init coincide"),
        ({"init": np.full((150, 2), 7.0)}, "init coincide"),
        ({"metric": "nearby"}, "'metric' .*nearby"),
        ({"n_jobs": 0}, "n_jobs=0"),
        ({"n_jobs": 2.0}, "'n_jobs' .*int"),
        ({"n_jobs": "2"}, "'n_jobs' .*int"),
        ({"callback": 3}, "'callback' .* callable"),
        ({"random_state": "x"}, "'random_state'"),
    ],
)
def test_refuses_what_makes_no_sense(iris, parameters, message):
    with pytest.raises(ValueError, match=message):
        TSNE(**parameters).fit(iris[0])
