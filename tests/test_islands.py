import numpy as np
import pytest

from mnist_clust.islands import find_islands, rejoin_islands
from numba_tsne import NeighborGraph, nearest_neighbors


def blob(center, n, seed):
    return np.random.default_rng(seed).normal(center, 0.3, (n, 2)).astype(np.float32)


@pytest.fixture
def scene():
    """Two large islands and a small one, which lies beside the first."""
    places = np.concatenate([blob((0, 0), 200, 0), blob((30, 0), 200, 1), blob((6, 0), 40, 2)])
    clusters = np.repeat(np.array([0, 1, 0], np.int32), [200, 200, 40])
    return places, clusters


def graph_to(places, small_goes_to):
    """Neighbours on the map, except that the small island's lie on another."""
    indices = nearest_neighbors(places, 5).indices.copy()
    indices[400:, :3] = small_goes_to + np.arange(120).reshape(40, 3)
    return NeighborGraph(indices, np.ones(indices.shape, np.float32))


def test_islands_are_the_pieces_of_each_cluster_that_touch(scene):
    islands = find_islands(*scene)
    assert len(np.unique(islands)) == 3
    assert all(len(np.unique(islands[part])) == 1 for part in np.split(np.arange(440), [200, 400]))
    one = find_islands(scene[0], np.zeros(440, np.int32))
    assert len(np.unique(one)) == 3, "gaps part, whatever the clusters are"


@pytest.mark.parametrize(("goes_to", "cluster"), [(0, 0), (200, 1)])
def test_a_small_island_goes_where_its_neighbours_are(scene, goes_to, cluster):
    places, clusters = scene
    joined = rejoin_islands(places, clusters, graph_to(places, goes_to))
    np.testing.assert_array_equal(joined[:400], clusters[:400])
    assert set(joined[400:]) == {cluster}


def test_an_island_without_links_stays(scene):
    places, clusters = scene
    alone = nearest_neighbors(places, 5)
    np.testing.assert_array_equal(rejoin_islands(places, clusters, alone), clusters)


def test_few_points_and_one_cluster_are_no_trouble():
    places = blob((0, 0), 3, 0)
    graph = nearest_neighbors(places, 1)
    for clusters in ([0, 0, 0], [0, 1, 2]):
        given = np.array(clusters, np.int32)
        np.testing.assert_array_equal(rejoin_islands(places, given, graph), given)
