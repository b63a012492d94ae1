"""Letters, drawn as a hand would: images that look like digits and are none."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

from mnist_clust.data import Images

# Strokes of letters on a square from 0 to 1, as a hand would draw them.
_LETTERS = {
    "A": [[(0.2, 0.85), (0.5, 0.12), (0.8, 0.85)], [(0.3, 0.58), (0.72, 0.56)]],
    "E": [[(0.72, 0.18), (0.3, 0.2), (0.3, 0.84), (0.75, 0.8)], [(0.3, 0.5), (0.62, 0.48)]],
    "H": [[(0.26, 0.15), (0.24, 0.85)], [(0.74, 0.15), (0.76, 0.85)], [(0.25, 0.5), (0.75, 0.48)]],
    "K": [[(0.28, 0.14), (0.26, 0.86)], [(0.74, 0.16), (0.28, 0.54), (0.78, 0.86)]],
    "M": [[(0.15, 0.84), (0.24, 0.18), (0.5, 0.62), (0.76, 0.16), (0.86, 0.85)]],
    "R": [[(0.3, 0.86), (0.3, 0.15), (0.68, 0.2), (0.7, 0.42), (0.32, 0.5), (0.76, 0.86)]],
    "T": [[(0.2, 0.2), (0.8, 0.17)], [(0.5, 0.18), (0.48, 0.86)]],
    "W": [[(0.12, 0.2), (0.3, 0.82), (0.5, 0.36), (0.7, 0.82), (0.88, 0.17)]],
    "X": [[(0.22, 0.16), (0.78, 0.85)], [(0.8, 0.15), (0.2, 0.84)]],
}
_FINE = 8  # how much finer than the image letters are drawn


def draw_letters(n: int, shape: tuple[int, int], *, random_state: int = 0) -> Images:
    """Draw letters in turn, with a hand that the seed moves.

    Parameters
    ----------
    n : int
    shape : (int, int)
        Height and width of each image.
    random_state : int, default 0

    Returns
    -------
    ndarray of uint8, shape (n, height, width)
    """
    rng = np.random.default_rng(random_state)
    strokes = list(_LETTERS.values())
    return np.stack([_draw(strokes[i % len(strokes)], shape, rng) for i in range(n)])


def _draw(
    strokes: list[list[tuple[float, float]]], shape: tuple[int, int], rng: np.random.Generator
) -> npt.NDArray[np.uint8]:
    """Draw strokes with a hand that trembles, leans and presses more or less."""
    height, width = shape
    canvas = Image.new("L", (width * _FINE, height * _FINE))
    pen = ImageDraw.Draw(canvas)
    lean, thickness = rng.normal(0, 0.12), rng.uniform(0.06, 0.12)
    for stroke in strokes:
        points = np.array(stroke) + rng.normal(0, 0.02, (len(stroke), 2))
        points[:, 0] += lean * (0.5 - points[:, 1])
        points = (0.12 + 0.76 * points) * (width * _FINE, height * _FINE)
        line = max(1, round(thickness * min(shape) * _FINE))
        pen.line([tuple(point) for point in points], fill=255, width=line, joint="curve")
    soft = canvas.filter(ImageFilter.GaussianBlur(0.4 * _FINE))
    return np.asarray(soft.resize((width, height), Image.Resampling.BOX), np.uint8)
