"""Photos of digits as people take them, generated: ten conditions."""

import io

import numpy as np
from PIL import Image
from scipy import ndimage

PAPER, INK, SIDE = 200.0, 60.0, 480
Y, X = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]


def drift(levels):
    return lambda photo, rng: photo + levels * (X + Y) / 2


def shadow(photo, rng):
    """Of a hand, over a corner, with a soft edge."""
    return photo * (1 - 0.45 / (1 + np.exp(-12 * (X + Y - 0.7))))


def ruled(photo, rng):
    lines = np.arange(SIDE) % 40 < 3
    return np.where(lines[:, None], np.minimum(photo, 145), photo)


def grain(photo, rng):
    return photo + rng.normal(0, 14, photo.shape)


def together(photo, rng):
    return grain(drift(20)(ruled(photo, rng), rng), rng)


def chalk(photo, rng):
    """On a board, darker towards the corners."""
    return (255 - photo) * (1.1 - 0.25 * (X**2 + Y**2)) + rng.normal(0, 4, photo.shape)


def on_a_table(photo, rng):
    """Paper that leaves a dark table to be seen on three sides."""
    table = (X < -0.8) | (Y < -0.85) | (X + 0.1 * Y > 0.82)
    return np.where(table, 50.0, photo) + rng.normal(0, 4, photo.shape)


def faint_and_coarse(photo, rng):
    """Pencil, out of focus, in a JPEG of few bytes."""
    pencil = ndimage.gaussian_filter(PAPER - (PAPER - photo) * 0.35, 2.5)
    buffer = io.BytesIO()
    Image.fromarray(pencil.clip(0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=20)
    return np.asarray(Image.open(buffer), float) + 8 * X


CONDITIONS = {
    "even light": lambda photo, rng: photo,
    "drift of 10": drift(10),
    "drift of 20": drift(20),
    "corner's shadow": shadow,
    "ruled paper": ruled,
    "camera grain": grain,
    "drift, lines and grain": together,
    "chalk on a board": chalk,
    "paper on a table": on_a_table,
    "faint pencil, coarse JPEG": faint_and_coarse,
}


def photograph(digit, condition, seed=0):
    """Photograph a digit of MNIST's form: a third of the picture, turned by 8 degrees."""
    rng = np.random.default_rng(seed)
    size = SIDE // 3
    ink = ndimage.zoom(digit.astype(float) / 255, size / digit.shape[0], order=3).clip(0, 1)
    ink = ndimage.rotate(ink, 8, reshape=False, order=1).clip(0, 1)
    photo = np.full((SIDE, SIDE), PAPER)
    top, left = (SIDE - size) // 2 + rng.integers(-30, 30, 2)
    photo[top : top + size, left : left + size] -= (PAPER - INK) * ink
    return CONDITIONS[condition](photo, rng).clip(0, 255).astype(np.uint8)
