import numpy as np

from mnist_clust.experiments import seeds
from numba_tsne import TSNE, nearest_neighbors


def test_runs_come_back_in_the_order_of_their_seeds():
    assert seeds.repeat(lambda seed: seed**2, range(5)) == [0, 1, 4, 9, 16]


def test_a_map_is_the_estimators_own_and_leaves_it_unfitted():
    rows = np.random.default_rng(0).normal(size=(60, 5)).astype(np.float32)
    near = nearest_neighbors(rows, 15)
    tsne = TSNE(n_neighbors=15, n_iter=20, init="random", random_state=3)
    places = seeds.fit_map(tsne, rows, near)
    assert not hasattr(tsne, "embedding_")
    np.testing.assert_array_equal(places, tsne.fit_transform(rows, neighbors=near))
    other = seeds.fit_map(tsne.set_params(random_state=4), rows, near)
    assert (other != places).any()
