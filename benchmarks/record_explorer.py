"""Use the explorer in a real browser as a person would, and record it for the README.

python benchmarks/record_explorer.py --data mnist --out results/explorer.gif
"""

from __future__ import annotations

import io
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import click
import numpy as np
from PIL import Image
from playwright.sync_api import sync_playwright

from image_files.writing import write_atomically

PATIENCE = 900_000  # milliseconds, for maps of 60,000 digits
SCREEN = {"width": 1400, "height": 900}
WIDTH = 900  # pixels of the recording
COLORS = 128
ARGUMENTS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]


class Recording:
    """Screens of a page, each with how long it is shown."""

    def __init__(self, page):
        self.page = page
        self.frames = []

    def take(self, milliseconds):
        """Take a screen as it is now."""
        image = Image.open(io.BytesIO(self.page.screenshot())).convert("RGB")
        self.frames.append((image, milliseconds))

    def save(self, path):
        """Write an animation, in one palette, so that what stays the same takes no room."""
        height = WIDTH * SCREEN["height"] // SCREEN["width"]
        small = [image.resize((WIDTH, height), Image.Resampling.LANCZOS)
                 for image, _ in self.frames]  # fmt: skip
        sheet = Image.new("RGB", (WIDTH, height * len(small)))
        for at, image in enumerate(small):
            sheet.paste(image, (0, at * height))
        palette = sheet.quantize(COLORS, dither=Image.Dither.NONE)
        drawn = [image.quantize(palette=palette, dither=Image.Dither.NONE) for image in small]
        times = [milliseconds for _, milliseconds in self.frames]
        content = io.BytesIO()
        drawn[0].save(
            content, "GIF", save_all=True, append_images=drawn[1:], duration=times, loop=0
        )
        write_atomically(path, content.getvalue())


def place(page, index):
    """Say where on the screen a digit lies."""
    return page.locator(".map canvas").evaluate("(canvas, i) => canvas.placeOf(i)", int(index))[:2]


def settled(page):
    """Wait until nothing is being computed or loaded."""
    page.wait_for_selector(".map[data-ready=yes]", timeout=PATIENCE)
    page.wait_for_function("!document.querySelector('[data-testid=stProgress]')", timeout=PATIENCE)
    page.wait_for_function(
        "[...document.querySelectorAll('img')].every(image => image.complete)", timeout=PATIENCE
    )
    page.wait_for_timeout(700)


def act(page, film):
    """Look about: mistakes, one of them, colours, near and far, a lasso, space."""
    settled(page)
    film.take(1500)
    page.get_by_role("tab", name="Mistakes").click()
    page.locator(".st-key-wrong button").first.wait_for()
    settled(page)
    film.take(1200)
    for mistake in (0, 4):
        button = page.locator(".st-key-wrong button").nth(mistake)
        index = button.get_attribute("data-index")
        button.click()
        page.wait_for_selector(f'.mark[data-index="{index}"]')
        settled(page)
        film.take(1500)
    page.locator(".st-key-color label", has_text="digit").click()
    page.wait_for_selector(".map[data-color=digit]")
    settled(page)
    film.take(1200)
    x, y = place(page, index)
    page.locator(".map canvas").focus()
    page.mouse.move(x, y)
    while page.get_attribute(".map", "data-images") in (None, "0"):
        page.mouse.wheel(0, -160)
        page.wait_for_timeout(60)
        film.take(100)
    for _ in range(2):
        page.mouse.wheel(0, -160)
    page.wait_for_timeout(500)
    film.take(1600)
    page.get_by_role("button", name="Reset").click()
    page.wait_for_timeout(500)
    film.take(500)
    page.get_by_role("button", name="Lasso").click()
    corners = [(-60, -70), (50, -80), (90, 10), (30, 80), (-70, 60), (-60, -70)]
    page.mouse.move(x + corners[0][0], y + corners[0][1])
    page.mouse.down()
    for dx, dy in corners[1:]:
        page.mouse.move(x + dx, y + dy, steps=8)
        film.take(140)
    page.mouse.up()
    page.locator(".st-key-chosen").wait_for()
    page.locator(".st-key-chosen").get_by_role("button", name="View").click()
    settled(page)
    film.take(1800)
    page.locator(".st-key-chosen").get_by_role("button", name="Clear").click()
    page.locator(".st-key-dimensions label", has_text="3-D").click()
    page.wait_for_selector('.map[data-places$="3"]', timeout=PATIENCE)
    page.get_by_role("tab", name="Metrics").click()
    settled(page)
    for yaw in np.linspace(0, 2, 14):
        page.locator(".map").evaluate(
            "(map, yaw) => { map.pointMap.view.yaw = yaw; map.pointMap.projectAll();"
            " map.pointMap.draw(); }",
            float(yaw),
        )
        film.take(140)


@click.command()
@click.option("--data", default="mnist", show_default=True)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True)
def main(data: str, out: Path) -> None:
    """Start an explorer, use it, and write what was seen."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    command = [sys.executable, "-m", "mnist_clust", "explore", "--data", data, "--headless"]
    server = subprocess.Popen([*command, "--port", port], stdout=subprocess.PIPE, text=True)
    try:
        next(line for line in server.stdout if port in line)
        with sync_playwright() as playwright:
            program = shutil.which("chromium") or shutil.which("google-chrome")
            browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
            page = browser.new_page(viewport=SCREEN)
            page.set_default_timeout(PATIENCE)
            page.goto(f"http://127.0.0.1:{port}/")
            film = Recording(page)
            act(page, film)
            browser.close()
    finally:
        server.terminate()
        server.wait()
    film.save(out)
    click.echo(f"{len(film.frames)} screens, {out.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
