import gzip
import io
import json
import os
import pickle
import re
import sys

import numpy as np
import pandas as pd
import pytest
import zarr
from helpers import idx_bytes, open_folder, unprivileged
from PIL import Image

from image_files import chunks
from image_files.chunks import open_source, within
from image_files.pixels import Form
from image_files.reading import DataError


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Chunks of seven images, of a size that features take."""
    monkeypatch.setattr(chunks, "CHUNK", 7)


@pytest.fixture
def images():
    drawn = np.zeros((60, 6, 6), np.uint8)
    drawn[:, 1:5, 1:5] = np.random.default_rng(0).integers(20, 256, (60, 4, 4))
    return drawn


def png_of(image):
    Image.fromarray(image).save(written := io.BytesIO(), "PNG")
    return written.getvalue()


def save_npy(folder, images):
    np.save(folder / "images.npy", images)
    np.save(folder / "labels.npy", np.zeros(60, int))
    return folder / "images.npy"


def save_parts(folder, images):
    for number, (start, stop) in enumerate([(0, 25), (25, 26), (26, 60)]):
        np.save(folder / f"images-{number}.npy", images[start:stop])
        np.save(folder / f"labels-{number}.npy", np.zeros(stop - start, int))
    return folder


def save_npz(folder, images):
    np.savez(folder / "a.npz", images=images[:30], labels=np.zeros(30, int))
    np.savez_compressed(folder / "b.npz", x_train=images[30:50], x_test=images[50:])
    return folder


def save_idx(folder, images):
    (folder / "a-images-idx3-ubyte").write_bytes(idx_bytes(images[:31]))
    (folder / "a-labels-idx1-ubyte").write_bytes(idx_bytes(np.zeros(31)))
    (folder / "b-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx_bytes(images[31:])))
    return folder


def save_zarr(folder, images, version=3):
    array = zarr.create_array(
        folder / "x", shape=images.shape, chunks=(16, 6, 6), dtype="u1", zarr_format=version
    )
    array[:] = images
    return folder / "x"


def save_parquet(folder, images):
    names = [f"pixel{i}" for i in range(36)]
    frame = pd.DataFrame(images.reshape(60, -1), columns=names).assign(label=1)
    frame.to_parquet(folder / "x.parquet", row_group_size=11, index=False)
    return folder


def save_lists(folder, images):
    frame = pd.DataFrame({"image": list(images.reshape(60, -1)), "label": 1})
    frame.to_parquet(folder / "x.parquet", row_group_size=60)
    return folder / "x.parquet"


def save_pictures(folder, images):
    for number, image in enumerate(images):
        (folder / str(number // 20)).mkdir(exist_ok=True)
        Image.fromarray(image).save(folder / str(number // 20) / f"{number:02}.png")
    (folder / ".hidden.png").write_bytes(b"no picture")
    return folder


SAVES = [save_npy, save_parts, save_npz, save_idx, save_zarr, save_parquet, save_lists,
         save_pictures]  # fmt: skip


@pytest.mark.parametrize("save", SAVES)
def test_chunks_hold_every_image_once(save, tmp_path, images):
    source = open_source(save(tmp_path, images))
    assert len(source) == 60
    at = 0
    for chunk in source.chunks:
        assert chunk.first == at
        at += len(chunk)
        grey, notices = chunk.read_grey(Form(), None)
        np.testing.assert_array_equal(grey, images[chunk.first : at])
        assert not notices
        assert len(chunk) <= 7 or chunk.path.suffix in (".npz", ".gz"), "read as a whole"
    numbers = np.array([0, 5, 6, 7, 30, 31, 59])
    np.testing.assert_array_equal(source.take(numbers, None), images[numbers])
    assert open_source(source.origin) == source


def test_an_array_of_zarr_2(tmp_path, images):
    source = open_source(save_zarr(tmp_path, images, version=2))
    np.testing.assert_array_equal(source.take(np.arange(60), None), images)


def test_other_files_have_another_mark(tmp_path, images):
    path = save_npy(tmp_path, images)
    before = open_source(path).mark
    np.save(path, images[:50])
    assert open_source(path).mark != before


def test_new_images_are_treated_as_those_of_the_map(tmp_path, images):
    np.save(tmp_path / "x.npy", 255 - images)
    chunk = open_source(tmp_path / "x.npy").chunks[0]
    grey, notices = chunk.read_grey(Form(inverted=True), None)
    np.testing.assert_array_equal(grey, images[:7])
    assert not notices
    grey, notices = chunk.read_grey(Form(), (12, 8))
    assert grey.shape == (7, 12, 8)
    assert len(notices) == 1
    assert "images 0 to 6 have other grey levels" in notices[0]


def test_pictures_are_brought_to_a_size(tmp_path, images):
    save_pictures(tmp_path, images)
    Image.fromarray(np.zeros((30, 9), np.uint8)).save(tmp_path / "other.png")
    source = open_source(tmp_path)
    with pytest.raises(DataError, match="pictures of 6×6 pixels and"):
        source.take(np.arange(61), None)
    assert source.take(np.arange(61), (10, 10)).shape == (61, 10, 10)


def test_large_images_come_in_small_chunks(tmp_path, monkeypatch):
    monkeypatch.setattr(chunks, "PIXELS", 5 * 40 * 30)
    np.save(tmp_path / "x.npy", np.zeros((12, 40, 30), np.uint8))
    assert [len(chunk) for chunk in open_source(tmp_path / "x.npy").chunks] == [5, 5, 2]


@pytest.mark.parametrize("name", ["x.csv", "x.mat", "x.png"])
def test_what_is_read_as_a_whole_has_no_chunks(name, tmp_path):
    (tmp_path / name).write_bytes(b"1")
    assert open_source(tmp_path / name) is None


def test_what_holds_no_images_has_no_chunks(tmp_path):
    assert open_source(tmp_path) is None
    np.save(tmp_path / "x.npy", np.zeros((0, 6, 6), np.uint8))
    assert open_source(tmp_path) is None


def test_damaged_parts_are_named(tmp_path, images):
    save_parts(tmp_path, images)
    path = tmp_path / "images-2.npy"
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(DataError, match=r"images-2\.npy is damaged or truncated"):
        open_source(tmp_path)
    (tmp_path / "images-2.npy").unlink()
    (tmp_path / "x-ubyte").write_bytes(b"\0\0\x08\1\0\0\0\1\0")
    with pytest.raises(DataError, match="x-ubyte is no IDX file of images"):
        open_source(tmp_path)
    (tmp_path / "x-ubyte").unlink()
    np.save(tmp_path / "objects.npy", np.array([{}], object))
    with pytest.raises(DataError, match=r"objects\.npy"):
        open_source(tmp_path)


def test_parts_of_different_sizes_are_named(tmp_path, images):
    save_parts(tmp_path, images)
    np.save(tmp_path / "images-3.npy", np.zeros((5, 9, 9), np.uint8))
    with pytest.raises(DataError, match="images of several sizes"):
        open_source(tmp_path).take(np.arange(64), None)


def test_numbers_within_a_chunk():
    chunk = chunks.Chunk(None, 10, 0, 5)
    np.testing.assert_array_equal(within(np.array([3, 9, 10, 14, 15]), chunk), [0, 4])


@pytest.mark.parametrize("where", ["compressor", "filters"])
def test_a_zarr_array_that_would_unpickle_is_refused(tmp_path, where):
    class Bomb:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "unpickled"),)

    codec = {"id": "pickle"}
    described = {"zarr_format": 2, "shape": [5, 4, 4], "chunks": [5, 4, 4], "dtype": "|u1",
                 "compressor": None, "filters": None, "fill_value": 0, "order": "C"}  # fmt: skip
    described[where] = codec if where == "compressor" else [codec]
    (tmp_path / "a.zarr").mkdir()
    (tmp_path / "a.zarr" / ".zarray").write_text(json.dumps(described))
    (tmp_path / "a.zarr" / "0.0.0").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(DataError):
        open_source(tmp_path / "a.zarr").chunks[0].read(None)
    assert not (tmp_path / "unpickled").exists()


def test_a_zarr_array_that_was_written_to_is_known_as_another(tmp_path, images):
    array = zarr.open_array(save_zarr(tmp_path, images))
    before = open_source(tmp_path / "x").mark
    assert open_source(tmp_path / "x").mark == before
    array[:] = 255 - images
    assert open_source(tmp_path / "x").mark != before


def test_results_beside_images_are_no_images(tmp_path, images):
    save_parts(tmp_path, images)
    results = tmp_path / "clusters-x"
    results.mkdir()
    (results / "clusters.csv").write_text("index")
    (results / "summary.json").write_text('{"digest": "", "n_clusters": 1, "files": {}}')
    np.savez(results / "model.npz", rows=images)
    assert len(open_source(tmp_path)) == 60
    (results / "summary.json").write_text("somebody else's")
    with pytest.raises(DataError, match="holds no images"):
        open_source(tmp_path)


def test_parquet_pictures_are_brought_to_a_size(tmp_path, images):
    sides = [6, 9]
    pictures = [
        {"bytes": png_of(np.kron(image[: sides[n % 2]], np.ones((2, 2), np.uint8)))}
        for n, image in enumerate(images)
    ]
    pd.DataFrame({"image": pictures}).to_parquet(tmp_path / "x.parquet", row_group_size=25)
    source = open_source(tmp_path / "x.parquet")
    for chunk in source.chunks:
        assert chunk.read((6, 6)).shape == (len(chunk), 6, 6)


def test_errors_in_parquet_pictures_name_the_file(tmp_path, images):
    pictures = [{"bytes": png_of(image[: 5 + n % 2])} for n, image in enumerate(images)]
    pd.DataFrame({"image": pictures}).to_parquet(tmp_path / "x.parquet")
    with pytest.raises(DataError, match=re.escape(f"{tmp_path / 'x.parquet'} holds pictures of")):
        open_source(tmp_path / "x.parquet").chunks[0].read(None)


@pytest.mark.parametrize("group", [11, 60])
def test_rows_are_cut_out_of_any_groups(tmp_path, images, group):
    names = [f"pixel{i}" for i in range(36)]
    pd.DataFrame(images.reshape(60, -1), columns=names).to_parquet(
        tmp_path / "x.parquet", row_group_size=group
    )
    found = np.concatenate([c.read(None) for c in open_source(tmp_path / "x.parquet").chunks])
    np.testing.assert_array_equal(found.reshape(images.shape), images)


def test_a_library_that_is_missing_is_no_damage(tmp_path, images, monkeypatch):
    save_zarr(tmp_path, images)
    monkeypatch.setitem(sys.modules, "zarr", None)
    with pytest.raises(ImportError):
        open_source(tmp_path / "x")


def test_x_and_y_are_images_and_labels(tmp_path, images):
    np.save(tmp_path / "x_train.npy", images)
    np.save(tmp_path / "y_train.npy", np.zeros(60, int))
    assert len(open_source(tmp_path)) == 60


@pytest.mark.parametrize("name", ["unlabelled.npy", "labels.npy"])
def test_a_file_that_somebody_named_is_read_whatever_its_name(tmp_path, images, name):
    np.save(tmp_path / name, images)
    assert len(open_source(tmp_path / name)) == 60


def test_a_closed_folder_among_others_is_not_passed_over(images):
    with open_folder() as folder:
        save_parts(folder, images)
        (folder / "closed").mkdir()
        (folder / "closed").chmod(0)
        with unprivileged():
            if os.access(folder / "closed", os.R_OK, effective_ids=True):
                pytest.skip("this system closes no folder to us")
            with pytest.raises(DataError, match="may not be read"):
                open_source(folder)
