"""Whatever form images come in, they are the same images, and what was done to them is said."""

import json

import numpy as np
import pandas as pd
import pytest
import scipy.io
from click.testing import CliRunner
from helpers import idx_bytes
from PIL import Image
from sklearn.datasets import load_digits as small_digits
from sklearn.datasets import load_sample_images

from image_files.pixels import Form, fit_into, is_dark_on_light
from mnist_clust import DataError, load_digits
from mnist_clust.__main__ import main
from mnist_clust.data import MNIST_DIGEST, load_images
from mnist_clust.pipeline import ImageClusterer


@pytest.fixture(scope="module")
def known():
    """Digits of 8×8 pixels, with the darkest ink there is, and their labels."""
    rows, labels = small_digits(return_X_y=True)
    images = (rows[:90].reshape(-1, 8, 8) * 15).astype(np.uint8)
    images[:, 3, 3] = 255
    return images, labels[:90].astype(np.int64)


def png(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)


def as_folder(path, images, labels):
    for number, (image, label) in enumerate(zip(images, labels, strict=True)):
        png(path / str(label) / f"{number:03}.png", image)


def as_colour_folder(path, images, labels):
    as_folder(path, np.stack([images] * 3, -1), labels)


def as_clear_folder(path, images, labels):
    as_folder(path, np.stack([images * 0] * 3 + [images], -1), labels)


def as_inverted_folder(path, images, labels):
    as_folder(path, 255 - images, labels)


def as_npy(path, images, labels):
    path.mkdir()
    np.save(path / "images.npy", images)
    np.save(path / "labels.npy", labels)


def as_mat(path, images, labels):
    arrays = {"X": np.moveaxis(images, 0, -1), "y": labels[:, None].astype(float)}
    scipy.io.savemat(path.with_suffix(".mat"), arrays, do_compression=True)


def table(images, labels):
    frame = pd.DataFrame(images.reshape(len(images), -1)).add_prefix("pixel")
    return frame.assign(**{"class": labels})


def as_csv(path, images, labels):
    table(images, labels).to_csv(path.with_suffix(".csv"), index=False)


def as_csv_with_index(path, images, labels):
    table(images, [f"'{label}'" for label in labels]).to_csv(path.with_suffix(".csv"))


def as_bare_csv(path, images, labels):
    frame = pd.DataFrame(images.reshape(len(images), -1))
    frame.insert(0, "label", labels)
    frame.to_csv(path.with_suffix(".csv"), index=False, header=False)


def as_parquet(path, images, labels):
    table(images, labels).to_parquet(path.with_suffix(".parquet"))


def as_idx(path, images, labels):
    path.mkdir()
    (path / "some-images.idx3-ubyte").write_bytes(idx_bytes(images))
    (path / "some-labels.idx1-ubyte").write_bytes(idx_bytes(labels))
    return path / "some-images.idx3-ubyte"


def as_column(path, images, labels):
    np.savez(path.with_suffix(".npz"), images=images[..., None], labels=labels[:, None])


FORMS = [as_folder, as_colour_folder, as_clear_folder, as_inverted_folder, as_npy, as_mat, as_csv,
         as_csv_with_index, as_bare_csv, as_parquet, as_idx, as_column]  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_every_form_holds_the_same_images_and_labels(form, known, tmp_path):
    images, labels = known
    source = form(tmp_path / "x", images, labels) or next(tmp_path.iterdir())
    digits = load_digits(source)
    order = np.argsort(labels, kind="stable") if "folder" in form.__name__ else np.arange(90)
    for part, given, index in (
        (digits.train_images, digits.train_labels, digits.train_index),
        (digits.test_images, digits.test_labels, digits.test_index),
    ):
        np.testing.assert_array_equal(part, images[order][index])
        np.testing.assert_array_equal(given, labels[order][index])
    np.testing.assert_array_equal(load_images(source).images, images[order])
    assert digits.form == Form(inverted=form is as_inverted_folder)
    if digits.files:
        assert digits.files == tuple(f"{labels[i]}/{i:03}.png" for i in order)


def test_folders_of_two_parts_are_two_parts(known, tmp_path):
    images, labels = known
    as_folder(tmp_path / "mnist_png" / "training", images[:60], labels[:60])
    as_folder(tmp_path / "mnist_png" / "testing", images[60:], labels[60:])
    digits = load_digits(tmp_path)
    first, then = (np.argsort(part, kind="stable") for part in (labels[:60], labels[60:]))
    np.testing.assert_array_equal(digits.train_images, images[:60][first])
    np.testing.assert_array_equal(digits.test_labels, labels[60:][then])
    assert digits.files[0].startswith("mnist_png/training/0/")
    assert digits.files[-1].startswith("mnist_png/testing/9/")


def test_names_of_classes_are_numbered_and_said(known, tmp_path):
    images, labels = known
    as_folder(tmp_path / "animals", images, np.where(labels < 5, "dog", "cat"))
    png(tmp_path / "animals" / "stray.png", images[0])
    digits = load_digits(tmp_path / "animals")
    assert digits.notices == (
        "animals: the classes are numbered by their names: 0 is cat, 1 is dog.",
        "animals: 1 of 91 images have no label (-1); they are clustered and not scored.",
    )
    both = np.concatenate([digits.train_labels, digits.test_labels])
    assert np.unique(both).tolist() == [-1, 0, 1]


@pytest.mark.parametrize(
    ("files", "name"),
    [
        (["MNIST/raw/{}"], "MNIST-raw"),
        (["FashionMNIST/raw/{}"], "FashionMNIST-raw"),
        (["archive/{0}/{0}"], "archive"),
    ],
)
def test_unpacked_folders_are_found_and_named_after_more_than_raw(files, name, known, tmp_path):
    images, labels = known
    for part, some in (("train", slice(60)), ("t10k", slice(60, None))):
        for what, array in (("images-idx3", images[some]), ("labels-idx1", labels[some])):
            path = tmp_path / files[0].format(f"{part}-{what}-ubyte")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(idx_bytes(array))
    digits = load_digits(tmp_path)
    assert digits.name == name
    np.testing.assert_array_equal(digits.test_images, images[60:])
    np.testing.assert_array_equal(digits.train_labels, labels[:60])


def test_kaggles_test_part_has_no_labels(known, tmp_path):
    images, labels = known
    as_csv(tmp_path / "train", images[:60], labels[:60])
    table(images[60:], 0).drop(columns="class").to_csv(tmp_path / "test.csv", index=False)
    (tmp_path / "sample_submission.csv").write_text("ImageId,Label\n1,0\n")
    digits = load_digits(tmp_path)
    np.testing.assert_array_equal(digits.test_images, images[60:])
    assert digits.test_labels is None
    assert digits.train_labels.tolist() == labels[:60].tolist()


def test_usps_comes_as_pixels_by_class(known, tmp_path):
    images = known[0]
    data = images.transpose(0, 2, 1).reshape(3, 30, 64).transpose(2, 1, 0)
    scipy.io.savemat(tmp_path / "usps_all.mat", {"data": data})
    digits = load_digits(tmp_path / "usps_all.mat")
    np.testing.assert_array_equal(digits.train_images, images[digits.train_index])
    np.testing.assert_array_equal(digits.train_labels, digits.train_index // 30)
    assert "'data' was taken for 30 images of each of 3 classes" in digits.notices[0]


# --- sizes ---------------------------------------------------------------------------------------


def test_pictures_of_several_sizes_are_brought_to_one_that_is_asked_for(known, tmp_path):
    images = known[0]
    for number, image in enumerate(images):
        times = 1 + number % 3
        large = np.kron(image, np.ones((times, times), np.uint8))
        png(tmp_path / f"{number:03}.png", np.pad(large, ((0, 0), (0, 8 * (number % 2)))))
    with pytest.raises(DataError, match=r"8×8 pixels and .*001\.png has 16×24: .* --size 28x28"):
        load_digits(tmp_path)
    digits = load_digits(tmp_path, size=8)
    assert digits.form.resized
    whole = digits.train_index[digits.train_index % 2 == 0]
    np.testing.assert_array_equal(digits.train_images[digits.train_index % 2 == 0], images[whole])
    for source, size in (("8x9", (8, 9)), ("9", (9, 9))):
        out = tmp_path / "out" / source
        result = CliRunner().invoke(
            main, ["cluster", str(tmp_path), "--clusters", "2", "--size", source, "--out", str(out)]
        )
        assert result.exit_code == 0, result.output
        # The map knows its size, and that pictures were brought to it.
        command = ["assign", str(tmp_path), "--model", str(out), "--out", str(out / "a.csv")]
        assert CliRunner().invoke(main, command).exit_code == 0
        with np.load(out / "model.npz") as model:
            assert tuple(model["image_shape"]) == size
    assert load_digits(tmp_path, size=(8, 9)).image_shape == (8, 9)


@pytest.mark.parametrize("size", ["0", "1", "28x", "x", "-5", "9999999", "4097", "", "1x28"])
@pytest.mark.parametrize("path", ["alone", "by workers"])
def test_sizes_that_are_none(size, path, known, tmp_path):
    np.save(tmp_path / "x.npy", known[0])
    options = [f"--size={size}", *(["--fit-on", "50"] if path == "by workers" else [])]
    result = CliRunner().invoke(main, ["cluster", str(tmp_path / "x.npy"), *options])
    assert result.exit_code == 2
    assert "size" in result.stderr.splitlines()[-1]
    assert [path.name for path in tmp_path.iterdir()] == ["x.npy"]


def test_what_is_fitted_keeps_its_proportions_on_its_own_paper():
    image = np.full((4, 8), 200, np.uint8)
    image[1:3, 2:6] = 10
    fitted = fit_into(image, (16, 16))
    assert (fitted[:4] == 200).all() and (fitted[12:] == 200).all()
    assert fitted[8, 8] == 10
    assert fit_into(image, (4, 8)) is image
    assert (fit_into(np.full((30, 30), 7, np.uint8), (2, 3)) == 7).all()


# --- light and dark ------------------------------------------------------------------------------


def test_light_ink_on_dark_paper_passes_unchanged(sample, known):
    for images in (sample.train_images, sample.test_images[:1], known[0], known[0][:1]):
        assert is_dark_on_light([images]) is False
        assert is_dark_on_light([255 - images]) is True


def test_mnist_passes_unchanged(full_mnist):
    assert full_mnist.digest == MNIST_DIGEST
    assert full_mnist.form == Form()


def test_a_border_that_does_not_tell_changes_nothing():
    noise = np.random.default_rng(0).integers(0, 256, (60, 8, 8), dtype=np.uint8)
    assert is_dark_on_light([noise]) is None
    assert is_dark_on_light([noise[:, :1, :1] * 0]) is None
    assert is_dark_on_light([noise[:0]]) is None


def test_dark_ink_is_inverted_for_the_map_and_for_what_is_placed_on_it(known, tmp_path):
    images, labels = known
    np.savez(tmp_path / "light.npz", images=images, labels=labels)
    np.savez(tmp_path / "dark.npz", images=255 - images, labels=labels)
    said = {}
    for name in ("light", "dark"):
        out = tmp_path / name
        arguments = [str(tmp_path / f"{name}.npz"), "--clusters", "3", "--out", str(out)]
        said[name] = CliRunner().invoke(main, ["cluster", *arguments])
        assert said[name].exit_code == 0, said[name].output
    light, dark = (tmp_path / n / "clusters.csv" for n in ("light", "dark"))
    assert light.read_bytes() == dark.read_bytes(), "the same bits, whatever the ink"
    summary = json.loads((tmp_path / "dark" / "summary.json").read_text("utf-8"))
    assert summary["form"] == {"full": 255, "inverted": True, "resized": False}
    assert "dark ink on light paper" in summary["notices"][0]
    assert "it was inverted" in said["dark"].output
    assert "it was inverted" not in said["light"].output
    tables = []
    for model in ("light", "dark"):
        for images in ("light", "dark"):
            out = tmp_path / "assigned.csv"
            command = ["assign", f"{tmp_path / images}.npz", "--model", str(tmp_path / model)]
            result = CliRunner().invoke(main, [*command, "--out", str(out)])
            assert result.exit_code == 0, result.output
            assert ("it was inverted" in result.output) is (images == "dark")
            tables.append(out.read_bytes())
    assert len(set(tables)) == 1


def test_what_new_images_leave_open_is_as_it_was_for_the_known_ones(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (60, 8, 8), dtype=np.uint8)
    np.save(tmp_path / "x.npy", noise)
    np.testing.assert_array_equal(load_images(tmp_path / "x.npy").images, noise)
    turned = load_images(tmp_path / "x.npy", known=Form(inverted=True)).images
    np.testing.assert_array_equal(turned, 255 - noise)
    faint = np.pad(noise[:, :6, :6] // 32, ((0, 0), (1, 1), (1, 1)))
    np.save(tmp_path / "x.npy", faint)
    for known, full in ((None, 7), (Form(16), 16), (Form(255), 7), (Form(3), 7)):
        images = load_images(tmp_path / "x.npy", known=known).images
        np.testing.assert_array_equal(images, np.rint(faint * (255 / full)))


# --- results -------------------------------------------------------------------------------------


def test_results_name_the_files_of_pictures(known, tmp_path):
    images, labels = known
    as_folder(tmp_path / "pictures", images, labels)
    out = tmp_path / "out"
    command = ["cluster", str(tmp_path / "pictures"), "--clusters", "3", "--out", str(out)]
    assert CliRunner().invoke(main, command).exit_code == 0
    found = pd.read_csv(out / "clusters.csv")
    assert sorted(found.file) == sorted(f"{k}/{i:03}.png" for i, k in enumerate(labels))
    assert (found.file.str[0].astype(int) == found.label).all()
    one = tmp_path / "pictures" / found.file[0]
    command = ["assign", str(one), "--model", str(out), "--out", str(tmp_path / "a.csv")]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 0, result.output
    (row,) = pd.read_csv(tmp_path / "a.csv").itertuples()
    told = ImageClusterer.load(out).predict(images[[int(one.stem)]])
    assert (row.file, row.cluster) == (one.name, told[0])


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_two_columns_of_labels_are_told(known, tmp_path, kind):
    images, labels = known
    table = pd.DataFrame(images.reshape(len(images), -1)).rename(columns="p{}".format)
    table = table.assign(digit=labels, label=labels[::-1])
    path = tmp_path / f"digits.{kind}"
    if kind == "csv":
        table.to_csv(path, index=False)
    else:
        table.to_parquet(path)
    digits = load_digits(path)
    assert digits.train_labels is None
    assert digits.notices[0] == (
        f"digits.{kind}: the columns digit, label may all hold labels, so none is read: rename all "
        "but one."
    )


@pytest.mark.parametrize("mixed", ["few inverted", "most inverted", "half"])
def test_single_pictures_with_ink_and_paper_the_other_way_round_are_turned(tmp_path, sample, mixed):
    images = sample.train_images[:40]
    others = np.zeros(40, bool)
    others[
        {"few inverted": [3, 17, 18], "most inverted": slice(4, 40), "half": slice(20)}[mixed]
    ] = 1
    given = np.where(others[:, None, None], 255 - images, images)
    np.save(tmp_path / "mixed.npy", given)
    read = load_images(tmp_path / "mixed.npy")
    np.testing.assert_array_equal(read.images, images)
    count, first = {"few inverted": (3, 3), "most inverted": (4, 0), "half": (20, 0)}[mixed]
    assert read.notices[-1] == (
        f"mixed.npy: {count} of 40 images have ink and paper the other way round than the rest "
        f"(the first has index {first}); they were turned."
    )
    alone = tmp_path / "alone.npy"
    for index in range(20):
        np.save(alone, given[[index]])
        np.testing.assert_array_equal(load_images(alone).images, images[[index]])


def framed(images):
    """A line around one of the pictures."""
    images[7, [0, -1]] = 255
    images[7][:, [0, -1]] = 255
    return images


def tight(images):
    """Cut to the ink, as a zero that fills its frame but for the corners."""
    images = np.zeros((30, 5, 5), np.uint8)
    images[:, 1:4, 2] = 255
    images[4] = 255
    images[4, 1:4, 1:4] = 0
    return images


def photographs(images):
    """Patches, of which no border is even."""
    photograph = load_sample_images().images[1].mean(axis=2).astype(np.uint8)
    patches = [
        photograph[y : y + 32, x : x + 32] for y in range(0, 384, 32) for x in range(0, 640, 32)
    ]
    return np.stack(patches)


@pytest.mark.parametrize("kind", [framed, tight, photographs])
def test_what_has_no_even_border_is_not_turned_by_itself(tmp_path, sample, kind):
    given = kind(sample.train_images[:40].copy())
    np.save(tmp_path / "given.npy", given)
    np.testing.assert_array_equal(load_images(tmp_path / "given.npy").images, given)
