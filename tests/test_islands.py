import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnist_clust.islands import by_size, find_clusters, find_islands, merge_islands, vote
from numba_tsne import NeighborGraph, nearest_neighbors


def blob(center, n, seed):
    return np.random.default_rng(seed).normal(center, 0.3, (n, 2)).astype(np.float32)


@pytest.fixture
def scene():
    """Two large islands, and a small one beside the first."""
    return np.concatenate([blob((0, 0), 200, 0), blob((30, 0), 200, 1), blob((6, 0), 40, 2)])


def view_from(places, inside, goes_to):
    """Neighbours on the map, but of the small island's five some lie on another one."""
    indices = nearest_neighbors(places, 5).indices.copy()
    indices[400:, inside:] = goes_to + np.arange(40 * (5 - inside)).reshape(40, -1)
    return NeighborGraph(indices, np.ones(indices.shape, np.float32))


def test_islands_are_what_gaps_part(scene):
    islands = find_islands(scene, nearest_neighbors(scene, 5))
    assert len(np.unique(islands)) == 3
    assert all(len(np.unique(islands[part])) == 1 for part in np.split(np.arange(440), [200, 400]))


def test_points_by_themselves_go_where_their_neighbours_are(scene):
    places = np.concatenate([scene, [[200, 200]]]).astype(np.float32)
    indices = nearest_neighbors(places, 5).indices.copy()
    for goes_to, island in ((0, 0), (200, 1)):
        indices[440] = goes_to + np.arange(5)
        graph = NeighborGraph(indices, np.ones(indices.shape, np.float32))
        islands = find_islands(places, graph)
        assert islands[440] == islands[200 * island]


@pytest.mark.parametrize("goes_to", [0, 200])
def test_an_island_that_the_second_view_does_not_know_joins_its_neighbours(scene, goes_to):
    view = view_from(scene, 2, goes_to)
    clusters, table = find_clusters(scene, nearest_neighbors(scene, 5), view)
    assert clusters.max() == 1
    assert set(clusters[400:]) == {clusters[goes_to]}
    assert table["share"].tolist() == [1, 1, 0.4]
    assert (table["joins"] != table.index).tolist() == [False, False, True]


def test_an_island_that_both_views_know_is_a_cluster_however_small(scene):
    view = view_from(scene, 4, 0)
    clusters, _ = find_clusters(scene, nearest_neighbors(scene, 5), view)
    assert np.bincount(clusters).tolist() == [200, 200, 40]


def test_only_links_outwards_count(scene):
    """Though the first island's points all look at the small one, that stays what it is."""
    near = nearest_neighbors(scene, 5)
    indices = near.indices.copy()
    indices[:200, 1:] = 400 + np.arange(4)
    islands = np.repeat([0, 1, 2], [200, 200, 40]).astype(np.int32)
    clusters, table = merge_islands(islands, NeighborGraph(indices, near.distances))
    assert table["joins"].tolist() == [2, 1, 2], "it is the first one that looks elsewhere"
    assert table.loc[0, "share"] == pytest.approx(0.2)
    assert len(np.unique(clusters)) == 2


def test_less_than_a_thousandth_is_no_cluster():
    places = np.concatenate([blob((0, 0), 15_000, 0), blob((90, 0), 12, 1)])
    near = nearest_neighbors(places, 5)
    indices = near.indices.copy()
    indices[15_000:, 4] = np.arange(12)  # a link, so that it has somewhere to go
    clusters, table = find_clusters(places, near, NeighborGraph(indices, near.distances))
    assert len(table) == 2 and clusters.max() == 0


@pytest.mark.parametrize("n_clusters", [1, 2, 3, 4, 9, 440])
def test_as_many_as_asked_for(scene, n_clusters):
    clusters, _ = find_clusters(scene, *[nearest_neighbors(scene, 5)] * 2, n_clusters)
    sizes = np.bincount(clusters)
    assert len(sizes) == n_clusters and (np.diff(sizes) <= 0).all() and sizes.min() > 0
    if n_clusters == 9:  # large ones are divided, and pieces of two islands never mixed
        islands = np.repeat([0, 1, 2], [200, 200, 40])
        assert all(len(np.unique(islands[clusters == c])) == 1 for c in range(9))


@given(st.integers(2, 30), st.integers(1, 3), st.integers(0, 99))
def test_any_few_points_are_no_trouble(n, different, seed):
    rng = np.random.default_rng(seed)
    places = rng.normal(size=(different, 2)).astype(np.float32)[rng.integers(different, size=n)]
    near = nearest_neighbors(places, min(3, n - 1))
    for n_clusters in (None, 1, min(2, n), n):
        clusters, table = find_clusters(places, near, near, n_clusters)
        assert len(clusters) == n and table["size"].sum() == n
        assert n_clusters is None or clusters.max() + 1 == n_clusters


def test_votes_pass_over_those_below_zero():
    winners, shares = vote(np.array([[0, 1, 1], [-1, -1, 2], [2, 0, -1]]), 3)
    assert winners.tolist() == [1, 2, 0]
    assert shares.tolist() == pytest.approx([2 / 3, 1 / 3, 1 / 3])


def test_clusters_are_numbered_by_size_without_gaps():
    codes = by_size(np.array([7, 7, 2, 9, 9, 9]))
    assert codes.tolist() == [1, 1, 2, 0, 0, 0]
    assert pd.Series(codes).dtype == np.int32
