import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from numba_tsne._parallel import Pool
from numba_tsne.tree import MASS, SPAN, SPREAD, Tree


def members(tree, node):
    level = node.bit_length() - 1
    n = len(tree.order)
    i = node - (1 << level)
    return tree.points[:, (i * n) >> level : ((i + 1) * n) >> level]


@settings(deadline=None, max_examples=40)
@given(
    n=st.integers(1, 300), d=st.integers(1, 3), levels=st.integers(1, 40), seed=st.integers(0, 9)
)
def test_nodes_describe_their_points(n, d, levels, seed):
    points = np.random.default_rng(seed).integers(levels, size=(d, n)).astype(np.float32)
    with Pool(2) as pool:
        tree = Tree(points, pool)
        np.testing.assert_array_equal(np.sort(tree.order), np.arange(n))
        np.testing.assert_array_equal(tree.points, points[:, tree.order])
        check_nodes(tree)
        moved = points * 1.5 + np.float32(1)
        tree.move(moved)
        np.testing.assert_array_equal(tree.points, moved[:, tree.order])
        check_nodes(tree)


def check_nodes(tree):
    d = len(tree.points)
    for node in range(1, 2 << tree.depth):
        run = members(tree, node)
        centre = run.mean(axis=1)
        span = ((run.max(axis=1) - run.min(axis=1)) ** 2).sum()
        spread = ((run - centre[:, None]) ** 2).sum() / d
        np.testing.assert_allclose(tree.nodes[node, :d], centre, rtol=1e-4, atol=1e-4)
        assert tree.nodes[node, MASS] == run.shape[1]
        np.testing.assert_allclose(tree.nodes[node, SPAN], span, rtol=1e-4)
        np.testing.assert_allclose(tree.nodes[node, SPREAD], spread, rtol=1e-3, atol=1e-3)
        np.testing.assert_array_equal(tree.lower[node, :d], run.min(axis=1))
        np.testing.assert_array_equal(tree.upper[node, :d], run.max(axis=1))


@pytest.mark.parametrize("n", [1000, 4097])
def test_halves_are_separated_along_the_widest_axis(random, pool, n):
    tree = Tree(random.normal(size=(3, n)).astype(np.float32), pool)
    for node in range(1, 1 << tree.depth):
        run = members(tree, node)
        axis = np.argmax(run.max(axis=1) - run.min(axis=1))
        assert members(tree, 2 * node)[axis].max() <= members(tree, 2 * node + 1)[axis].min()
