import numpy as np
import pytest
from sklearn.datasets import load_digits as small_digits

from mnist_clust import embed
from mnist_clust.experiments import seeds
from mnist_clust.experiments.seeds import Clustering

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def small():
    digits = small_digits()
    images = (digits.images[:500] * 15).astype(np.uint8)
    return images[:400], images[400:], digits.target[:400], digits.target[400:500]


@pytest.fixture(scope="module")
def flat(small):
    return [part.reshape(len(part), -1).astype(np.float32) / 255 for part in small[:2]]


def test_seeds_differ_and_repeat(flat):
    runs = seeds.repeat_on_pixels(*flat, 10, [0, 1, 0])
    np.testing.assert_array_equal(runs[0].clusters, runs[2].clusters)
    assert (runs[0].clusters != runs[1].clusters).any()
    assert [len(run.new_clusters) for run in runs] == [100] * 3


def test_maps_are_clustered_and_asked_for_other_counts(flat):
    graph = embed.find_neighbors(flat[0], 90)
    (run,) = seeds.repeat_on_map(flat[0], graph, 10, [0], perplexity=20)
    assert run.clusters.max() == 9
    assert 2 <= run.found <= 20
    assert len(run.new_clusters) == 0


def test_the_pipeline_repeats_as_if_fitted_anew(small):
    first, second = seeds.repeat_pipeline(*small[:2], [4, 5])
    (alone,) = seeds.repeat_pipeline(*small[:2], [5])
    np.testing.assert_array_equal(second.clusters, alone.clusters)
    np.testing.assert_array_equal(second.new_clusters, alone.new_clusters)
    assert first.n_clusters == first.found == first.clusters.max() + 1
    table = seeds.accuracies([first, second], *small[2:])
    assert table.train.min() > 0.7, table
    assert table.test.min() > 0.7, table


def test_samples_name_their_members(small):
    (run,) = seeds.repeat_on_samples(*small[:2], [2], size=300)
    assert len(run.members) == len(run.clusters) < 300, "drawn with replacement"
    (again,) = seeds.repeat_pipeline(*small[:2], [2], members=run.members)
    np.testing.assert_array_equal(again.clusters, run.clusters, "the same sample and seed")
    table = seeds.accuracies([run], *small[2:])
    assert table.train[0] > 0.7
    without = seeds.accuracies([run], None, None)
    assert without[["train", "test"]].isna().all(axis=None)


def test_a_summary_has_the_worst_and_the_best():
    runs = [Clustering(np.array(c), np.empty(0, int), 2) for c in ([0, 0, 1], [0, 1, 1])]
    table = seeds.accuracies(runs, np.array([3, 3, 5]), None)
    summary = seeds.summarise({"both": table}, "train").loc["both"]
    assert summary.best == 1
    assert summary.worst == pytest.approx(2 / 3)
    assert summary["mean"] == pytest.approx(5 / 6)
