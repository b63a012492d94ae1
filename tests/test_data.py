"""Every source gives the same kind of data set, and every bad one a sentence."""

import gzip
import os
import pickle
import struct
import tempfile
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from helpers import idx_bytes
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import mnist_clust.data as data_module
from mnist_clust import DataError, load_digits
from mnist_clust._files import read_array, read_idx, read_npz
from mnist_clust.data import MNIST_DIGEST, MnistUnavailableError


def test_mnist_is_the_one_everybody_knows(full_mnist):
    assert full_mnist.train_images.shape == (60_000, 28, 28)
    assert full_mnist.test_images.shape == (10_000, 28, 28)
    assert full_mnist.digest == MNIST_DIGEST
    assert full_mnist.name == "mnist"
    assert full_mnist.notices == ()
    assert full_mnist.train_labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert full_mnist.test_labels[:5].tolist() == [7, 2, 1, 0, 4]


def test_sample_is_stratified_and_says_what_it_is(sample):
    assert sample.train_images.shape == (4_000, 28, 28)
    assert np.bincount(sample.train_labels).tolist() == [400] * 10
    assert np.bincount(sample.test_labels).tolist() == [100] * 10
    assert "NOT FULL MNIST" in sample.notices[0]
    assert load_digits("sample").digest == sample.digest


def test_flatten_scales_and_keeps_order(sample):
    train, test = sample.flatten()
    assert train.dtype == test.dtype == np.float32
    assert train.shape == (4_000, 784)
    assert (train.min(), train.max()) == (0, 1)
    np.testing.assert_array_equal(np.rint(train[7] * 255), sample.train_images[7].ravel())


def test_digest_sees_values_shapes_and_labels(tmp_path, images, labels):
    def digest(**arrays):
        np.savez(tmp_path / "a.npz", **arrays)
        return load_digits(tmp_path / "a.npz").digest

    changed = images.copy()
    changed[3, 3, 3] ^= 1
    digests = {
        digest(images=images),
        digest(images=changed),
        digest(images=images.reshape(60, 7, 9)),
        digest(images=images, labels=labels),
        digest(images=images, labels=labels[::-1]),
    }
    assert len(digests) == 5


def test_digits_are_frozen(sample):
    with pytest.raises(AttributeError):
        sample.name = "other"


# --- where MNIST comes from ----------------------------------------------------------------------


def test_auto_falls_back_to_the_sample_within_ten_seconds(monkeypatch, tmp_path):
    monkeypatch.delenv("MNIST_CLUST_DATA", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))

    def hang(*args, **kwargs):
        time.sleep(60)

    monkeypatch.setattr(data_module.urllib.request, "urlopen", hang)
    started = time.monotonic()
    digits = load_digits("auto")
    assert digits.name == "sample"
    assert time.monotonic() - started < 30  # 8 s for the network; the rest is a busy machine
    with pytest.raises(MnistUnavailableError, match="no network answers"):
        load_digits("mnist")


def test_a_network_that_dies_midway_is_noticed(monkeypatch, tmp_path):
    monkeypatch.delenv("MNIST_CLUST_DATA", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(data_module, "_require_network", lambda: None)
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    from keras.src.datasets import mnist as keras_mnist

    def fail(*args, **kwargs):
        raise Exception("URL fetch failure")

    monkeypatch.setattr(keras_mnist, "get_file", fail)
    with pytest.raises(MnistUnavailableError, match="could not be downloaded"):
        load_digits("mnist")


@pytest.fixture
def keras_file(full_mnist, tmp_path):
    path = tmp_path / "datasets" / "mnist.npz"
    path.parent.mkdir()
    np.savez(
        path,
        x_train=full_mnist.train_images,
        y_train=full_mnist.train_labels.astype(np.uint8),
        x_test=full_mnist.test_images,
        y_test=full_mnist.test_labels.astype(np.uint8),
    )
    return path


def test_keras_cache_npz_variable_and_path_give_the_same_mnist(monkeypatch, keras_file):
    assert load_digits(keras_file).name == "mnist"
    monkeypatch.setenv("MNIST_CLUST_DATA", str(keras_file))
    assert load_digits("mnist").digest == MNIST_DIGEST
    monkeypatch.delenv("MNIST_CLUST_DATA")
    monkeypatch.setenv("KERAS_HOME", str(keras_file.parents[1]))
    assert load_digits("auto").digest == MNIST_DIGEST


def test_half_a_download_in_the_cache_is_fetched_again(monkeypatch, keras_file, tmp_path_factory):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    from keras.src.datasets import mnist as keras_mnist

    whole = tmp_path_factory.mktemp("whole") / "mnist.npz"
    whole.write_bytes(keras_file.read_bytes())
    keras_file.write_bytes(whole.read_bytes()[:100_000])
    monkeypatch.delenv("MNIST_CLUST_DATA", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(keras_file.parents[1]))
    monkeypatch.setattr(data_module, "_require_network", lambda: None)
    monkeypatch.setattr(keras_mnist, "get_file", lambda *args, **kwargs: whole)
    assert load_digits("mnist").digest == MNIST_DIGEST


def test_other_content_under_mnists_name_is_an_error(monkeypatch, idx_folder):
    monkeypatch.setenv("MNIST_CLUST_DATA", str(idx_folder))
    for source in ("mnist", "auto"):
        with pytest.raises(DataError, match="does not hold MNIST"):
            load_digits(source)


def test_a_variable_that_points_nowhere_is_an_error(monkeypatch, tmp_path):
    monkeypatch.setenv("MNIST_CLUST_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match="does not exist"):
        load_digits("auto")


# --- the user's own images -----------------------------------------------------------------------


def test_idx_folder_file_and_labels_beside_it(idx_folder, images):
    digits = load_digits(idx_folder)
    assert (len(digits.train_images), len(digits.test_images)) == (60, 20)
    np.testing.assert_array_equal(digits.train_images, images)
    alone = load_digits(idx_folder / "train-images-idx3-ubyte")
    assert (len(alone.train_images), len(alone.test_images)) == (48, 12)
    assert alone.train_labels is None  # its labels stand beside it, but gzipped
    gunzipped = gzip.decompress((idx_folder / "train-labels-idx1-ubyte.gz").read_bytes())
    (idx_folder / "train-labels-idx1-ubyte").write_bytes(gunzipped)
    labelled = load_digits(idx_folder / "train-images-idx3-ubyte")
    assert np.bincount(labelled.test_labels).tolist() == [4, 4, 4]


def test_npy_without_labels_holds_a_seeded_fifth_back(tmp_path, images):
    np.save(tmp_path / "mine.npy", images)
    first, second = (load_digits(str(tmp_path / "mine.npy")) for _ in range(2))
    assert (len(first.train_images), len(first.test_images)) == (48, 12)
    assert first.train_labels is first.test_labels is None
    assert first.digest == second.digest
    both = np.concatenate([first.train_images, first.test_images])
    assert {image.tobytes() for image in both} == {image.tobytes() for image in images}


@pytest.mark.parametrize("channels", [3, 4])
def test_colour_turns_grey_with_a_word(tmp_path, channels):
    colour = np.zeros((60, 5, 5, channels), np.uint8)
    colour[..., :3] = np.arange(60)[:, None, None, None]
    if channels == 4:
        colour[..., 3] = 255
    np.save(tmp_path / "colour.npy", colour)
    digits = load_digits(tmp_path / "colour.npy")
    assert "turned to grey" in digits.notices[0]
    values = np.concatenate([digits.train_images, digits.test_images])[:, 0, 0]
    assert sorted(values.tolist()) == list(range(60))


def test_transparent_is_background(tmp_path, images):
    colour = np.repeat(images[..., None], 4, axis=3)
    colour[:, :4, :, 3] = 0
    np.save(tmp_path / "c.npy", colour)
    digits = load_digits(tmp_path / "c.npy")
    assert not digits.train_images[:, :4].any()
    assert digits.train_images[:, 4:].any()


@pytest.mark.parametrize(
    ("change", "top"),
    [
        (lambda x: x / 255.0, 255),
        (lambda x: x > 127, 255),
        (lambda x: (x // 16).astype(float), 255),  # 0 … 15, as scikit-learn's digits are
        (lambda x: x.astype(np.int64), 255),
        (lambda x: np.asfortranarray(x), 255),
        (lambda x: x[..., None], 255),
    ],
    ids=["unit floats", "bool", "small floats", "int64", "Fortran order", "one channel"],
)
def test_other_number_types_are_brought_to_grey_levels(tmp_path, images, change, top):
    np.save(tmp_path / "x.npy", change(images))
    digits = load_digits(tmp_path / "x.npy")
    assert digits.train_images.dtype == np.uint8
    assert digits.train_images.shape[1:] == (9, 7)
    assert abs(int(digits.train_images.max()) - top) <= 2


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("my digits.npz", "my-digits"),
        ("größer.npz", "größer"),
        ("mnist.npz", "mnist-file"),
        ("sample.npz", "sample-file"),
        ("--.npz", "images"),
    ],
)
def test_names_fit_a_folder_and_never_borrow_a_claim(tmp_path, images, file, name):
    np.savez(tmp_path / "a.npz", images=images)
    (tmp_path / "a.npz").rename(tmp_path / file)
    assert load_digits(tmp_path / file).name == name


@settings(max_examples=30)
@given(
    array=hnp.arrays(np.uint8, hnp.array_shapes(min_dims=3, max_dims=3, min_side=1, max_side=12)),
    zipped=st.booleans(),
)
def test_idx_gives_back_what_was_written(tmp_path_factory, array, zipped):
    path = tmp_path_factory.mktemp("idx") / "images"
    content = idx_bytes(array)
    path.write_bytes(gzip.compress(content) if zipped else content)
    np.testing.assert_array_equal(read_idx(path), array)


# --- bad input: one sentence each ----------------------------------------------------------------


class _Bomb:
    def __reduce__(self):
        return os.system, ("touch exploded",)


def _object_npz(path):
    array = np.empty(60, object)
    array[:] = [_Bomb()] * 60
    np.savez(path, images=array)


def _zip_in_lzma(path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("images.npy", b"\x93NUMPY" + bytes(500))
    content = bytearray(path.read_bytes())
    content[60:70] = bytes(range(200, 210))
    path.write_bytes(content)


def _write(content):
    return lambda path: path.write_bytes(content)


def _savez(**arrays):
    return lambda path: np.savez(path, **arrays)


def _save(array):
    return lambda path: np.save(path, array)


def _npy(header):
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header


IMAGES = np.random.default_rng(1).integers(0, 256, (60, 8, 8), dtype=np.uint8)
IDX = idx_bytes(IMAGES)
MANY = np.tile(IMAGES, (4, 1, 1))[:201]
HUGE = bytes([0, 0, 8, 3]) + struct.pack(">3I", 10**9, 1000, 1000)
NAN = np.where(IMAGES == 3, np.nan, IMAGES / 255.0)

BAD = {
    "missing.npz": (lambda path: None, "does not exist"),
    "open-bracket.npy": (_write(_npy(b"{'shape': (60, 8, 8), ")), "damaged array header"),
    "endless.npy": (_write(_npy(b"((((" * 60)), "damaged array header"),
    "many-axes-idx": (_write(bytes([0, 0, 8, 255]) + b"\xff" * 1020), "more than the 2 GiB"),
    "empty.npz": (_write(b""), "damaged or truncated"),
    "empty.npy": (_write(b""), "damaged array header"),
    "empty-idx": (_write(b""), "no IDX file"),
    "wrong-magic-idx": (_write(b"\x89PNG" + IDX[4:]), "no IDX file"),
    "truncated-idx": (_write(IDX[:-1]), "less than"),
    "header-idx": (_write(IDX[:7]), "ends inside its header"),
    "longer-idx": (_write(IDX + b"\0"), "more than"),
    "truncated.gz": (_write(gzip.compress(IDX)[:-9]), "damaged or truncated"),
    "flipped.gz": (_write(gzip.compress(IDX)[:-6] + b"\0\0\0\0\0\0"), "damaged or truncated"),
    "promises-1e15-idx": (_write(HUGE), "more than the 2 GiB"),
    "no-images.npz": (_savez(pictures=IMAGES), "name the arrays"),
    "objects.npz": (_object_npz, "never unpickled"),
    "pickle.npy": (_write(pickle.dumps(IMAGES)), "damaged array header"),
    "mismatch.npz": (_savez(images=IMAGES, labels=np.arange(59)), "one whole number an image"),
    "own-labels.npz": (_savez(images=MANY, labels=np.arange(201)), "201 different labels"),
    "float-labels.npz": (_savez(images=IMAGES, labels=np.ones(60)), "one whole number an image"),
    "flat.npy": (_save(IMAGES.reshape(60, 64)), "must have the shape"),
    "two-channels.npy": (_save(IMAGES.reshape(60, 8, 4, 2)), "must have the shape"),
    "empty-images.npy": (_save(IMAGES[:, :0]), "must have the shape"),
    "nan.npy": (_save(NAN), "NaN or infinite"),
    "infinite.npy": (_save(np.where(IMAGES == 3, np.inf, 0.0)), "NaN or infinite"),
    "negative.npy": (_save(IMAGES.astype(int) - 9), "bring them to 0"),
    "large.npy": (_save(IMAGES.astype(int) * 9), "bring them to 0"),
    "text.npy": (_save(IMAGES.astype(str)), "save them as uint8"),
    "complex.npy": (_save(IMAGES.astype(complex)), "save them as uint8"),
    "blank.npy": (_save(IMAGES * np.uint8(0)), "all training images"),
    "equal.npy": (_save(np.repeat(IMAGES[:1], 60, axis=0)), "all training images"),
    "few.npy": (_save(IMAGES[:49]), "nothing to cluster below 50"),
    "one.npy": (_save(IMAGES[:1]), "nothing to cluster below 50"),
    "none.npy": (_save(IMAGES[:0]), "nothing to cluster below 50"),
    "no-test.npz": (_savez(x_train=IMAGES, x_test=IMAGES[:0]), "each part needs some"),
    "no-train.npz": (_savez(x_train=IMAGES[:0], x_test=IMAGES), "each part needs some"),
    "tiny-train.npz": (_savez(x_train=IMAGES[:4], x_test=IMAGES), "training part at least 5"),
    "lzma.npz": (_zip_in_lzma, "damaged or truncated"),
    "sizes.npz": (_savez(x_train=IMAGES, x_test=IMAGES[:, 1:]), "one size"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_get_one_sentence(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write, expected = BAD[name]
    write(tmp_path / name)
    with pytest.raises(DataError, match=expected) as caught:
        load_digits(tmp_path / name)
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith(".")
    assert not Path("exploded").exists()


def test_folder_for_a_file_and_folder_without_mnist(tmp_path):
    (tmp_path / "folder.npz").mkdir()
    with pytest.raises(DataError, match="holds no train-images"):
        load_digits(tmp_path / "folder.npz")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_unreadable_file(tmp_path):
    np.save(tmp_path / "x.npy", IMAGES)
    (tmp_path / "x.npy").chmod(0)
    with pytest.raises(DataError, match="change its permissions"):
        load_digits(tmp_path / "x.npy")


def test_zip_bomb_is_refused_before_it_grows(tmp_path):
    header = {"descr": "|u1", "fortran_order": False, "shape": (10**12,)}
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w") as archive, archive.open("images.npy", "w") as file:
        np.lib.format.write_array_header_1_0(file, header)
    with pytest.raises(DataError, match="more than the 2 GiB"):
        load_digits(tmp_path / "bomb.npz")


def _content(write):
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder) / "x.npz")
        return next(Path(folder).iterdir()).read_bytes()


WHOLE = {
    "npz": (_content(_savez(images=IMAGES)), read_npz),
    "npy": (_content(lambda path: np.save(path.with_suffix(".npy"), IMAGES)), read_array),
    "idx": (IDX, read_idx),
    "idx.gz": (gzip.compress(IDX), read_idx),
}
# Headers lie at either end of a file, so that is where most damage is done.
places = st.one_of(st.integers(0, 200), st.integers(-200, -1), st.integers(0, 4000))


@settings(max_examples=400)
@given(
    kind=st.sampled_from(sorted(WHOLE)),
    changes=st.lists(st.tuples(places, st.integers(0, 255)), min_size=1, max_size=4),
    cut=st.one_of(st.just(0), st.integers(0, 4000)),
)
def test_a_damaged_file_is_read_or_refused(tmp_path_factory, kind, changes, cut):
    whole, read = WHOLE[kind]
    content = bytearray(whole)
    for place, value in changes:
        content[place % len(content)] = value
    path = tmp_path_factory.mktemp("damaged") / "x"
    path.write_bytes(content[: max(0, len(content) - cut)])
    try:
        found = read(path)
    except DataError as error:
        assert "\n" not in str(error)
        return
    for array in found.values() if isinstance(found, dict) else [found]:
        assert array.nbytes <= 10 * len(content)
