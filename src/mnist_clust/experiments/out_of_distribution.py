"""Images that are no digits, and how to notice that they are none."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

from mnist_clust.data import Images
from mnist_clust.embed import pixel_components
from mnist_clust.features import flatten
from numba_tsne import nearest_neighbors

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


def make_unfamiliar(
    images: Images, *, n_each: int = 200, random_state: int = 0
) -> dict[str, Images]:
    """Make images of the same size that are no digits, in several ways.

    Parameters
    ----------
    images : ndarray of uint8, shape (n, height, width)
        Digits, for those that are made of digits.
    n_each : int, default 200
    random_state : int, default 0

    Returns
    -------
    dict of str to ndarray of uint8, shape (n_each, height, width)
        Letters drawn as a hand would; digits inverted, upside down, and cut into quarters that
        have changed places; and noise with the brightness of digits.
    """
    rng = np.random.default_rng(random_state)
    some = images[rng.integers(len(images), size=n_each)]
    shape = images.shape[1], images.shape[2]
    half = [size // 2 for size in shape]
    strokes = list(_LETTERS.values())
    letters = [_draw(strokes[i % len(strokes)], shape, rng) for i in range(n_each)]
    return {
        "letters": np.stack(letters),
        "upside down": some[:, ::-1, ::-1],  # turned, not mirrored: a six becomes a nine
        "quarters moved": np.roll(some, half, axis=(1, 2)),
        "inverted": 255 - some,
        "noise": rng.permuted(some.reshape(n_each, -1), axis=1).reshape(some.shape),
    }


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


def distances_to_known(
    known: Images, images: Mapping[str, Images]
) -> dict[str, dict[str, npt.NDArray[np.floating]]]:
    """Measure how far images are from the nearest known one, in components and in pixels.

    Parameters
    ----------
    known : ndarray of uint8, shape (n, height, width)
    images : mapping of str to ndarray of uint8, shape (k, height, width)
        By name.

    Returns
    -------
    dict of str to dict of str to ndarray of shape (k,)
        By measure, then by name. Nearest is what is nearest in components.
    """
    components, rows = pixel_components(known)
    new = flatten(np.concatenate(list(images.values())))
    near = nearest_neighbors(rows, 1, queries=components.transform(new))
    by_pixel = np.linalg.norm(new - flatten(known)[near.indices[:, 0]], axis=1)
    measured = {f"in {rows.shape[1]} components": near.distances[:, 0], "pixel by pixel": by_pixel}
    ends = np.cumsum([len(some) for some in images.values()])[:-1]
    return {
        name: dict(zip(images, np.split(values, ends), strict=True))
        for name, values in measured.items()
    }


def familiar_limit(digits: npt.NDArray[np.floating]) -> float:
    """Return the distance that 99% of new digits stay within."""
    return float(np.quantile(digits, 0.99))
