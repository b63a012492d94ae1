"""Whatever comes to any door gets in or is refused: in one sentence, with the right status.

Three tables, of files, of saved maps and of arrays; each kind is tried at each door. Where one does
not apply, `NOT_TRIED` says why.
"""

import base64
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import kinds
import numpy as np
import pytest
from click.testing import CliRunner
from helpers import unprivileged
from kinds import CONTENTS, DOORS, FOLDERS, PICTURES, PLACES, UNREADABLE, UPLOADS, WORKS
from PIL import Image

from image_files.reading import DataError
from mnist_clust import load_digits
from mnist_clust.__main__ import main
from mnist_clust.data import load_images
from mnist_clust.features import Deskew, NormalizeSize, OrientedGradients
from mnist_clust.pipeline import ImageClusterer
from mnist_explorer import photos, pictures, serve
from mnist_report import report
from numba_tsne import TSNE, nearest_neighbors

NO_PICTURE = "not a PNG, JPEG or HEIC image|more than 25 MB|did not arrive whole"
NOT_TRIED = {
    ("places", door): "a browser sends bytes, and no path is opened"
    for door in ("upload", *PICTURES)
}


def said_by(call, *arguments):
    """Return the sentence of a function that refuses, or WORKS."""
    try:
        call(*arguments)
    except DataError as error:
        return str(error)
    return WORKS


def said_by_command(*arguments, out):
    """Return the sentence of a command that refuses with status 2 and leaves nothing behind."""
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    if result.exit_code == 0:
        return WORKS
    assert result.exit_code == 2, result.output
    assert isinstance(result.exception, SystemExit)
    assert "Traceback" not in result.output
    assert not list(out.rglob("*")), "half an output is left"
    return result.stderr.split("Error: ", 1)[1].strip()


@pytest.fixture
def knock(monkeypatch, model_folder, shared):
    """Bring a file to a door; what lies behind doors that only load is left out."""
    done = SimpleNamespace(broken=[])
    monkeypatch.setattr(report, "make_report", lambda *_: done)
    monkeypatch.setattr(report, "summary", lambda _: "made")
    monkeypatch.setattr(serve, "serve", lambda *_, **__: None)
    out = shared / "out"
    out.mkdir()
    out.chmod(0o777)
    shutil.copytree(model_folder, shared / "model")
    (shared / "model").chmod(0o755)  # others may read it, too

    def go(door, path):
        if door == "MNIST_CLUST_DATA":
            monkeypatch.setenv(door, str(path))
            return said_by(load_digits, "mnist")
        if door == "upload":
            return said_by(pictures.read_data, path.read_bytes(), path.name)
        if door == "upload of an image":
            return said_by(photos.read_photo, path.read_bytes())
        if door == "drawing":
            url = photos.PNG_URL + base64.b64encode(path.read_bytes()).decode()
            return said_by(photos.read_drawing, url)
        commands = {
            "cluster": ["cluster", path, "--clusters", "2", "--out", out],
            "assign": ["assign", path, "--model", shared / "model", "--out", out / "assigned.csv"],
            "report": ["report", "--data", path],
            "explore": ["explore", "--data", path],
        }
        if door in commands:
            return said_by_command(*commands[door], out=out)
        return said_by({"load_digits": load_digits, "load_images": load_images}[door], path)

    return go


def agree(said, expected):
    if expected is WORKS or said is WORKS:
        assert said is expected, "works, or not, against what was expected"
        return
    assert re.search(expected, said), said
    assert "\n" not in said
    assert said.endswith(".")
    assert not Path("exploded").exists(), "something was unpickled"


@pytest.fixture(autouse=True)
def here(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)


# --- files ---------------------------------------------------------------------------------------


def slow_if_large(name):
    return pytest.param(name, marks=pytest.mark.slow) if name == "512.npy" else name


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("name", UNREADABLE)
def test_files_that_cannot_be_read(name, door, knock, tmp_path):
    content, expected = UNREADABLE[name]
    (tmp_path / name).write_bytes(content)
    if door == "upload":
        expected = UPLOADS.get(name, expected)
    if door in PICTURES:
        expected = NO_PICTURE
    agree(knock(door, tmp_path / name), expected)


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("name", [slow_if_large(name) for name in CONTENTS])
def test_arrays_that_can_be_read(name, door, knock, tmp_path):
    if (name, door) in NOT_TRIED:
        pytest.skip(NOT_TRIED[name, door])
    kind = CONTENTS[name]
    (tmp_path / name).write_bytes(kind.content)
    expected = kind.unlike.get(door, kind.said)
    if door == kinds.MNIST:
        expected = rf"is not all of MNIST|each part needs some|one size|{kinds.MATRIX}"
    if door in PICTURES:
        expected = NO_PICTURE
    agree(knock(door, tmp_path / name), expected)


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("name", FOLDERS)
def test_folders(name, door, knock, tmp_path):
    if ("places", door) in NOT_TRIED:
        pytest.skip(NOT_TRIED["places", door])
    make, expected, unlike = FOLDERS[name]
    make(tmp_path / name)
    expected = unlike.get(door, expected)
    if door == kinds.MNIST and (expected is WORKS or "holds no" not in expected):
        expected = rf"not all of MNIST|does not hold MNIST|{expected}"
    agree(knock(door, tmp_path / name), expected)


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("name", PLACES)
def test_places_where_no_file_is(name, door, knock, shared, monkeypatch, model_folder):
    if ("places", door) in NOT_TRIED:
        pytest.skip(NOT_TRIED["places", door])
    make, expected = PLACES[name]
    make(shared / name)
    with unprivileged():
        if not os.access(shared, os.X_OK, effective_ids=os.access in os.supports_effective_ids):
            pytest.skip(f"others than root may not enter {shared.parent}")
        said = knock(door, shared / name)
    agree(said, expected)


@pytest.mark.parametrize(
    ("source", "expected"),
    [("~nobody-of-this-name/x.npz", "nobody knows"), ("a\0b.npz", "does not exist")],
)
def test_names_that_are_none(source, expected, knock):
    for door in DOORS[:6]:
        agree(knock(door, source), expected)
    if "\0" not in source:  # which no environment can hold
        agree(knock(kinds.MNIST, source), expected)


# --- saved maps ----------------------------------------------------------------------------------


def changed(**arrays):
    """Make a saved map with other arrays, or, for None, without them."""

    def change(whole):
        return kinds.npz(**{k: v for k, v in (whole | arrays).items() if v is not None})

    return change


def parameters(text):
    return changed(parameters=np.frombuffer(text.encode(), np.uint8))


def first(value, of, kind=None):
    def change(whole):
        array = whole[of].astype(kind or whole[of].dtype)
        array.flat[0] = value
        return changed(**{of: array})(whole)

    return change


NO_MAP = "is not a saved map"
MAPS = {
    "missing": (lambda whole: None, "holds no model.npz"),
    "empty": (lambda whole: b"", kinds.DAMAGED),
    "half": (lambda whole: kinds.npz(**whole)[:5000], kinds.DAMAGED),
    "flipped": (lambda whole: kinds.flipped(kinds.npz(**whole), 5000), kinds.DAMAGED),
    "text": (lambda whole: b"hello", kinds.DAMAGED),
    "wrong magic": (lambda whole: b"\x89PNG" + kinds.npz(**whole)[4:], kinds.DAMAGED),
    "objects": (changed(rows=kinds.objects()), "never unpickled"),
    "zip bomb": (lambda whole: kinds.zipped(kinds.described("(1000000000000, 28)")),
                 kinds.TOO_LARGE),
    "other arrays": (lambda whole: kinds.npz(images=kinds.IMAGES), NO_MAP),
    "no parameters": (changed(parameters=None), NO_MAP),
    "parameters of something else": (parameters('{"a": 1}'), NO_MAP),
    "parameters in a list": (parameters("[1]"), NO_MAP),
    "parameters in a word": (parameters('"abc"'), NO_MAP),
    "a number of parameters": (parameters("5"), NO_MAP),
    "parameters of nobody": (parameters("null"), NO_MAP),
    "unknown parameters": (parameters('{"n_neighbors": 15, "unknown": 1}'), NO_MAP),
    "format in words": (changed(format=np.array("2")), NO_MAP),
    "no format": (changed(format=np.empty(0, int)), NO_MAP),
    "complex places": (lambda whole: changed(embedding=whole["embedding"] + 0j)(whole), NO_MAP),
    "no form": (first(np.nan, "form"), "not a saved map"),
    "names in a word": (changed(names=np.frombuffer(b'"A"', np.uint8)), "names that are none"),
    "names of others": (changed(names=np.frombuffer(b'["A"]', np.uint8)), "names of other"),
    "parameters too deep": (parameters("[" * 100_000), NO_MAP),
    "neighbours in words": (parameters('{"n_neighbors": "ten"}'), "no neighbours"),
    "no neighbours": (parameters('{"n_neighbors": 0}'), "no neighbours"),
    "lengths": (lambda whole: changed(clusters=whole["clusters"][:-1])(whole), "lengths"),
    "rows in a line": (lambda whole: changed(rows=whole["rows"].ravel())(whole), NO_MAP),
    "other components": (lambda whole: changed(mean=whole["mean"][:-1])(whole), "another shape"),
    "a mean of two axes": (
        lambda whole: changed(mean=whole["mean"][:, None],
                              components=whole["components"][:, :, None])(whole),
        "another shape"),
    "NaN": (first(np.nan, "rows"), "not finite"),
    "infinity": (first(np.inf, "embedding"), "not finite"),
    "letters": (lambda whole: changed(mean=whole["mean"].astype(str))(whole), NO_MAP),
    "clusters by the billion": (first(10**9, "clusters"), "clusters of other images"),
    "clusters below zero": (first(-1, "clusters"), "clusters of other images"),
    "clusters in fractions": (first(0.5, "clusters", float), "not whole"),
    "no image size": (lambda whole: changed(image_shape=np.full(2, np.nan))(whole), "not whole"),
    "another size": (changed(image_shape=np.array([28, 28])), "bring them to that size"),
}  # fmt: skip


@pytest.mark.parametrize("name", MAPS)
def test_saved_maps_that_are_none(name, model_folder, tmp_path):
    change, expected = MAPS[name]
    folder, out = tmp_path / "saved größe", tmp_path / "out"
    folder.mkdir()
    out.mkdir()
    with np.load(model_folder / "model.npz") as whole:
        content = change(dict(whole))
    if content is not None:
        (folder / "model.npz").write_bytes(content)
    np.save(tmp_path / "images.npy", kinds.IMAGES)
    if name != "another size":
        agree(said_by(ImageClusterer.load, folder), expected)
    command = ["assign", tmp_path / "images.npy", "--model", folder, "--out", out / "a.csv"]
    agree(said_by_command(*command, out=out), expected)


def test_places_where_no_saved_map_is(shared):
    np.save(shared / "images.npy", kinds.IMAGES)
    (shared / "file").write_text("")
    (shared / "inside" / "model.npz").mkdir(parents=True)
    (shared / "closed").mkdir()
    (shared / "closed" / "model.npz").write_bytes(kinds.npz(images=kinds.IMAGES))
    (shared / "closed" / "model.npz").chmod(0)
    out = shared / "out"
    out.mkdir()
    for folder, expected in {
        "nowhere": "holds no model.npz",
        "inside": "holds no model.npz",
        "closed": "change its permissions",
        "file": "is a file",
    }.items():
        command = ["assign", shared / "images.npy", "--model", shared / folder]
        with unprivileged():
            said = said_by_command(*command, "--out", out / "a.csv", out=out)
        agree(said, expected)


# --- outputs -------------------------------------------------------------------------------------


def test_a_closed_folder_is_noticed_before_the_work(shared, monkeypatch):
    monkeypatch.setattr(ImageClusterer, "fit", lambda *_: pytest.fail("worked for nothing"))
    np.save(shared / "images.npy", kinds.IMAGES)
    (shared / "closed").mkdir(0o555)
    with unprivileged():
        if os.access(shared / "closed", os.W_OK, effective_ids=True):
            pytest.skip("this system closes no folder to us")
        command = ["cluster", str(shared / "images.npy"), "--out", str(shared / "closed")]
        result = CliRunner().invoke(main, command)
    assert result.exit_code == 1, result.output
    assert "closed could not be written" in result.stderr


def test_a_folder_can_be_clustered_again_beside_its_results(tmp_path):
    (tmp_path / "pictures").mkdir()
    for number, image in enumerate(kinds.IMAGES):
        Image.fromarray(image).save(tmp_path / "pictures" / f"{number:02}.png")
    tables = []
    for _ in range(2):
        result = CliRunner().invoke(main, ["cluster", ".", "--clusters", "2"])
        assert result.exit_code == 0, result.output
        (out,) = tmp_path.glob("clusters-*")
        tables.append((out / "clusters.csv").read_bytes())
    assert tables[0] == tables[1]


def test_pictures_of_sixteen_bits_keep_their_levels(tmp_path):
    for bits in (8, 12, 16):
        folder = tmp_path / str(bits)
        folder.mkdir()
        for number, image in enumerate(kinds.IMAGES):
            deep = image.astype(np.uint32) * (2**bits - 1) // 255
            Image.fromarray(deep.astype(np.uint16)).save(folder / f"{number:02}.png")
        found = load_images(folder).images
        assert len(np.unique(found)) > 100
        np.testing.assert_allclose(found.astype(int), kinds.IMAGES, atol=3)  # 15.9 of 16


@pytest.mark.parametrize("command", ["cluster", "assign"])
@pytest.mark.parametrize("place", ["beneath a file", "in a closed folder"])
def test_outputs_that_cannot_be_written_are_a_failure(command, place, shared, model_folder):
    np.save(shared / "images.npy", kinds.IMAGES)
    (shared / "file").write_text("")
    (shared / "closed").mkdir(0o555)
    folder = shared / ("file" if place == "beneath a file" else "closed")
    arguments = [command, str(shared / "images.npy"), "--out", str(folder / "out")]
    model = ImageClusterer.load(model_folder)
    if command == "assign":
        arguments += ["--model", str(shared)]
        model.save(shared)
    with unprivileged():
        result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 1, result.output
    assert "could not be written" in result.stderr
    assert "Traceback" not in result.output
    assert not [path for path in folder.rglob("*") if path.is_file()]


# --- arrays --------------------------------------------------------------------------------------

FEW = kinds.IMAGES[:40]
STRANGE = (ValueError, TypeError)  # as scikit-learn has it: TypeError for what is no number


def rows(images):
    """Lay images out as rows for those who take rows; leave anything else as it is."""
    array = np.asarray(images)
    return array.reshape(len(array), -1) if array.ndim == 3 and array.size else images


QUICK = {"perplexity": 5, "n_iter": 10, "early_exaggeration_iter": 5, "random_state": 0}
TAKES_ROWS = {
    "TSNE": lambda X, _: TSNE(**QUICK).fit_transform(rows(X)),
    "nearest_neighbors": lambda X, _: nearest_neighbors(rows(X), 3).distances,
    "TSNE.transform": lambda X, known: known.transform(rows(X)),
}
TAKES_IMAGES = {
    "Deskew": lambda X, _: Deskew().fit_transform(X),
    "NormalizeSize": lambda X, _: NormalizeSize().fit_transform(X),
    "OrientedGradients": lambda X, _: OrientedGradients().fit_transform(X),
    "ImageClusterer": lambda X, _: ImageClusterer(2).fit(np.asarray(X)).embedding_,
}
ALL = {**TAKES_ROWS, **TAKES_IMAGES}
T, N, P, C = "TSNE", "nearest_neighbors", "TSNE.transform", "ImageClusterer"

# For those who take rows and those who take images: what they say; then who says something else.
ARRAYS = {
    "none": (None, "Expected 2D|scalar", "scalar|no len|unsized|there are none", {
        T: "nothing to map", P: "needs the neighbours", C: "there are none"}),
    "no image": (FEW[:0], "minimum of|dim 3", "minimum of", {C: "from 1 to the number|minimum of"}),
    "no pixels": (FEW[:, :0], "dim 3", "height, width", {}),
    "one image": (FEW[:1], "minimum of 2|between 1 and 0", WORKS, {P: WORKS, C: "from 1 to"}),
    "flat": (FEW.reshape(40, 64), WORKS, "height, width", {}),
    "a single row": (FEW[0, 0], "Expected 2D", "height, width", {}),
    "colour": (np.stack([FEW] * 3, -1), "dim 4", "height, width", {}),
    "letters": (FEW.astype(str).tolist(), "^", "not compatible with arrays of", {
        T: WORKS, N: WORKS, P: WORKS}),
    "words": ([[["a"]]] * 40, "could not convert", "not compatible with arrays of", {}),
    "dates": (FEW.astype("M8[s]"), WORKS, "must be numbers", {}),
    "objects": (np.full((40, 8, 8), object()), "must be a string", "must be a string", {}),
    "ragged": ([[[1]], [[1, 2]]], "inhomogeneous", "inhomogeneous", {}),
    "complex": (FEW * 1j, "Complex data", "Complex data", {}),
    "NaN": (np.where(FEW == 7, np.nan, FEW), "NaN", "NaN", {}),
    "infinity": (np.where(FEW == 7, np.inf, FEW), "infinity", "infinity", {}),
    "huge": (FEW * 1e300, "beyond 1e.37", "from 0 to 255", {}),
    "tiny": (FEW * 1e-310, "differ by less than", WORKS, {P: WORKS, C: "the same strokes"}),
    "below zero": (FEW - 128.0, WORKS, "from 0 to 255", {}),
    "16 bits": (FEW.astype(np.uint16) * 257, WORKS, "from 0 to 255", {}),
    "half floats": ((FEW / 255).astype(np.float16), WORKS, WORKS, {}),
    "truths": (FEW > 127, WORKS, WORKS, {}),
    "all blank": (FEW * np.uint8(0), "equal", WORKS, {N: WORKS, P: WORKS, C: "the same strokes"}),
    "all equal": (FEW[[0] * 40], "equal", WORKS, {N: WORKS, P: WORKS, C: "the same strokes"}),
    "only two kinds": (FEW[[0, 1] * 20], WORKS, WORKS, {}),
    "1×1": (FEW[:, :1, :1], WORKS, WORKS, {P: "1 features", C: "the same strokes"}),
    "one line": (FEW[:, :1], WORKS, WORKS, {P: "8 features"}),
    "512×512": (np.kron(FEW[:12], np.ones((64, 64), np.uint8)), WORKS, WORKS, {P: "features"}),
}  # fmt: skip


@pytest.fixture(scope="module")
def known():
    return TSNE(**QUICK).fit(rows(FEW))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("door", ALL)
@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_at_estimators(name, door, known):
    """scikit-learn's own sentences may have several lines; they are theirs."""
    X, of_rows, of_images, unlike = ARRAYS[name]
    expected = unlike.get(door, of_rows if door in TAKES_ROWS else of_images)
    try:
        found = ALL[door](X, known)
    except STRANGE as error:
        assert expected is not WORKS, error
        assert re.search(expected, str(error)), error
    else:
        assert expected is WORKS
        assert np.isfinite(found).all()


def test_rows_and_neighbors_of_different_lengths():
    graph = nearest_neighbors(rows(FEW[:30]), 20)
    with pytest.raises(ValueError, match="those of 30 points and X has 40"):
        TSNE(**QUICK).fit(rows(FEW), neighbors=graph)
    with pytest.raises(ValueError, match="The queries have 8 features and the data 64"):
        nearest_neighbors(rows(FEW), 3, queries=FEW[0])


# --- words on the command line -------------------------------------------------------------------


@pytest.mark.parametrize("count", ["many", "0", "-1", "2.5", "1e3", "", "9" * 5000, "²", "61"])
def test_numbers_of_clusters_that_are_none(count, tmp_path):
    (tmp_path / "out").mkdir()
    np.save(tmp_path / "x.npy", kinds.IMAGES)
    command = ["cluster", tmp_path / "x.npy", f"--clusters={count}", "--out", tmp_path / "out"]
    said = said_by_command(*command, out=tmp_path / "out")
    agree(said, "neither 'auto' nor a number|more than the 48 training images")
    assert len(said) < 150


@pytest.mark.parametrize("port", ["0", "65536", "http", "-1"])
def test_ports_that_are_none(port, tmp_path):
    agree(said_by_command("explore", f"--port={port}", out=tmp_path), "Invalid value for '--port'")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "status", "expected"),
    [
        (["cluster", "größe & co.npz"], 2, "größe & co.npz is damaged or truncated"),
        (["assign", "fine.npy", "--model", "."], 2, "model.npz holds Python objects"),
        (["cluster", "fine.npy", "--out", "fine.npy/out"], 1, "could not be written"),
    ],
)
def test_real_processes_end_with_a_sentence_and_a_status(arguments, status, expected, tmp_path):
    np.save(tmp_path / "fine.npy", kinds.IMAGES)
    (tmp_path / "größe & co.npz").write_bytes(kinds.npz(images=kinds.IMAGES)[:900])
    (tmp_path / "model.npz").write_bytes(kinds.npz(rows=kinds.objects()))
    before = sorted(tmp_path.iterdir())
    done = subprocess.run(
        [sys.executable, "-m", "mnist_clust", *arguments],
        cwd=tmp_path, capture_output=True, encoding="utf-8", check=False,
        env={**os.environ, "LC_ALL": "C"},
    )  # fmt: skip
    assert done.returncode == status
    assert expected in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(tmp_path.iterdir()) == before
