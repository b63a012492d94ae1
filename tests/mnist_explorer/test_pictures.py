"""Data sets from outside: they are read, or get one sentence."""

import gzip
import io
import pickle
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest
from helpers import idx_bytes, in_its_own_process
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mnist_clust import DataError
from mnist_explorer import pictures

# --- data sets ---------------------------------------------------------------------------------


def npz(**arrays):
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def test_data_are_loaded_whatever_their_name_says(images, labels):
    loaded = pictures.read_data(npz(images=images, labels=labels), "../../etc/mine.NPZ")
    assert len(loaded.train_images) == 60
    assert loaded.train_labels is not None
    zipped = pictures.read_data(gzip.compress(idx_bytes(images)), "images-idx3-ubyte.gz")
    assert zipped.image_shape == (9, 7)


def test_nothing_is_unpickled(images):
    class Trap:
        def __reduce__(self):
            return pytest.fail, ("was unpickled",)

    for content in (npz(images=np.array([Trap()])), pickle.dumps(Trap())):
        with pytest.raises(DataError):
            pictures.read_data(content, "trap.npz")


def refuse_what_unfolds(_folder):
    bomb = npz(images=np.zeros((300, 1024, 1024), np.uint8))
    assert len(bomb) < 1_000_000
    promise = gzip.compress(bytes([0, 0, 13, 3]) + struct.pack(">3I", 70_000, 50, 50))
    pictures.MAX_FILE_BYTES = 1_000_000
    hidden = b"first something else, as a zip may have it" + bomb
    files = {"a.npz": bomb, "b.npz": hidden, "c.gz": promise, "d": bytes(1_000_001)}
    tracemalloc.start()
    for name, content in files.items():
        with pytest.raises(DataError, match=rf"^{name} is larger.*--data"):
            pictures.read_data(content, name)
    assert tracemalloc.get_traced_memory()[1] < 3e6


@pytest.mark.slow
def test_what_unfolds_to_too_much_is_refused_before_it_unfolds(tmp_path):
    in_its_own_process(refuse_what_unfolds, tmp_path)


def zipped(kind, images):
    buffer, array = io.BytesIO(), io.BytesIO()
    np.save(array, images)
    with zipfile.ZipFile(buffer, "w", kind) as archive:
        archive.writestr("images.npy", array.getvalue())
    return buffer.getvalue()


FEW = np.random.default_rng(0).integers(0, 256, (60, 9, 7), dtype=np.uint8)
WHOLE = {
    "stored.npz": zipped(zipfile.ZIP_STORED, FEW),
    "deflated.npz": zipped(zipfile.ZIP_DEFLATED, FEW),
    "bzip2.npz": zipped(zipfile.ZIP_BZIP2, FEW),
    "lzma.npz": zipped(zipfile.ZIP_LZMA, FEW),
    "plain-idx": idx_bytes(FEW),
    "zipped.gz": gzip.compress(idx_bytes(FEW)),
}
# Headers and directories lie at either end of a file, so that is where most damage is done.
places = st.one_of(st.integers(0, 200), st.integers(-200, -1), st.integers(0, 4000))


def read_or_refused(content, name):
    try:
        pictures.read_data(content, name)
    except DataError as error:
        assert "\n" not in str(error)
        assert len(str(error)) < 500


@settings(max_examples=200)
@given(
    st.binary(max_size=300),
    st.sampled_from([b"", b"PK\3\4", b"\x1f\x8b\x08", b"\x93NUMPY", b"PAR1"]),
    st.sampled_from([".npz", ".npy", ".gz", ".csv", ".parquet", ".mat", ".zip"]),
)
def test_no_bytes_do_more_than_be_refused_as_data(noise, magic, ending):
    read_or_refused(magic + noise, f"noise{ending}")


@settings(max_examples=300)
@given(
    name=st.sampled_from(sorted(WHOLE)),
    changes=st.lists(st.tuples(places, st.integers(0, 255)), min_size=1, max_size=4),
    cut=st.one_of(st.just(0), st.integers(0, 4000)),
)
def test_damaged_data_are_read_or_refused(name, changes, cut):
    content = bytearray(WHOLE[name])
    for place, value in changes:
        content[place % len(content)] = value
    read_or_refused(bytes(content[: max(0, len(content) - cut)]), name)


def test_errors_name_the_file_as_its_owner_did(images):
    with pytest.raises(DataError, match=r"^mine\.npz holds") as caught:
        pictures.read_data(npz(pictures=images), "C:\\somewhere\\mine.npz")
    assert "/tmp" not in str(caught.value)


def test_a_name_is_shown_as_plain_text(images):
    name = "![x](http://example.org/a.png)<b>.npz"
    with pytest.raises(DataError) as caught:
        pictures.read_data(b"nothing", name)
    assert not set("![]<>:/") & set(str(caught.value).split(".npz")[0])
    notice = pictures.read_data(npz(images=np.stack([images] * 3, -1)), name).notices[0]
    assert notice.startswith("a.png)_b_.npz: the colour")


FETCHING = "![x](http://evil/a.png)"


@pytest.mark.parametrize(
    "content",
    [
        npz(**{FETCHING: np.zeros(3)}),
        npz(**{f"{FETCHING}{i}": np.zeros(3) for i in range(40)}),
        npz(images=np.zeros(60, [(FETCHING, "u1")])),
        npz(images=FEW, labels=np.zeros(60, [(FETCHING, "u1")])),
        npz(**{"images": FEW}).replace(b"images.npy", b"![x](//e)/"),
    ],
    ids=["array", "many arrays", "field", "field of labels", "entry of the directory"],
)
def test_what_a_message_quotes_of_a_file_is_shown_as_plain_text(content):
    with pytest.raises(DataError) as caught:
        pictures.read_data(content, "mine.npz")
    assert str(caught.value).startswith("mine.npz holds")
    assert not set("![]<>/`*$") & set(str(caught.value)), "no Markdown"
    assert len(str(caught.value)) <= pictures.LONGEST


def test_a_name_is_shown_once(images):
    with pytest.raises(DataError, match=r"^my upload\.npz holds"):
        pictures.read_data(npz(pictures=images), "my upload.npz")
    long = pictures.read_data(npz(images=np.stack([images] * 3, -1)), "x" * 5000 + ".npz")
    assert len(long.notices[0]) < 200


def zip_of(images, labels=None, ending="png", names=None):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for index, image in enumerate(images):
            file = io.BytesIO()
            Image.fromarray(image).save(file, ending.replace("jpg", "jpeg"))
            folder = "" if labels is None else f"{labels[index]}/"
            archive.writestr(names[index] if names else f"{folder}{index:04}.{ending}",
                             file.getvalue())  # fmt: skip
    return buffer.getvalue()


def test_all_rows_are_kept_in_order(images, labels):
    loaded = pictures.read_data(npz(images=images, labels=labels), "mine.npz")
    np.testing.assert_array_equal(loaded.train_images, images)
    np.testing.assert_array_equal(loaded.train_labels, labels)
    np.testing.assert_array_equal(loaded.train_index, np.arange(60))
    assert len(loaded.split[1]) == 12, "the fifth that is held out elsewhere"
    np.testing.assert_array_equal(images[loaded.split[1]], loaded.test_images)
    parts = pictures.read_data(npz(x_train=images[:40], x_test=images[40:]), "mine.npz")
    np.testing.assert_array_equal(parts.train_images, images)
    np.testing.assert_array_equal(parts.split[1], np.arange(40, 60))


def test_a_zip_of_pictures_is_read_with_folders_as_classes(images):
    classes = np.arange(60) // 20
    loaded = pictures.read_data(zip_of(images, classes), "mine.zip")
    np.testing.assert_array_equal(loaded.train_images, images)
    np.testing.assert_array_equal(loaded.train_labels, classes)
    assert loaded.files[:2] == ("0/0000.png", "0/0001.png")
    mixed = [*images[:30], *(np.kron(image, np.ones((2, 2), np.uint8)) for image in images[30:])]
    with pytest.raises(DataError, match=r"^mine\.zip holds pictures of"):
        pictures.read_data(zip_of(mixed), "mine.zip")
    assert pictures.read_data(zip_of(mixed), "mine.zip", 14).image_shape == (14, 14)


def test_a_zip_writes_nowhere_else_and_unfolds_no_further_than_is_read(images, tmp_path):
    outside = [f"../../{tmp_path.name}-{index:02}.png" for index in range(60)]
    loaded = pictures.read_data(zip_of(images, names=outside), "mine.zip")
    assert len(loaded.train_images) == 60
    assert not list(tmp_path.parent.glob(f"{tmp_path.name}-*"))
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        for index in range(5):
            archive.writestr(f"{index}.png", bytes(64 * 1024**2))
    with pytest.raises(DataError, match=r"^mine\.zip is larger"):
        pictures.read_data(bomb.getvalue(), "mine.zip")
    for content in (b"", b"PK\3\4 nothing", zip_of([])):
        with pytest.raises(DataError, match=r"mine\.zip"):
            pictures.read_data(content, "mine.zip")


@pytest.mark.parametrize("names", [[], ["folder/"]])
def test_a_zip_without_files_says_so(names):
    with zipfile.ZipFile(buffer := io.BytesIO(), "w") as archive:
        for name in names:
            archive.writestr(name, b"")
    with pytest.raises(DataError, match="holds no files: zip the images again"):
        pictures.read_data(buffer.getvalue(), "mine.zip")
