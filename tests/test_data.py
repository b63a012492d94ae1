"""Every source gives the same kind of data set, and every bad one a sentence."""

import gzip
import time

import numpy as np
import pytest
from helpers import idx_bytes
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import mnist_clust.data as data_module
from mnist_clust import DataError, load_digits
from mnist_clust._files import read_idx
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
