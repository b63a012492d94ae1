"""Colours that stay: a digit's own, and its clusters' shades of that."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import seaborn as sns
from matplotlib import colormaps
from matplotlib.colors import to_hex

from mnist_clust.scores import UNNAMED

# Twenty to be told apart, on white and on black; none is a grey or tan that reads as "no data".
PALETTE = [
    "#3f90da", "#ffa90e", "#bd1f01", "#832db6", "#2e9e5b", "#e76300", "#18b3b8", "#e0569b",
    "#6b7ff0", "#a8b400", "#0b6a8a", "#c99700", "#f07b6e", "#5b3a9e", "#76b947", "#9c3b12",
    "#64c9e8", "#a3187a", "#b48ae8", "#12704a",
]  # fmt: skip
NO_DATA = "#9aa5b1"


def class_color(value: int, classes: npt.ArrayLike) -> str:
    """Colour a class: a digit always alike, other classes in their order."""
    classes = np.unique(classes)
    are_digits = classes[0] >= 0 and classes[-1] < len(PALETTE)
    return PALETTE[(value if are_digits else int(np.searchsorted(classes, value))) % len(PALETTE)]


def cluster_colors(
    names: npt.NDArray[np.integer] | None, n_clusters: int, classes: npt.ArrayLike = ()
) -> list[str]:
    """Colour clusters like the digits they stand for, in lighter shades where several share one."""
    if names is None:
        return [PALETTE[cluster % len(PALETTE)] for cluster in range(n_clusters)]
    colors = [NO_DATA] * n_clusters
    for name in np.unique(names[names != UNNAMED]):
        same = np.flatnonzero(names == name)
        shades = sns.light_palette(class_color(name, classes), len(same) + 1, reverse=True)
        for cluster, shade in zip(same, shades, strict=False):
            colors[cluster] = to_hex(shade)
    return colors


def ramp(steps: int) -> list[str]:
    """Colour steps from little to much."""
    return [to_hex(color) for color in colormaps["viridis"](np.linspace(0, 0.95, steps))]
