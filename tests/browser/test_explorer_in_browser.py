"""The explorer in a real browser: on full MNIST where it is there, else on the sample."""

import csv
import io
import itertools
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mnist_clust import load_digits

pytestmark = pytest.mark.browser

MAKING = 900_000  # milliseconds to start, or for a map of 60,000 digits, on a busy machine
SOON = 60_000  # for all else
SMALL = 60_000  # bytes; a figure of 60,000 points has seven times as many, and Plotly's more yet


class Server:
    """An explorer in a process of its own."""

    def __init__(self, source):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        command = [sys.executable, "-m", "mnist_clust", "explore", "--data", source, "--headless"]
        self.process = subprocess.Popen(
            [*command, "--port", str(self.port)], stdout=subprocess.PIPE, text=True
        )
        silent = threading.Timer(MAKING / 1000, self.process.kill)
        silent.start()
        try:
            for line in self.process.stdout:
                if self.url in line:  # said when it listens
                    return
        finally:
            silent.cancel()
        pytest.fail(f"the explorer ended with status {self.process.wait()}")

    def memory_mb(self):
        status = Path(f"/proc/{self.process.pid}/status")
        if not status.exists():
            pytest.skip("no /proc on this machine to read the server's memory from")
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(lines["VmRSS"].split()[0]) / 1024

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(60) == 0, "Ctrl-C ends it quietly"


@pytest.fixture(scope="module")
def source():
    return "sample"  # on all of MNIST two of these wait longer than a minute for 60,000 points


@pytest.fixture(scope="module")
def digits(source):
    return load_digits(source)


@pytest.fixture(scope="module")
def server(browser, source):  # a missing browser skips before anything is computed
    running = Server(source)
    yield running
    running.stop()


@pytest.fixture
def explorer(visit, server):
    def open_page(query="", **context):
        page = visit(f"{server.url}/{query}", **context)
        page.set_default_timeout(SOON)
        page.wait_for_selector(".map[data-ready=yes]", timeout=MAKING)
        return page

    return open_page


def point(page, index):
    """Say where a digit is, and which one a click there chooses."""
    canvas = page.locator(".map canvas")
    canvas.scroll_into_view_if_needed()
    x, y = canvas.evaluate("(canvas, index) => canvas.placeOf(index)", int(index))
    return x, y, canvas.evaluate("(canvas, [x, y]) => canvas.pickAt(x, y)", [x, y])


def clickable(page, count, start=0):
    """Find digits that lie in front, so that a click on them is meant for them."""
    found = (i for i in range(start, count) if point(page, i)[2] == i)
    return next(found)


def wait_for_digit(page, index):
    page.wait_for_function(
        """index => [...document.querySelectorAll('.st-key-detail [data-testid=stImage]')]
             .some(image => image.innerText.startsWith(`Image ${index},`)
                            && image.querySelector("img").complete)""",
        arg=int(index),
    )
    page.wait_for_selector(f'.mark[data-index="{index}"]')


def sidebar_image(page, shape):
    """Read the large image back, reduced to its own size."""
    levels = page.evaluate(
        """() => {
          const image = document.querySelector(".st-key-detail [data-testid=stImage] img");
          const canvas = document.createElement("canvas");
          canvas.width = image.naturalWidth; canvas.height = image.naturalHeight;
          const context = canvas.getContext("2d");
          context.drawImage(image, 0, 0);
          return [canvas.height, canvas.width,
                  [...context.getImageData(0, 0, canvas.width, canvas.height).data]];
        }"""
    )
    height, width, values = levels
    grey = np.array(values).reshape(height, width, 4)[..., 0]
    return grey[:: height // shape[0], :: width // shape[1]]


def listen(page):
    """Collect the sizes of what the server sends from now on."""
    sizes = []
    session = page.context.new_cdp_session(page)
    session.on(
        "Network.webSocketFrameReceived",
        lambda event: sizes.append(len(event["response"]["payloadData"])),
    )
    session.send("Network.enable")
    return sizes


@pytest.mark.parametrize("query", ["", "?dimensions=3-D"])
def test_a_click_shows_the_image_of_that_digit_and_sends_no_figure(explorer, digits, query):
    page = explorer(query)
    sizes = listen(page)
    index = clickable(page, len(digits.train_images), start=100)
    page.mouse.click(*point(page, index)[:2])
    wait_for_digit(page, index)
    np.testing.assert_array_equal(
        sidebar_image(page, digits.image_shape), 255 - digits.train_images[index]
    )
    assert page.get_attribute(".map", "data-taken") == "1", "the map got its data once"
    assert 0 < sum(sizes) < SMALL
    assert f"digit {digits.train_labels[index]}" in page.inner_text(".mark")


def test_the_address_brings_a_person_back(explorer, digits):
    page = explorer("?color=digit&k=12&dimensions=3-D")
    index = clickable(page, len(digits.train_images))
    page.mouse.click(*point(page, index)[:2])
    wait_for_digit(page, index)
    page.wait_for_function("index => location.search.includes(`digit=${index}`)", arg=index)
    again = explorer(page.url.split("/")[-1])
    wait_for_digit(again, index)
    again.wait_for_selector('.map[data-color=digit][data-places$="3"]')
    assert again.get_by_role("slider").input_value() == "12"


def test_colour_and_number_of_clusters_change(explorer, digits):
    page = explorer()
    for color in ("digit", "correctness", "silhouette", "cluster"):
        page.locator(".st-key-color label", has_text=color).click()
        page.wait_for_selector(f".map[data-color={color}]")
    assert page.locator(".legend button").count() == 10
    page.get_by_role("slider").press("ArrowRight")
    page.locator(".legend button").nth(10).wait_for()
    assert page.locator(".legend button").count() == 11
    sizes = page.locator(".legend button").all_inner_texts()
    assert sizes[0].startswith("A: ")
    letters = [size[0] for size in sizes]
    assert letters == sorted(letters)


def test_a_lasso_becomes_a_contact_sheet_and_a_table(explorer, digits):
    page = explorer("?color=digit")
    count = len(digits.train_images)
    page.get_by_role("button", name="Lasso").click()
    box = page.locator(".map canvas").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x - 80, y - 80)
    page.mouse.down()
    corners = [(90, -80), (80, 90), (-90, 80)]
    for dx, dy in corners:
        page.mouse.move(x + dx, y + dy)
    page.mouse.up()
    bar = page.locator(".st-key-chosen")
    bar.wait_for()
    with page.expect_download() as download:
        bar.get_by_role("button", name="CSV").click()
    rows = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text("utf-8"))))
    assert bar.inner_text().startswith(f"{len(rows):,} selected")
    assert page.get_attribute(".map", "data-selected") == str(len(rows)), "the rest is dimmed"
    bar.get_by_role("button", name="View").click()
    page.get_by_text(f"{len(rows):,} digits selected.").wait_for()
    chosen = {int(row["index"]) for row in rows}
    everywhere = digits.train_index.tolist()
    assert 0 < len(chosen) < count
    for row in rows[:50]:
        assert int(row["label"]) == digits.train_labels[everywhere.index(int(row["index"]))]
    left, right = x - 95, x + 95
    inside = [
        left <= page.locator(".map canvas").evaluate("(c, i) => c.placeOf(i)", i)[0] <= right
        for i in (everywhere.index(index) for index in list(chosen)[:50])
    ]
    assert all(inside)
    first = page.locator(".st-key-selection button").first
    index = int(first.get_attribute("data-index"))
    first.click()
    wait_for_digit(page, index)
    assert page.locator(".map").evaluate("map => map.pointMap.outlines.length") == 4
    bar.get_by_role("button", name="Clear").click()
    bar.wait_for(state="detached")
    page.wait_for_selector(".map[data-selected='0']")
    assert page.locator(".map").evaluate("map => map.pointMap.outlines") is None


def test_a_mistake_is_shown_on_the_map(explorer, digits):
    page = explorer("?tab=Mistakes")
    mistake = page.locator(".st-key-wrong button").nth(2)
    index, caption = int(mistake.get_attribute("data-index")), mistake.inner_text()
    mistake.focus()
    page.keyboard.press("Enter")
    wait_for_digit(page, index)
    assert caption.strip().startswith(f"{digits.train_labels[index]} →")
    x, y, _ = point(page, index)
    box = page.locator(".map canvas").bounding_box()
    assert box["x"] < x < box["x"] + box["width"]
    assert box["y"] < y < box["y"] + box["height"]


def test_a_mouse_over_a_point_shows_it_without_the_server(explorer, digits):
    page = explorer()
    page.wait_for_function(
        "[...document.querySelectorAll('.st-key-sheets img')].every(image => image.complete)"
    )
    page.wait_for_function("!document.querySelector('[data-testid=stProgress]')")
    index = clickable(page, len(digits.train_images), start=100)
    page.mouse.move(5, 5)
    sizes = listen(page)
    page.mouse.move(*point(page, index)[:2])
    page.wait_for_selector(f'.map[data-hover="{index}"]')
    tip = page.locator(".tip")
    assert tip.is_visible()
    assert tip.locator("b").inner_text().startswith(f"digit {digits.train_labels[index]}, cluster ")
    assert tip.locator("i").inner_text() == f"image {index}"
    shown = page.locator(".map").evaluate(
        """(map, index) => {
          const {sheet, x, y} = map.pointMap.tile(index), [w, h] = map.pointMap.data.image;
          const canvas = document.createElement("canvas"), context = canvas.getContext("2d");
          [canvas.width, canvas.height] = [w, h];
          context.drawImage(sheet, x, y, w, h, 0, 0, w, h);
          return [...context.getImageData(0, 0, w, h).data].filter((_, at) => at % 4 === 0);
        }""",
        index,
    )
    image = 255 - digits.train_images[index].astype(int)
    assert np.abs(np.reshape(shown, digits.image_shape) - image).max() <= 16, "of 16 grey levels"
    assert sizes == []
    page.mouse.move(5, 5)
    assert tip.is_hidden()


def test_near_enough_points_are_images_and_the_wheel_needs_the_focus(explorer, digits):
    page = explorer()
    view = "map => map.pointMap.view.zoom"
    assert page.get_attribute(".map", "data-images") == "0"
    x, y, _ = point(page, clickable(page, len(digits.train_images)))
    page.mouse.move(x, y)
    page.mouse.wheel(0, -200)
    assert page.locator(".map").evaluate(view) == 1, "the page scrolls"
    page.mouse.click(x, y)
    for _ in range(30):  # no nearer than it takes: a pixel off, the point would leave the frame
        page.mouse.wheel(0, -200)
        page.wait_for_timeout(200)
        if page.get_attribute(".map", "data-images") != "0":
            break
    assert 0 < int(page.get_attribute(".map", "data-images")) <= 300


@pytest.mark.parametrize("yaw", [0, 0.8, 1.6, 2.4])
def test_every_point_in_space_is_in_the_frame(explorer, yaw):
    page = explorer("?dimensions=3-D")
    inside = page.locator(".map").evaluate(
        """async (map, yaw) => {
          const {pointMap} = map, {canvas, screen} = pointMap;
          Object.assign(pointMap.view, {yaw, pitch: yaw - 1});
          pointMap.projectAll();
          return Array.from({length: pointMap.count}, (_, i) => i).every(i => screen[2 * i] >= 0
            && screen[2 * i] <= canvas.width && screen[2 * i + 1] >= 0
            && screen[2 * i + 1] <= canvas.height);
        }""",
        yaw,
    )
    assert inside


def test_all_is_on_one_screen_and_a_choice_in_a_gallery_moves_nothing(explorer, digits):
    page = explorer("?digit=5&tab=Mistakes", viewport={"width": 1400, "height": 900})
    page.locator(".st-key-wrong button").first.wait_for()
    page.wait_for_function("!document.querySelector('[data-testid=stProgress]')")
    strip, canvas, panel, legend = (
        page.locator(place).bounding_box()
        for place in (".st-key-strip", ".map canvas", ".st-key-panel", ".map .legend")
    )
    assert strip["y"] < canvas["y"] < legend["y"] < legend["y"] + legend["height"] <= 900
    assert panel["x"] >= canvas["x"] + canvas["width"]
    assert panel["y"] + panel["height"] <= 900
    for words in ("accuracy", "silhouette", "k 10"):
        assert words in page.inner_text(".st-key-strip")
    tile = page.locator(".st-key-wrong button").nth(3)
    before = [tile.bounding_box(), page.locator(".map canvas").bounding_box()]
    tile.click()
    wait_for_digit(page, int(tile.get_attribute("data-index")))
    assert [tile.bounding_box(), page.locator(".map canvas").bounding_box()] == before


def test_metrics_come_first(explorer):
    page = explorer()
    assert page.get_by_role("tab").first.inner_text() == "Metrics"
    page.get_by_text("accuracy, one-to-one").first.wait_for()


def test_keys_alone_choose_a_digit(explorer):
    page = explorer()
    page.locator(".map canvas").focus()
    for key in ("+", "ArrowLeft", "ArrowUp", "-", "Enter"):
        page.keyboard.press(key)
    page.wait_for_function("location.search.includes('digit=')")
    page.wait_for_selector(".mark img:not([hidden])")


def as_png(image):
    buffer = io.BytesIO()
    Image.fromarray(np.kron(image, np.ones((5, 5), np.uint8))).save(buffer, format="PNG")
    return buffer.getvalue()


def upload(page, name, content):
    page.locator(".st-key-upload input[type=file]").set_input_files(
        {"name": name, "mimeType": "image/png", "buffer": content}
    )


def test_an_uploaded_digit_lands_and_a_broken_file_gets_a_sentence(explorer, digits):
    page = explorer("?tab=New digits")
    zero = digits.test_images[np.flatnonzero(digits.test_labels == 0)[0]]
    upload(page, "broken.png", b"\x89PNG\r\n\x1a\n and nothing more")
    page.get_by_text("This file is not a PNG, JPEG or HEIC image").wait_for()
    upload(page, "zero.png", as_png(255 - zero))
    page.get_by_text("It lands in cluster").wait_for(timeout=MAKING)
    assert ": 0" in page.get_by_text("It lands in cluster").inner_text()
    page.wait_for_selector('.map[data-places*="sharp"]')
    steps = page.locator(".st-key-cut img")
    assert steps.count() == 3, "picture, crop, and what the map sees"
    assert page.get_by_text("This file is not a PNG").count() == 0


def test_a_drawn_digit_lands(explorer):
    page = explorer("?tab=New digits")
    paper = page.locator(".draw canvas")
    paper.scroll_into_view_if_needed()
    box = paper.bounding_box()
    page.mouse.move(box["x"] + 140, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + 140, box["y"] + 240, steps=10)
    page.mouse.up()
    page.get_by_role("button", name="Place this digit").click()
    page.get_by_text("It lands in cluster").wait_for(timeout=MAKING)
    assert ": 1" in page.get_by_text("It lands in cluster").inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_fits_a_phone(explorer, scheme):
    page = explorer(viewport={"width": 390, "height": 800}, has_touch=True, color_scheme=scheme)
    canvas = page.locator(".map canvas").bounding_box()
    assert 280 < canvas["width"] <= 390
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    index = clickable(page, int(page.get_attribute(".map", "data-count")))
    page.touchscreen.tap(*point(page, index)[:2])
    page.wait_for_selector(f'.mark[data-index="{index}"] img:not([hidden])')


def test_a_hundred_clicks_leave_the_servers_memory_as_it_was(explorer, server, digits):
    page = explorer()
    some = np.random.default_rng(0).permutation(len(digits.train_images))[:140].tolist()

    def choose_each(indices):  # as a click does, and next as soon as the answer is on the page
        page.locator(".map").evaluate(
            """async (map, [indices, patience]) => {
              const sidebar = document.querySelector(".st-key-detail");
              for (const index of indices) {
                await new Promise((done, failed) => {
                  const late = setTimeout(() => failed(`no answer to ${index}`), patience);
                  const answered = () => {
                    if (window.explorerMark.index !== index) return;
                    window.removeEventListener("explorer-mark", answered);
                    clearTimeout(late);
                    done();
                  };
                  window.addEventListener("explorer-mark", answered);
                  map.pointMap.choose(index);
                });
                // The next answer takes this one's image off the server.
                while (![...sidebar.querySelectorAll("img")].every(image => image.complete))
                  await new Promise(requestAnimationFrame);
              }
            }""",
            [indices, SOON],
        )

    choose_each(some[:40])  # the first ones load what the others use
    memory = [server.memory_mb()]
    for first in range(40, len(some), 25):
        choose_each(some[first : first + 25])
        memory.append(server.memory_mb())
    # What stays after each click makes every stretch grow; what an allocator keeps, only some.
    grown = min(after - before for before, after in itertools.pairwise(memory))
    assert grown < 2.5, f"no image stays, nor anything else of 0.1 MB: {memory}"


def test_only_the_first_button_chooses(explorer, digits):
    page = explorer()
    index = clickable(page, len(digits.train_images))
    for button in ("right", "middle"):
        page.mouse.click(*point(page, index)[:2], button=button)
        assert page.locator(".map").evaluate("map => map.pointMap.mark.index") == -1
    page.mouse.click(*point(page, index)[:2])
    wait_for_digit(page, index)


def test_a_second_finger_ends_a_lasso_and_zooms(explorer):
    page = explorer(viewport={"width": 390, "height": 800}, has_touch=True)
    page.get_by_role("button", name="Lasso").tap()
    page.locator(".map canvas").scroll_into_view_if_needed()
    box = page.locator(".map canvas").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    session = page.context.new_cdp_session(page)

    def touch(kind, *places):
        points = [{"x": x + dx, "y": y, "id": finger} for finger, dx in enumerate(places)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", -20)
    touch("touchMove", -30)
    touch("touchStart", -30, 30)
    touch("touchMove", -60, 60)
    touch("touchMove", -90, 90)
    trail, zoom = page.locator(".map").evaluate(
        "map => [map.pointMap.trail, map.pointMap.view.zoom]"
    )
    touch("touchEnd")
    assert trail is None
    assert zoom > 1.5


def test_groups_of_another_clustering_are_not_hidden(explorer):
    page = explorer("?color=digit")
    group = page.locator(".legend button").first
    group.click()
    assert group.get_attribute("aria-pressed") == "false"
    page.locator(".st-key-map label", has_text="raw pixels").click()
    page.get_by_role("slider").press("ArrowRight")
    page.wait_for_function("location.search.includes('k=11')")
    assert group.get_attribute("aria-pressed") == "false", "digits stay digits"
    page.locator(".st-key-color label", has_text="cluster").click()
    page.wait_for_selector(".map[data-color=cluster]", timeout=MAKING)  # two clusterings of pixels
    assert page.locator(".legend [aria-pressed=false]").count() == 0


def test_only_this_machine_can_reach_it(server):
    with urllib.request.urlopen(f"{server.url}/_stcore/health", timeout=60) as answer:
        assert answer.status == 200
    listening = [
        fields[1].split(":")[0]
        for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
        if table.exists()
        for fields in map(str.split, table.read_text().splitlines()[1:])
        if fields[3] == "0A" and int(fields[1].split(":")[1], 16) == server.port
    ]
    if not listening:
        pytest.skip("no /proc/net on this machine to read the open ports from")
    assert listening == ["0100007F"], "127.0.0.1 alone"


def test_bad_data_end_in_one_sentence(tmp_path):
    (tmp_path / "bad.npz").write_bytes(b"nothing")
    command = [sys.executable, "-m", "mnist_clust", "explore", "--data", str(tmp_path / "bad.npz")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "bad.npz" in done.stderr
