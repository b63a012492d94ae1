"""The page's logic, without a browser."""

import io
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

from mnist_clust.data import load_digits
from mnist_clust.experiments.out_of_distribution import draw_letters
from mnist_explorer import app, photos, pictures, serve
from mnist_explorer.results import KINDS, PLAIN, SHARP, Clustering

pytestmark = pytest.mark.slow


def said(page):
    return " ".join(str(element.value) for element in [*page.markdown, *page.info, *page.caption])


def metrics(page):
    return {metric.label: metric.value for metric in page.metric}


def test_the_first_visit_shows_the_plain_map_and_no_digit(visit):
    page = visit()
    assert page.radio(key="map").value == PLAIN
    assert page.radio(key="dimensions").value == "2-D"
    assert page.slider(key="k").value == 10
    assert page.number_input(key="digit").value is None
    assert "Click a point" in said(page)


def test_an_address_brings_back_the_place(visit, few):
    page = visit(map=SHARP, dimensions="3-D", color="digit", k="12", digit="7", tab=app.METRICS)
    assert page.radio(key="map").value == SHARP
    assert page.radio(key="dimensions").value == "3-D"
    assert page.radio(key="color").value == "digit"
    assert page.slider(key="k").value == 12
    assert metrics(page)["digit"] == str(few[1][7])
    assert {"silhouette", "accuracy, by majority", "accuracy, one-to-one", "AMI", "ARI"} <= set(
        metrics(page)
    )


@pytest.mark.parametrize(
    "asked",
    [{"k": "99"}, {"digit": "-1"}, {"digit": "100000"}, {"digit": "x"}, {"map": "../etc"},
     {"tab": "none"}, {"color": "<script>"}, {"truth": "77"}, {"cluster": "Z"}],
)  # fmt: skip
def test_an_impossible_address_is_only_ignored(visit, asked):
    page = visit(**{"tab": app.MISTAKES, **asked})
    assert not page.error
    assert page.slider(key="k").value == 10
    assert page.number_input(key="digit").value is None
    assert page.radio(key="map").value == PLAIN
    assert page.radio(key="color").value == "cluster"
    if "tab" in asked:
        assert "Accuracy: each cluster" in said(page), "the first tab"
    else:
        assert page.selectbox(key="truth").value == page.selectbox(key="cluster").value == "all"


@pytest.mark.parametrize("number", ["inf", "-inf", "1e999"])
def test_an_endless_number_in_the_address_gets_one_sentence(visit, number):
    page = visit(digit=number)
    assert [error.value for error in page.error] == [
        "The address asks for an image that cannot be: take `digit` out of it."
    ]


def test_a_choice_survives_other_changes(visit, few):
    page = visit()
    page.number_input(key="digit").set_value(11).run()
    page.radio(key="color").set_value("silhouette").run()
    page.slider(key="k").set_value(4).run()
    page.radio(key="dimensions").set_value("3-D").run()
    assert page.number_input(key="digit").value == 11
    assert page.radio(key="color").value == "silhouette"
    assert metrics(page)["digit"] == str(few[1][11])
    assert not page.exception


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("tab", "shown"),
    [(app.SELECTION, "Draw a lasso"), (app.METRICS, "Accuracy: each cluster"),
     (app.MISTAKES, "mistakes, the deepest"), (app.NEW, "Draw a digit"),
     (app.OWN, "in your order")],
)  # fmt: skip
def test_every_view_of_every_map_shows(visit, kind, tab, shown):
    page = visit(map=kind, tab=tab, digit="3")
    assert not page.exception
    assert not page.error
    assert shown in said(page)
    assert -1 <= float(metrics(page)["silhouette"].replace("−", "-")) <= 1


def test_the_sharp_map_says_how_many_clusters_it_finds(visit):
    page = visit(map=SHARP, tab=app.METRICS)
    (found,) = (c.value for c in page.caption if c.value.startswith("The map itself finds"))
    assert 2 <= int(found.split()[-2]) <= 20
    page.radio(key="map").set_value(PLAIN).run()
    assert "The map itself" not in said(page)


def test_silhouettes_are_measured_when_the_map_is_there(visit, monkeypatch):
    def fail(*_):
        raise AssertionError("measured")

    page = visit(k="3", tab=app.OWN)
    assert "silhouette **…**" not in said(page), "measured in the end"
    monkeypatch.setattr("mnist_explorer.results.map_silhouettes", fail)
    drawn = []
    monkeypatch.setattr(app.components, "draw_map", lambda *_, **__: drawn.append("the map"))
    page.slider(key="k").set_value(6).run()
    assert drawn == ["the map"]
    assert page.exception[0].message == "measured"
    assert "silhouette **…** · k **6**" in said(page)


def test_a_line_says_what_is_shown(visit, few):
    page = visit(k="6")
    shown = next(m.value for m in page.markdown if "silhouette **" in m.value)
    assert shown.startswith(f"labelled: {len(few[0]) + 60:,} images · accuracy **")
    assert float(metrics(page)["accuracy, by majority"].rstrip("%")) == float(
        shown.split("accuracy **")[1].split("%")[0]
    )
    assert metrics(page)["silhouette"] in shown
    assert shown.endswith("k **6**")
    bare = next(m.value for m in visit("bare.npz").markdown if "silhouette **" in m.value)
    assert "accuracy" not in bare


@pytest.mark.parametrize("tab", [app.METRICS, app.MISTAKES, app.NEW])
def test_without_labels_the_page_says_what_it_cannot_show(visit, tab):
    page = visit("bare.npz", tab=tab, digit="3")
    assert page.radio(key="color").options == ["cluster", "silhouette"]
    assert ("no labels" in said(page)) == (tab != app.NEW)
    assert metrics(page)["digit"] == "-"


def test_mistakes_are_filtered_by_digit_and_cluster(visit):
    page = visit(tab=app.MISTAKES)

    def count():
        return int(next(m.value for m in page.markdown if "mistakes," in m.value).split()[0])

    every = count()
    assert every > 0
    by_digit, by_cluster = 0, 0
    for value in page.selectbox(key="truth").options[1:]:
        page.selectbox(key="truth").set_value(value).run()
        by_digit += count()
    page.selectbox(key="truth").set_value("all").run()
    options = page.selectbox(key="cluster").options[1:]
    assert len(options) == 10
    for value in options:
        page.selectbox(key="cluster").set_value(value).run()
        by_cluster += count()
    assert by_digit == by_cluster == every
    page.slider(key="k").set_value(2).run()
    assert not page.exception, "a cluster that is no more is not kept"


def test_a_selection_becomes_a_table(visit, few):
    page = visit()
    page.session_state["selected"] = np.array([3, 5, 8, 10**6])
    page.run()
    assert "**3** selected" in said(page)
    page.button(key="view").click().run()
    assert "3 digits selected" in said(page)
    page.button(key="clear").click().run()
    assert "selected" not in said(page)
    assert "Draw a lasso" in said(page)
    assert not page.exception


def test_the_table_keeps_rows_files_and_the_fifth_held_out(few, tmp_path):
    images, labels = (part[::11][:60] for part in few)
    for index, (image, label) in enumerate(zip(images, labels, strict=True)):
        (tmp_path / str(label)).mkdir(exist_ok=True)
        Image.fromarray(image).save(tmp_path / str(label) / f"{index:03}.png")
    digits = pictures.all_in_order(load_digits(tmp_path))
    clusters = np.arange(60, dtype=np.uint8) % 3
    shown = Clustering(clusters, 3, np.zeros((60, 2), np.float32), digits.train_labels)
    table = pd.read_csv(io.BytesIO(app.table_of(digits, shown, np.arange(60))))
    assert table["index"].tolist() == list(range(60))
    assert table.file.is_monotonic_increasing
    assert table.held_out.sum() == 12
    for row in table.itertuples():
        index = int(row.file.split("/")[1][:3])
        np.testing.assert_array_equal(digits.train_images[row.index], images[index])
        assert row.label == labels[index]


def upload(page, key, name, content):
    page.file_uploader(key=key).set_value((name, content, "application/octet-stream")).run()
    assert not page.exception


def test_an_uploaded_digit_lands_in_a_cluster_of_its_kind(visit, few):
    images, labels = few
    page = visit(tab=app.NEW)
    buffer = io.BytesIO()
    index = int(np.flatnonzero(labels == 0)[0])
    big = np.kron(np.pad(255 - images[index], 9, constant_values=255), np.ones((7, 7), np.uint8))
    Image.fromarray(big).convert("RGB").save(buffer, "JPEG")
    upload(page, "upload", "zero.jpg", buffer.getvalue())
    assert page.radio(key="map").value == SHARP
    assert ": 0**" in said(page)
    assert "of its nearest neighbours" in said(page)


def test_what_is_no_digit_is_doubted(visit):
    page = visit(tab=app.NEW)
    letters = draw_letters(9, (28, 28))
    doubted = 0
    for letter in letters:
        buffer = io.BytesIO()
        Image.fromarray(np.kron(letter, np.ones((9, 9), np.uint8))).save(buffer, "PNG")
        upload(page, "upload", "letter.png", buffer.getvalue())
        doubted += any(
            "Not sure: this may be no digit." in warning.value for warning in page.warning
        )
    assert doubted > len(letters) / 2


def test_a_new_digit_is_placed_again_on_other_data(monkeypatch):
    image = np.eye(9, 7, dtype=np.uint8)
    monkeypatch.setattr(app.st, "session_state", {"new": photos.Cut(image, image, image)})

    def atlas(digest, x):
        places = pd.DataFrame({"cluster": [0], "x": [x], "y": [0.0], "confidence": [1.0]})
        return SimpleNamespace(
            digits=SimpleNamespace(digest=digest, image_shape=image.shape),
            place=lambda *_: (places, np.zeros((1, 10), int), None),
        )

    for data in (atlas("one", 1.0), atlas("other", 2.0)):
        placed = app.place_new(data, SHARP, 2, 10, lambda *_: None)
        assert placed.x == data.place()[0].x[0]


def test_a_digit_on_its_side_is_remarked_upon(visit, few):
    images, labels = few
    page = visit(tab=app.NEW)
    said = []
    for index in np.flatnonzero(np.isin(labels, [2, 4, 7]))[:12]:
        buffer = io.BytesIO()
        Image.fromarray(np.kron(images[index].T, np.ones((9, 9), np.uint8))).save(buffer, "PNG")
        upload(page, "upload", "side.png", buffer.getvalue())
        said += [warning.value for warning in page.warning if "This image is" in warning.value]
        assert all(warning.startswith("Not sure: this may be no digit.") for warning in said)
    assert any("more like the known ones when" in sentence for sentence in said)


@pytest.mark.parametrize("name", ["train.csv", "train.parquet"])
def test_tables_are_explored_alike(visit, few, name):
    images, labels = (part[:80] for part in few)
    frame = pd.DataFrame(images.reshape(80, -1)).add_prefix("pixel").assign(label=labels)
    content = frame.to_csv(index=False).encode()
    if name.endswith("parquet"):
        content = frame.to_parquet()
    page = visit(tab=app.OWN)
    upload(page, "data_file", name, content)
    assert "your own 80 images" in page.success[0].value


def test_images_that_nobody_labelled_are_neither_right_nor_wrong(visit, few):
    images, labels = (part[:100] for part in few)
    page = visit(tab=app.OWN)
    content = as_npz(images=images, labels=np.where(np.arange(100) % 2, labels, -1))
    upload(page, "data_file", "half.npz", content)
    assert any("50 of 100 images have no label" in warning.value for warning in page.warning)
    page.radio(key="color").set_value("correctness").run()
    assert not page.exception


@pytest.mark.parametrize("content", [b"", b"nonsense", bytes(photos.PHOTOS.n_bytes + 1)])
def test_what_is_no_image_gets_one_sentence_and_changes_nothing(visit, content):
    page = visit(tab=app.NEW)
    upload(page, "upload", "broken.png", content)
    assert len(page.error) == 1
    assert page.error[0].value.count(".") == 1
    assert page.radio(key="map").value == PLAIN


def test_ones_own_data_are_explored_alike(visit, files):
    page = visit(tab=app.OWN, digit="7")
    assert page.number_input(key="digit").value == 7
    upload(page, "data_file", "bare.npz", (files / "bare.npz").read_bytes())
    assert "your own" in page.success[0].value
    assert page.number_input(key="digit").value is None, "nor does the address choose it again"
    assert page.radio(key="color").options == ["cluster", "silhouette"]
    page.button(key="back").click().run()
    assert not page.success
    assert "digit" in page.radio(key="color").options


def test_from_a_map_that_cannot_be_made_there_is_a_way_back(visit):
    page = visit(tab=app.OWN)
    shades = np.arange(60, 120, dtype=np.uint8)[:, None, None] * np.eye(9, 7, dtype=np.uint8)
    upload(page, "data_file", "shades.npz", as_npz(images=shades))
    page.radio(key="map").set_value(SHARP).run()
    assert "All images show the same strokes" in page.error[0].value
    page.button(key="back").click().run()
    assert not page.error
    assert "digit" in page.radio(key="color").options


def as_npz(**arrays):
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


NOISE = np.random.default_rng(0).integers(0, 256, (60, 9, 7), dtype=np.uint8)


@pytest.mark.parametrize(
    "content",
    [
        b"no archive",
        as_npz(x_train=NOISE[:0], x_test=NOISE),
        as_npz(x_train=NOISE[:3], x_test=NOISE),
        as_npz(x_train=NOISE, x_test=NOISE[:0]),
        as_npz(images=np.tile(NOISE, (4, 1, 1)), labels=np.arange(240)),
        as_npz(**{"![x](http://example.org/a.png)": NOISE}),
    ],
    ids=["no archive", "no training", "three to train", "no test", "many labels", "a link"],
)
def test_a_file_that_is_no_data_gets_one_sentence(visit, content):
    page = visit(tab=app.OWN)
    upload(page, "data_file", "mine.npz", content)
    assert page.error[0].value.startswith("mine.npz")
    assert "![" not in page.error[0].value
    assert "/tmp" not in page.error[0].value
    assert "digit" in page.radio(key="color").options, "the last data are still there"


def test_streamlit_is_told_to_stay_at_home():
    given = serve.arguments("sample", 8765, headless=True)
    assert "--server.address=127.0.0.1" in given
    assert "--browser.gatherUsageStats=false" in given
    assert f"--server.maxUploadSize={pictures.MAX_FILE_BYTES // 1024**2}" in given
    assert given[-2:] == ["--", "sample"]


def test_colours_stay_with_the_digit_on_every_map():
    labels = np.arange(40) % 10
    places = np.zeros((40, 2), np.float32)
    whole = Clustering(labels.astype(np.uint8), 10, places, labels)
    digits = app.colors_of(whole, "digit")
    clusters = app.colors_of(whole, "cluster")
    assert clusters.shades == digits.shades
    assert [name[3:] for name in clusters.names] == digits.names
    turned = Clustering(((labels + 3) % 10).astype(np.uint8), 10, places, labels)
    again = app.colors_of(turned, "cluster")
    assert again.names == clusters.names
    assert again.shades == clusters.shades
    np.testing.assert_array_equal(again.codes, clusters.codes)
    split = np.where(np.arange(40) < 10, labels, np.where(labels == 4, 10, labels))
    shared = app.colors_of(Clustering(split.astype(np.uint8), 11, places, labels), "cluster")
    assert shared.names[4] == "E: 4"
    assert shared.names[10] == "K: 4"
    assert len(set(shared.shades)) == 11
    assert len(set(app.cluster_shades(Clustering(split.astype(np.uint8), 20, places, None)))) == 20


def test_a_ramp_grows_lighter_and_what_has_no_label_is_grey():
    labels = np.arange(40) % 10 - 1
    shown = Clustering(np.arange(40, dtype=np.uint8) % 2, 2, np.eye(40, 2, dtype="f4"), labels)
    shades = [to_rgb(shade) for shade in app.colors_of(shown, "silhouette").shades]
    light = [np.dot(shade, [0.299, 0.587, 0.114]) for shade in shades]
    assert len(light) == 7
    assert light == sorted(light)
    assert app.colors_of(shown, "digit").shades[0] == app.MUTED
    assert app.colors_of(shown, "correctness").names == ["right", "wrong", "no label"]
