"""Fitted maps in files, and those of earlier versions."""

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.datasets import load_iris

from numba_tsne import TSNE, nearest_neighbors
from numba_tsne import saved as saved_maps

TODAYS = Path(__file__).parents[1] / "saved" / "tsne_1.npz"
UNIQUE = np.arange(150) != 142  # of the irises, this one is equal to another
SHORT = {"early_exaggeration_iter": 30, "n_iter": 40, "random_state": 0}


@pytest.fixture
def saved(iris, tmp_path):
    tsne = TSNE(3, n_neighbors=np.int64(9), exaggeration=np.float32(2), **SHORT).fit(iris[0])
    tsne.save(tmp_path / "map.npz")
    return tsne, tmp_path / "map.npz"


def test_a_map_comes_back_as_it_was(saved, iris):
    tsne, path = saved
    again = TSNE.load(str(path))
    assert again.get_params() == tsne.get_params()
    for name in ("embedding_", "kl_divergence_", "n_iter_", "n_features_in_"):
        np.testing.assert_array_equal(getattr(again, name), getattr(tsne, name))
    np.testing.assert_array_equal(again.transform(iris[0] + 0.1), tsne.transform(iris[0] + 0.1))
    np.testing.assert_array_equal(again.transform(iris[0])[UNIQUE], tsne.embedding_[UNIQUE])
    assert list(again.get_feature_names_out()) == ["tsne0", "tsne1", "tsne2"]


def test_nothing_is_pickled_and_single_precision_is_kept_where_it_will_do(saved, random, tmp_path):
    with np.load(saved[1], allow_pickle=False) as arrays:
        kinds = {name: arrays[name].dtype for name in arrays.files}
    assert kinds == {"head": np.uint8, "embedding": np.float32, "rows": np.float64}
    X = random.integers(9, size=(40, 5)).astype(float)
    TSNE(perplexity=5, **SHORT).fit(X).save(tmp_path / "short.npz")
    with np.load(tmp_path / "short.npz", allow_pickle=False) as arrays:
        assert arrays["rows"].dtype == np.float32
    again = TSNE.load(tmp_path / "short.npz")
    np.testing.assert_array_equal(again.transform(X), again.embedding_)


def test_what_cannot_be_saved_is_left_out(iris, tmp_path):
    start = np.random.default_rng(0).normal(size=(150, 2))
    parameters = {**SHORT, "random_state": np.random.RandomState(0)}
    tsne = TSNE(init=start, callback=print_nothing, **parameters).fit(iris[0])
    tsne.save(tmp_path / "map.npz")
    again = TSNE.load(tmp_path / "map.npz")
    assert again.callback is None
    assert again.random_state is None
    np.testing.assert_array_equal(again.init, start)


def print_nothing(progress):
    pass


def test_names_of_features_come_back(tmp_path):
    table = load_iris(as_frame=True).data
    TSNE(**SHORT).fit(table).save(tmp_path / "map.npz")
    again = TSNE.load(tmp_path / "map.npz")
    assert list(again.feature_names_in_) == list(table.columns)
    with pytest.raises(ValueError, match="feature names"):
        again.transform(pd.DataFrame(table.to_numpy(), columns=list("abcd")))


def test_maps_of_sparse_rows_and_of_neighbors_come_back(iris, tmp_path):
    rows = sparse.csr_array(np.round(iris[0]))
    for X, graph in ((rows, None), (None, nearest_neighbors(iris[0], 90))):
        tsne = TSNE(**SHORT).fit(X, neighbors=graph)
        tsne.save(tmp_path / "map.npz")
        again = TSNE.load(tmp_path / "map.npz")
        new = {"X": rows[:5]} if graph is None else {"neighbors": graph.nearest(15)}
        np.testing.assert_array_equal(again.transform(**new), tsne.transform(**new))


def test_a_file_of_today_can_be_read():
    X = load_iris().data.astype(np.float32)
    tsne = TSNE.load(TODAYS)
    assert tsne.n_neighbors == 10
    np.testing.assert_array_equal(tsne.transform(X)[UNIQUE], tsne.embedding_[UNIQUE])
    places = tsne.transform(X + np.float32(0.01))
    apart = np.linalg.norm(places[:, None] - tsne.embedding_, axis=2)
    apart[np.arange(150), np.arange(150)] = np.nan
    assert np.median(np.nanmin(apart, axis=1)) < 1


def altered(**changes):
    """The file of today with other contents; None leaves one out."""
    with np.load(TODAYS) as file:
        arrays = {name: file[name] for name in file.files}
    head = json.loads(arrays["head"].tobytes())
    for name, value in changes.items():
        if name in head:
            head[name] = value
        else:
            arrays[name] = value
    arrays["head"] = np.frombuffer(json.dumps(head).encode(), np.uint8)
    buffer = io.BytesIO()
    np.savez(buffer, **{name: value for name, value in arrays.items() if value is not None})
    return buffer.getvalue()


@pytest.mark.parametrize(
    "content, message",
    [
        (b"no archive", "map.npz"),
        (altered(format=2), "a newer version of mnist-clust wrote it"),
        (altered(embedding=np.zeros((3, 2), np.float32)), "places of other points"),
        (altered(embedding=np.full((150, 2), np.nan)), "places of other points"),
        (altered(embedding=None), "embedding"),
        (altered(rows=np.zeros((150, 7), np.float32)), "rows of other features"),
        (altered(rows=np.full((150, 4), np.inf)), "no finite numbers"),
        (altered(parameters={"n_components": 9}), "n_components"),
        (altered(parameters={"wings": 2}), "wings"),
        (altered(learned=[]), "n_features_in_"),
    ],
)
def test_what_is_no_such_file_is_refused(content, message, tmp_path):
    (tmp_path / "map.npz").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        TSNE.load(tmp_path / "map.npz")


def test_only_a_fitted_map_can_be_saved(tmp_path):
    with pytest.raises(ValueError, match="not fitted"):
        TSNE().save(tmp_path / "map.npz")
    assert not list(tmp_path.iterdir())


def test_the_archive_is_compressed(saved):
    with zipfile.ZipFile(saved[1]) as archive:
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_DEFLATED}


def test_what_was_set_since_the_fit_is_not_saved(iris, tmp_path):
    tsne = TSNE(2, metric="manhattan", **SHORT).fit(iris[0])
    places = tsne.transform(iris[0][:5] + 0.1)
    tsne.set_params(n_components=3, metric="cosine")
    tsne.save(tmp_path / "map.npz")
    np.testing.assert_array_equal(
        TSNE.load(tmp_path / "map.npz").transform(iris[0][:5] + 0.1), places
    )


def test_a_start_of_objects_is_saved_as_numbers(iris, tmp_path):
    start = iris[0][:, :2].astype(object)
    TSNE(init=start, **SHORT).fit(iris[0]).save(tmp_path / "map.npz")
    np.testing.assert_array_equal(TSNE.load(tmp_path / "map.npz").init, start.astype(float))


def test_what_could_not_be_read_again_is_not_written(iris, tmp_path, monkeypatch):
    monkeypatch.setattr(saved_maps, "MAX_BYTES", saved_maps.ROOM + 1000)
    with pytest.raises(ValueError, match="fit principal components of the rows instead"):
        TSNE(**SHORT).fit(iris[0]).save(tmp_path / "map.npz")
    assert not list(tmp_path.iterdir())
