"""What the explorer shows is what the package computes."""

import threading

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score, silhouette_score

from mnist_clust import load_digits, scores
from mnist_clust.data import UNLABELLED
from mnist_clust.embed import pixel_components, sharp_map
from mnist_clust.pipeline import ImageClusterer
from mnist_explorer import results
from mnist_explorer.results import PIXELS, PLAIN, SHARP, Atlas, Clustering


def quiet(step, share):
    assert step
    assert 0 <= share <= 1


@pytest.fixture(scope="module")
def atlas(files):
    return Atlas(load_digits(files / "labelled.npz"))


@pytest.mark.parametrize("kind", results.KINDS)
@pytest.mark.parametrize("dimensions", [2, 3])
def test_every_map_is_clustered_better_than_by_chance(atlas, kind, dimensions):
    found = atlas.clustering(kind, dimensions, 10, quiet)
    labels = atlas.digits.train_labels
    assert found.embedding.shape == (len(labels), dimensions)
    assert adjusted_rand_score(labels, found.clusters) > 0.25
    assert (np.diff(found.sizes) <= 0).all(), "A is the largest"
    assert found.sizes.sum() == len(labels)


def test_raw_pixels_are_shown_on_the_plain_map(atlas):
    assert atlas.embedding(PIXELS, 2, quiet) is atlas.embedding(PLAIN, 2, quiet)
    assert atlas.embedding(SHARP, 2, quiet) is not atlas.embedding(PLAIN, 2, quiet)


def test_scores_are_those_of_the_package(atlas):
    found = atlas.clustering(PLAIN, 2, 10, quiet)
    labels = atlas.digits.train_labels
    known = scores.score_clustering((labels, found.clusters), (None, found.clusters), 10).train
    assert {name: found.metrics[name] for name in known.index} == dict(known)
    assert found.metrics["silhouette"] == pytest.approx(
        silhouette_score(found.embedding, found.clusters), abs=1e-3
    )
    assert found.right.mean() == pytest.approx(known["accuracy, by majority"])
    assert len(found.mistakes) == (~found.right).sum()
    assert (found.mistakes.label != found.mistakes.named).all()
    assert found.mistakes.margin.is_monotonic_decreasing
    assert found.confusion.to_numpy().trace() == found.right.sum()


def test_what_was_made_is_not_made_again(atlas, monkeypatch):
    first = atlas.clustering(PLAIN, 2, 7, quiet)
    monkeypatch.setattr(results, "fit", lambda *_, **__: pytest.fail("was fitted again"))
    assert atlas.clustering(PLAIN, 2, 7, lambda *_: pytest.fail("was announced")) is first


def test_what_was_made_is_shown_while_another_is_made(atlas):
    made = atlas.clustering(PLAIN, 2, 7, quiet)
    begun, done = threading.Event(), threading.Event()

    def make():
        begun.set()
        return done.wait(60)

    other = threading.Thread(target=atlas._keep, args=(("slow",), make))
    other.start()
    found = []
    look = threading.Thread(target=lambda: found.append(atlas.clustering(PLAIN, 2, 7, quiet)))
    try:
        assert begun.wait(60)
        look.start()
        look.join(30)
        assert found == [made]
    finally:
        done.set()
        other.join()


@pytest.mark.slow
def test_the_sharp_map_and_its_own_clusters_are_the_pipelines(atlas):
    model = sharp_map(atlas.digits.train_images)
    np.testing.assert_array_equal(atlas.embedding(SHARP, 2, quiet), model.embedding_)
    found = atlas.clustering(SHARP, 2, model.n_clusters_, quiet)
    np.testing.assert_array_equal(found.clusters, model.labels_)


@pytest.mark.parametrize("dimensions", [2, 3])
def test_at_other_numbers_islands_are_rejoined_as_well(atlas, dimensions, monkeypatch):
    again = Atlas(atlas.digits)  # whose clusterings of this test no other test sees
    embedding, model = again.embedding(SHARP, dimensions, quiet), again.model(quiet)

    def find(this, points, n_clusters):
        assert this is model
        assert points is embedding
        assert n_clusters == model.n_clusters_ + 1
        return np.arange(len(points)) % 2, None

    monkeypatch.setattr(ImageClusterer, "find_clusters", find)
    found = again.clustering(SHARP, dimensions, model.n_clusters_ + 1, quiet)
    assert set(found.clusters) == {0, 1}


def test_a_cluster_without_images_stands_for_no_digit():
    labels = np.array([-2, -2, 5, UNLABELLED])
    found = Clustering(np.array([0, 0, 1, 3], np.uint8), 4, np.zeros((4, 2), np.float32), labels)
    assert found.titles == ["A: -2", "B: 5", "C: no digit", "D: no digit"]


def test_letters_stay_with_their_digits():
    labels = np.array([7, 7, 7, 1, 1, 4, 4, 4, 4])
    places = np.zeros((9, 2), np.float32)
    few = Clustering(np.array([1, 1, 1, 2, 2, 0, 0, 0, 0], np.uint8), 3, places, labels)
    assert few.titles == ["B: 4", "C: 7", "A: 1"]
    more = Clustering(np.array([0, 0, 0, 1, 1, 2, 2, 3, 3], np.uint8), 4, places, labels)
    assert more.titles == ["C: 7", "A: 1", "B: 4", "D: 4"], "and the same digit's others follow"


def test_neighbours_are_the_nearest_in_fifty_components(atlas):
    near = atlas.neighbors(quiet)
    rows = pixel_components(atlas.digits.train_images)[1]
    apart = np.linalg.norm(rows - rows[5], axis=1)
    apart[5] = np.inf
    np.testing.assert_array_equal(near[5], np.argsort(apart)[: results.NEAREST])


@pytest.mark.parametrize("n_clusters", [4, 10])
def test_known_digits_are_placed_among_themselves(atlas, n_clusters):
    some = np.arange(0, len(atlas.digits.train_images), 10)
    places, near, unlike = atlas.place(atlas.digits.train_images[some], n_clusters, quiet)
    assert unlike is None
    known = atlas.clustering(SHARP, 2, n_clusters, quiet)
    assert (places.cluster == known.clusters[some]).mean() > 0.9
    assert (near == some[:, None]).any(axis=1).mean() > 0.9
    assert places.confidence.between(0, 1).all()


def test_without_labels_there_is_only_the_silhouette(files):
    found = Atlas(load_digits(files / "bare.npz")).clustering(PLAIN, 2, 5, quiet)
    assert list(found.metrics) == ["silhouette"]
    assert found.names is None
    assert found.right is None
    assert found.confusion is None
    assert found.titles == ["A", "B", "C", "D", "E"]
    assert found.mistakes.empty


def test_labels_are_said_in_words_whatever_their_numbers():
    labels = np.array([UNLABELLED, 40_000, 7, 7])
    shown = Clustering(np.zeros(4, np.uint8), 1, np.zeros((4, 2), np.float32), labels)
    words, codes = shown.classes
    assert words == ["unknown", "7", "40000"]
    assert codes.tolist() == [0, 2, 1, 1]
    assert [shown.label_of(index) for index in range(4)] == ["unknown", "40000", "7", "7"]
    bare = Clustering(np.zeros(4, np.uint8), 1, np.zeros((4, 2), np.float32), None)
    assert bare.classes[0] == []
    assert bare.label_of(0) == "-"
