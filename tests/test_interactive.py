import base64
import io
import json
import re

import numpy as np
import pytest
from matplotlib.colors import to_hex
from PIL import Image

from mnist_clust import interactive
from mnist_clust.plots.style import class_colors


def data_of(page):
    return json.loads(re.search(r"const data = (\{.*\});", page.html)[1])


@pytest.mark.parametrize("n, shape", [(1, (28, 28)), (5001, (8, 8)), (120, (64, 50)), (3, (1, 3))])
def test_sheets_hold_every_image_in_its_place(n, shape):
    images = np.random.default_rng(0).integers(0, 256, (n, *shape), dtype=np.uint8)
    page = interactive.map_of_images(images, np.zeros((n, 2), np.float32), {}, "title")
    data = data_of(page)
    step = 2 if max(shape) > 32 else 1
    for index in (0, n // 2, n - 1):
        sheet = Image.open(io.BytesIO(page.files[data["sheets"][index // data["perSheet"]]]))
        row, column = divmod(index % data["perSheet"], data["columns"])
        width, height = data["image"]
        tile = np.asarray(sheet.convert("L"), float)[row * height :, column * width :]
        expected = 255.0 - images[index, ::step, ::step]
        assert np.abs(tile[:height, :width] - expected).max() <= 17


def test_places_and_groups_arrive_as_they_are():
    places = np.random.default_rng(0).normal(size=(7, 2)).astype(np.float32)
    codes = np.arange(7) % 3
    groups = {"kind": (codes, ["a", "</script>", "c"])}
    page = interactive.map_of_images(np.zeros((7, 4, 4), np.uint8), places, groups, "t")
    data = data_of(page)
    np.testing.assert_array_equal(np.frombuffer(base64.b64decode(data["x"]), "<f4"), places[:, 0])
    np.testing.assert_array_equal(
        np.frombuffer(base64.b64decode(data["groups"][0]["codes"]), "<i2"), codes
    )
    assert data["groups"][0]["names"] == ["a", "</script>", "c"]
    assert page.html.count("</script>") == 2, "no name ends the script"


def test_says_what_it_weighs():
    page = interactive.Page("t", "é", {"a": bytes(999_998)})
    assert page.megabytes == 1.0


def test_nothing_is_fetched():
    page = interactive.map_in_space(np.zeros((5, 3), np.float32), None, "t")
    assert not re.search(r'(src|href)="https?:', page.html)


def test_the_same_map_makes_the_same_page():
    places = np.random.default_rng(0).normal(size=(9, 3)).astype(np.float32)
    first, second = (interactive.map_in_space(places, np.arange(9) % 2, "t") for _ in range(2))
    assert first == second


def test_classes_have_the_colours_of_the_figures_in_space_too():
    labels = np.array([1, 7, 7, 1])
    page = interactive.map_in_space(np.zeros((4, 3), np.float32), labels, "t").html
    for color in class_colors([1, 7]):
        assert to_hex(color) in page
    bare = interactive.map_in_space(np.zeros((4, 3), np.float32), None, "t").html
    assert '"hovertemplate":"image %{customdata}' in bare
