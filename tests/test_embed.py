import numpy as np
import pytest
from sklearn.datasets import load_digits as small_digits
from sklearn.neighbors import KNeighborsClassifier

from mnist_clust import embed, scores
from mnist_clust.components import Components
from numba_tsne import NeighborGraph


@pytest.fixture(scope="module")
def rows_and_labels():
    X, y = small_digits(return_X_y=True)
    return Components(20).fit_transform(X[:600].astype(np.float32)), y[:600]


@pytest.fixture(scope="module")
def graph(rows_and_labels):
    return embed.find_neighbors(rows_and_labels[0], 90)


@pytest.mark.parametrize("n_components", [2, 3])
def test_a_map_keeps_what_its_frames_and_measures_say(rows_and_labels, graph, n_components):
    rows, labels = rows_and_labels
    made = embed.make_map(rows, graph, n_components)
    assert made.embedding.shape == (600, n_components)
    assert tuple(made.frames) == embed.FRAMES
    assert np.ptp(made.frames[1]) < 0.01 < np.ptp(made.frames[750])
    there = embed.find_neighbors(made.embedding, 10).indices
    kept = (graph.indices[:, :10, None] == there[:, None]).sum() / there.size
    assert kept > 0.4
    assert scores.neighbor_accuracy(embed.find_neighbors(made.embedding, 10), labels) > 0.9


def test_perplexity_is_lowered_to_what_the_graph_holds(rows_and_labels):
    rows, _ = rows_and_labels
    few = embed.find_neighbors(rows[:20], 300)
    assert few.n_neighbors == 19
    assert np.isfinite(embed.make_map(rows[:20], few, perplexity=100).embedding).all()


@pytest.mark.slow
def test_neighbor_accuracy_is_the_classifiers_without_the_point_itself(rows_and_labels):
    rows, labels = rows_and_labels
    right = 0
    for i in range(0, 600, 6):
        others = np.arange(600) != i
        vote = KNeighborsClassifier(10).fit(rows[others], labels[others]).predict(rows[[i]])
        right += vote[0] == labels[i]
    some = scores.neighbor_vote(embed.find_neighbors(rows, 10), labels)[0][::6] == labels[::6]
    assert some.sum() == pytest.approx(right, abs=1)  # equal distances may be cut elsewhere


def test_votes_count_and_share():
    graph = NeighborGraph(
        np.array([[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]], np.int32),
        np.ones((4, 3), np.float32),
    )
    winners, shares = scores.neighbor_vote(graph, np.array([7, 7, 5, 5]))
    assert winners.tolist() == [5, 5, 7, 7]
    assert shares.tolist() == pytest.approx([2 / 3] * 4)
    winners, shares = scores.neighbor_vote(graph, np.array([7, -1, 5, -1]))
    assert -1 not in winners, "those whom nobody labelled do not vote"


def test_principal_components_are_as_many_as_there_can_be():
    X = np.random.default_rng(0).normal(size=(8, 5)).astype(np.float32)
    assert Components(50).fit_transform(X).shape == (8, 5)
    assert Components(2).fit_transform(X).dtype == np.float32
    apart = np.linalg.norm(X[0] - X[1])
    full = Components(5).fit_transform(X)
    assert np.linalg.norm(full[0] - full[1]) == pytest.approx(apart, rel=1e-5)


def test_rows_without_clusters_spread_like_the_others_and_no_more():
    rows = np.random.default_rng(1).choice([-1.0, 1.0], (20_000, 3)).astype(np.float32) * [1, 2, 5]
    drawn = embed.rows_without_clusters(rows, 20_000)
    np.testing.assert_allclose(drawn.std(axis=0), rows.std(axis=0), rtol=0.03)
    assert np.mean(np.abs(drawn[:, 2]) < 1) > 0.1, "two groups have nothing in between"
    assert len(embed.rows_without_clusters(rows[:7])) == 7


def test_new_points_land_beside_their_kind(rows_and_labels, graph):
    rows, labels = rows_and_labels
    flat = embed.make_map(rows[:500], embed.find_neighbors(rows[:500], 90)).embedding
    places = embed.place_new(rows[:500], flat, rows[500:])
    assert places.shape == (100, 2)
    winners, _ = scores.neighbor_vote(embed.nearest_on_map(flat, places, 5), labels[:500], 5)
    assert np.mean(winners == labels[500:]) > 0.75
