"""On real digits, against the other libraries; runs where MNIST is at hand."""

import json

import numpy as np
import pytest
from score_others import POINTS, components, quality

from mnist_clust._parallel import Pool
from mnist_clust.cache import project_root
from mnist_clust.tsne import TSNE, nearest_neighbors
from mnist_clust.tsne.cells import approximate_neighbors
from mnist_clust.tsne.neighbors import NewcomerSearch

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def digits(full_mnist):
    return *components(full_mnist), full_mnist.train_labels, full_mnist.test_labels


@pytest.fixture(scope="module")
def our_quality(digits):
    X = digits[0][:POINTS]
    return quality(X, TSNE(random_state=0).fit_transform(X))


@pytest.fixture(scope="module")
def stored(full_mnist):
    """What `make bench` measured of the others, on these same digits."""
    path = project_root() / "results" / "other_engines.json"
    stored = json.loads(path.read_text("utf-8"))
    assert (stored["digest"], stored["points"]) == (full_mnist.digest, POINTS)
    return stored["scores"]


def test_keeps_neighbors_as_well_as_opentsne(our_quality, stored):
    check(our_quality, stored["openTSNE"])


def test_keeps_neighbors_as_well_as_scikit_learn(our_quality, stored):
    check(our_quality, stored["scikit-learn"])


def check(ours, theirs):
    """No lower, to the third decimal, which is what seeds change."""
    assert ours["recall"] > theirs["recall"] - 0.002, (ours, theirs)
    assert ours["trustworthiness"] > theirs["trustworthiness"] - 0.001, (ours, theirs)


def label_votes(embedding, labels, places=None):
    near = nearest_neighbors(embedding, 10, queries=places).indices
    return np.array([np.bincount(row, minlength=10).argmax() for row in labels[near]])


def test_new_digits_find_their_kind_as_well_as_known_ones(digits):
    train, test, train_labels, test_labels = digits
    graph = nearest_neighbors(train, 90)
    behind = []
    for seed in range(3):  # maps differ by half a thousandth, and so close is the limit
        tsne = TSNE(random_state=seed).fit(train, neighbors=graph)
        known = (label_votes(tsne.embedding_, train_labels) == train_labels).mean()
        places = tsne.transform(test)
        new = (label_votes(tsne.embedding_, train_labels, places) == test_labels).mean()
        behind.append(known - new)
        assert tsne.kl_divergence_ < 2.72
    assert np.mean(behind) < 0.005, f"new digits are {behind} behind known ones"


def test_approximate_neighbors_of_digits(digits):
    train = digits[0][:20_000]
    exact = nearest_neighbors(train, 90)
    with Pool() as pool:
        graph = approximate_neighbors(train, 90, pool)
    pairs = zip(exact.indices, graph.indices, strict=True)
    assert sum(len(np.intersect1d(a, b)) for a, b in pairs) > 0.98 * exact.indices.size


def test_newcomers_find_nearly_all_of_their_neighbors(digits):
    train, test = digits[:2]
    exact = nearest_neighbors(train, 10, queries=test)
    graph = NewcomerSearch(train, "euclidean", None).nearest(test, 10, None)
    pairs = zip(exact.indices, graph.indices, strict=True)
    assert sum(len(np.intersect1d(a, b)) for a, b in pairs) > 0.98 * exact.indices.size
