"""The interactive pages of the report, in a real browser, opened from disk."""

import numpy as np
import pytest
from playwright.sync_api import TimeoutError
from sklearn.decomposition import PCA

from mnist_clust import interactive, load_digits
from mnist_clust.data import mnist_is_local
from numba_tsne import nearest_neighbors

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def digits():
    return load_digits("mnist" if mnist_is_local() else "sample")


@pytest.fixture(scope="module")
def plane(digits):
    return PCA(3, random_state=0).fit_transform(digits.flatten()[0]).astype(np.float32)


def write(page, folder):
    for name, content in page.files.items():
        (folder / name).write_bytes(content)
    (folder / "page.html").write_text(page.html, "utf-8")
    return folder / "page.html"


@pytest.fixture(scope="module")
def map_path(digits, plane, tmp_path_factory):
    groups = {
        "digit": (digits.train_labels, [str(digit) for digit in range(10)]),
        "cluster": ((plane[:, 0] > 0).astype(int), ["<left>", "right"]),
    }
    page = interactive.map_of_images(digits.train_images, plane[:, :2], groups, "A <map> & more")
    return write(page, tmp_path_factory.mktemp("map"))


def wait_for_image(page, index):
    page.wait_for_selector(f'#image[data-index="{index}"]')
    return np.array(
        page.evaluate(
            """() => {
              const canvas = document.getElementById("image");
              const {width, height} = canvas;
              return [...canvas.getContext("2d").getImageData(0, 0, width, height).data];
            }"""
        )
    ).reshape(28, 28, 4)[..., 0]


def center_of(page, x, y):
    return page.evaluate(
        """([x, y]) => {
          const map = document.getElementById("map"), {xaxis, yaxis} = map._fullLayout;
          const box = map.getBoundingClientRect();
          return [box.left + xaxis._offset + xaxis.l2p(x), box.top + yaxis._offset + yaxis.l2p(y)];
        }""",
        [float(x), float(y)],
    )


def point_at(page, point, index):
    """Move the mouse onto a point until its image shows: Plotly drops moves while it draws."""
    x, y = center_of(page, *point)
    for nudge in range(20):
        page.mouse.move(x + nudge % 2, y)
        try:
            page.wait_for_selector(f'#image[data-index="{index}"]', timeout=5000)
        except TimeoutError:
            continue
        return
    pytest.fail(f"pointing at ({x:.0f}, {y:.0f}) never showed image {index}")


def test_a_click_shows_the_image_of_that_digit(visit, map_path, digits, plane):
    page = visit(map_path)
    page.wait_for_selector("#map[data-ready=yes]")
    alone = nearest_neighbors(plane[:, :2], 1).distances[:, 0]
    for index in np.argsort(-alone)[:3]:
        point_at(page, plane[index, :2], index)
        page.mouse.down()
        page.mouse.up()
        page.wait_for_function(f"document.getElementById('number').value === '{index}'")
        shown = wait_for_image(page, index)
        assert np.abs(255.0 - shown - digits.train_images[index]).max() <= 17, "sixteen grays"
        assert f"Image {index}: digit {digits.train_labels[index]}" in page.inner_text("#about")


def test_any_image_can_be_asked_for_by_its_number(visit, map_path, digits):
    page = visit(map_path)
    page.wait_for_selector("#map[data-ready=yes]")
    last = len(digits.train_images) - 1
    page.fill("#number", str(last))
    page.press("#number", "Enter")
    shown = wait_for_image(page, last)
    assert np.abs(255.0 - shown - digits.train_images[last]).max() <= 17


def test_colors_change_and_names_are_only_text(visit, map_path):
    page = visit(map_path)
    page.wait_for_selector("#map[data-ready=yes]")
    page.check('input[value="cluster"]')
    page.wait_for_selector("#map[data-color=cluster]")
    seen = page.evaluate(
        "document.getElementById('map').data.filter(t => t.visible === true).length"
    )
    assert seen == 2, "one trace a cluster"
    assert page.title() == "A <map> & more"


def test_fits_a_phone(visit, map_path):
    page = visit(map_path, viewport={"width": 390, "height": 800})
    page.wait_for_selector("#map[data-ready=yes]")
    drawn, map_width = page.evaluate(
        """() => ["#map .gl-canvas", "#map"].map(
             name => document.querySelector(name).getBoundingClientRect().width)"""
    )
    assert drawn == pytest.approx(map_width, abs=1), "the points fill the map"
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.locator("#image").bounding_box()["y"] < 700, "in sight, for the map takes touches"


def test_the_map_in_space_draws(visit, digits, plane, tmp_path):
    some = slice(None, None, len(plane) // 3000)  # the sample is sorted by digit
    page = interactive.map_in_space(plane[some], digits.train_labels[some], "In space")
    opened = visit(write(page, tmp_path))
    opened.wait_for_function("document.querySelector('.js-plotly-plot')?.data?.length === 10")
    opened.wait_for_selector(".gl-container canvas, #scene canvas")
    assert opened.title() == "In space"
