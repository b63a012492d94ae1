import json

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from sklearn.base import clone
from sklearn.datasets import load_digits as small_digits

from mnist_clust import scores
from mnist_clust.__main__ import main
from mnist_clust.cluster import name_one_to_one
from mnist_clust.features import Deskew, OrientedGradients
from mnist_clust.pipeline import ImageClusterer, describe


@pytest.fixture(scope="module")
def fitted(sample):
    return ImageClusterer().fit(sample.train_images)


def test_finds_ten_kinds_on_the_sample_and_knows_new_ones(fitted, sample):
    assert fitted.n_clusters_ == 10
    names = name_one_to_one(fitted.labels_, sample.train_labels, 10)
    assert scores.accuracy(sample.train_labels, fitted.labels_, names) > 0.93
    unseen = fitted.predict(sample.test_images)
    assert scores.accuracy(sample.test_labels, unseen, names) > 0.93


def test_clusters_are_numbered_by_size(fitted):
    sizes = np.bincount(fitted.labels_)
    assert (np.diff(sizes) <= 0).all()
    assert sizes.sum() == len(fitted.embedding_)
    assert fitted.silhouettes_.idxmax() == fitted.n_clusters_


def test_the_images_it_was_made_of_find_their_own_places(fitted, sample):
    table = fitted.assign(sample.train_images[:200])
    np.testing.assert_allclose(table[["x", "y"]], fitted.embedding_[:200], atol=1e-4)
    assert (table.cluster == fitted.labels_[:200]).mean() > 0.97
    assert table.sureness.between(0, 1).all()


def test_saved_and_loaded_it_assigns_the_same(fitted, sample, tmp_path):
    fitted.save(tmp_path)
    again = ImageClusterer.load(tmp_path)
    assert again.get_params() == fitted.get_params()
    pd.testing.assert_frame_equal(
        again.assign(sample.test_images[:300]), fitted.assign(sample.test_images[:300])
    )


def test_a_number_of_clusters_can_be_given(sample):
    model = clone(ImageClusterer(4)).fit(sample.train_images[:300])
    assert model.n_clusters_ == 4
    assert list(model.silhouettes_.index) == [4]


@pytest.mark.parametrize("count", [0, 61, "many", 2.5])
def test_an_impossible_number_of_clusters_is_refused(sample, count):
    with pytest.raises(ValueError, match="from 1 to the number of images, 60"):
        ImageClusterer(count).fit(sample.train_images[:60])


def test_images_of_another_size_are_refused(fitted):
    with pytest.raises(ValueError, match="8×8 pixels and those of the map 28×28"):
        fitted.assign(np.zeros((2, 8, 8), np.uint8))


def test_fifty_images_are_enough(sample):
    model = ImageClusterer().fit(sample.train_images[::80])
    assert len(model.labels_) == 50
    assert 2 <= model.n_clusters_ <= 20


@pytest.mark.slow
def test_images_of_eight_by_eight():
    images, labels = small_digits(return_X_y=True)
    model = ImageClusterer().fit((images.reshape(-1, 8, 8) * 15).astype(np.uint8))
    assert 9 <= model.n_clusters_ <= 14
    names = name_one_to_one(model.labels_, labels, model.n_clusters_)
    assert scores.accuracy(labels, model.labels_, names) > 0.85


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def own_file(sample, tmp_path_factory):
    path = tmp_path_factory.mktemp("own") / "my images é.npz"
    np.savez(path, images=sample.train_images[::8], labels=sample.train_labels[::8])
    return path


@pytest.fixture(scope="module")
def clustered(own_file):
    out = own_file.parent / "out"
    result = run("cluster", own_file, "--out", out)
    assert result.exit_code == 0, result.output
    return out


def test_the_command_writes_what_it_promises(clustered, own_file):
    summary = json.loads((clustered / "summary.json").read_text("utf-8"))
    table = pd.read_csv(clustered / "clusters.csv")
    assert list(table) == ["index", "split", "cluster", "x", "y", "silhouette", "label"]
    assert len(table) == summary["n_images"] == 500
    assert sorted(table["index"]) == list(range(500)), "every image of the file, once"
    labels = np.load(own_file)["labels"]
    assert (labels[table["index"]] == table.label).all(), "the index is that of the file"
    assert table.cluster.nunique() == summary["n_clusters"]
    for name in ("silhouette", "accuracy", "accuracy_test", "ami", "ari"):
        assert 0 < summary[name] <= 1, name
    assert set(summary["seconds"]) >= {"features", "neighbours", "map", "clusters"}
    assert len(list(clustered.glob("cluster_*.png"))) == summary["n_clusters"]
    assert (clustered / "map.png").read_bytes().startswith(b"\x89PNG")


def test_more_images_are_assigned_later(clustered, own_file, tmp_path):
    file = tmp_path / "assigned.csv"
    result = run("assign", own_file, "--model", clustered, "--out", file)
    assert result.exit_code == 0, result.output
    assert "500 images assigned" in result.output
    table = pd.read_csv(file)
    before = pd.read_csv(clustered / "clusters.csv").set_index("index").sort_index()
    train = before[before.split == "train"].index
    agree = table.set_index("index").cluster.loc[train] == before.cluster.loc[train]
    assert agree.mean() > 0.95


def test_one_image_alone_can_be_assigned(clustered, sample, tmp_path):
    np.save(tmp_path / "one.npy", sample.test_images[:1])
    out = tmp_path / "a.csv"
    result = run("assign", tmp_path / "one.npy", "--model", clustered, "--out", out)
    assert result.exit_code == 0, result.output
    assert len(pd.read_csv(out)) == 1


def test_without_labels_nothing_is_scored(sample, tmp_path):
    np.save(tmp_path / "bare.npy", sample.train_images[::40])
    result = run("cluster", tmp_path / "bare.npy", "--clusters", 3, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    summary = json.loads((tmp_path / "out" / "summary.json").read_text("utf-8"))
    assert summary["n_clusters"] == 3
    assert "accuracy" not in summary
    assert "label" not in pd.read_csv(tmp_path / "out" / "clusters.csv")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["cluster", "nowhere.npz"], "does not exist"),
        (["cluster", "sample", "--clusters", "many"], "neither 'auto' nor a number"),
        (["cluster", "sample", "--clusters", "0"], "neither 'auto' nor a number"),
        (["cluster", "sample", "--clusters", "9999"], "more than the 4000 training images"),
        (["assign", "nowhere.npz", "--model", "x"], "does not exist"),
        (["assign", "nowhere.npz"], "--model"),
        (["assign", "sample", "--model", "x"], "holds no model.npz"),
    ],
)
def test_bad_use_ends_with_one_sentence_and_status_2(arguments, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run(*arguments)
    assert result.exit_code == 2
    assert said in result.output
    assert "Traceback" not in result.output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("picture", ["blank", "digit"])
def test_images_that_differ_in_shade_alone_are_refused(sample, tmp_path, picture):
    shape = np.ones((28, 28)) if picture == "blank" else sample.train_images[0] > 127
    shades = np.arange(100, 200, dtype=np.uint8)[:, None, None]
    np.save(tmp_path / "shades.npy", shades * shape.astype(np.uint8))
    result = run("cluster", tmp_path / "shades.npy", "--out", tmp_path / "out")
    assert result.exit_code == 2, result.output
    assert "the same strokes" in result.output
    assert list((tmp_path / "out").iterdir()) == []


def test_small_images_keep_their_size():
    """On 8×8 digits resampling costs a tenth of the digits."""
    small = np.zeros((1, 15, 15), np.uint8)
    small[0, 3:9, 6:8] = 200
    large = np.zeros((1, 16, 16), np.uint8)
    large[0, 3:9, 6:8] = 200
    for images, kept in ((small, True), (large, False)):
        plain = OrientedGradients().transform(Deskew().transform(images))
        assert np.array_equal(describe(images), plain) is kept
