"""The page's logic, without a browser."""

import io

import numpy as np
import pytest
from PIL import Image

from mnist_clust.explorer import app, pictures, serve
from mnist_clust.explorer.results import KINDS, PLAIN, SHARP


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
    assert page.slider(key="k").value == 10
    assert page.number_input(key="digit").value is None


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
@pytest.mark.parametrize("tab", [app.SELECTION, app.METRICS, app.MISTAKES, app.NEW, app.OWN])
def test_every_view_of_every_map_shows(visit, kind, tab):
    assert not visit(map=kind, tab=tab, digit="3").exception


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
    for value in "ABCDEFGHIJ":
        page.selectbox(key="cluster").set_value(value).run()
        by_cluster += count()
    assert by_digit == by_cluster == every
    page.slider(key="k").set_value(2).run()
    assert not page.exception, "a cluster that is no more is not kept"


def test_a_selection_becomes_a_table(visit, few):
    page = visit()
    page.session_state["selected"] = np.array([3, 5, 8, 10**6])
    page.run()
    assert "3 digits selected" in said(page)
    assert not page.exception


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


@pytest.mark.parametrize("content", [b"", b"nonsense", bytes(pictures.MAX_IMAGE_BYTES + 1)])
def test_what_is_no_image_gets_one_sentence_and_changes_nothing(visit, content):
    page = visit(tab=app.NEW)
    upload(page, "upload", "broken.png", content)
    assert len(page.error) == 1
    assert page.error[0].value.count(".") == 1
    assert page.radio(key="map").value == PLAIN


def test_ones_own_data_are_explored_alike(visit, files):
    page = visit(tab=app.OWN)
    upload(page, "data_file", "bare.npz", (files / "bare.npz").read_bytes())
    assert "your own" in page.success[0].value
    assert page.radio(key="color").options == ["cluster", "silhouette"]
    page.button[0].click().run()
    assert not page.success
    assert "digit" in page.radio(key="color").options


def test_a_file_that_is_no_data_gets_one_sentence(visit):
    page = visit(tab=app.OWN)
    upload(page, "data_file", "mine.npz", b"no archive")
    assert page.error[0].value.startswith("mine.npz")
    assert "/tmp" not in page.error[0].value
    assert "digit" in page.radio(key="color").options, "the last data are still there"


def test_streamlit_is_told_to_stay_at_home():
    given = serve.arguments("sample", 8765, headless=True)
    assert "--server.address=127.0.0.1" in given
    assert "--browser.gatherUsageStats=false" in given
    assert f"--server.maxUploadSize={pictures.MAX_FILE_BYTES // 1024**2}" in given
    assert given[-2:] == ["--", "sample"]
