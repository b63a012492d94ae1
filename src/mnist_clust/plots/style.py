"""What all figures share: one style, one palette, and ways to draw images and points."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ParamSpec

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
import pandas as pd
import seaborn as sns
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter
from PIL import Image

from mnist_clust.data import Images, Labels
from mnist_clust.scores import UNNAMED

_P = ParamSpec("_P")

INK = "#1f2933"
MUTED = "#7b8794"
ACCENT = "#3f90da"
WARN = "#bd1f01"
# Petroff's ten colours, made to be told apart with any colour vision (arXiv:2107.02270).
PALETTE = mpl.color_sequences["petroff10"]
HEAT = "Blues"
MANY_CLASSES = 12  # a legend or a name in the middle of each class helps up to here
STYLE: Any = {
    "font.size": 11,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.labelcolor": INK,
    "axes.edgecolor": MUTED,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "lines.linewidth": 2.0,
    "legend.frameon": False,
    "figure.titlesize": 14,
    "figure.titleweight": "bold",
    "axes.prop_cycle": cycler(color=PALETTE),
}


def styled(plot: Callable[_P, Figure]) -> Callable[_P, Figure]:
    """Draw in the project's style, whatever the reader's own is."""

    @functools.wraps(plot)
    def draw(*args: _P.args, **kwargs: _P.kwargs) -> Figure:
        with mpl.rc_context({**mpl.rcParamsDefault, **STYLE}):
            return plot(*args, **kwargs)

    return draw


def new_figure(title: str, width: float, height: float) -> Figure:
    """Make a figure with its finding as the title; sizes in inches."""
    figure = Figure(figsize=(width, height), layout="constrained")
    figure.suptitle(title, x=0.01, ha="left")
    return figure


def without_labels(title: str) -> Figure:
    """Stand in for a figure that only labels make possible."""
    figure = new_figure(title, 8, 1.4)
    figure.text(0.01, 0.3, "These images carry no labels, so this cannot be shown.", color=MUTED)
    return figure


def show_image(axes: Axes, image: npt.NDArray[Any], title: str = "", **kwargs: Any) -> None:
    """Draw an image in ink on paper, without axes."""
    axes.imshow(image, cmap="gray_r", **kwargs)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    if title:
        axes.set_title(title, loc="center", fontsize=10)


def mosaic(images: npt.NDArray[Any], columns: int) -> npt.NDArray[Any]:
    """Tile images of one size into one, row by row, with a pixel between them."""
    padded = np.pad(images, ((0, -len(images) % columns), (0, 1), (0, 1)))
    rows = padded.reshape(-1, columns, *padded.shape[1:])
    return np.asarray(rows.transpose(0, 2, 1, 3).reshape(-1, columns * padded.shape[2]))


def shrink(images: Images, most: int) -> Images:
    """Average large images down to at most so many pixels a side; leave others as they are."""
    step = -(-max(images.shape[1:]) // most)
    return np.stack([np.asarray(Image.fromarray(image).reduce(step)) for image in images])


def first_of_each(labels: Labels, per_class: int) -> npt.NDArray[np.intp]:
    """Index the first images of each of up to ten classes."""
    classes = np.unique(labels)[:10]
    picks = [np.resize(np.flatnonzero(labels == value), per_class) for value in classes]
    return np.concatenate(picks)


def scatter_classes(
    axes: Axes, points: npt.NDArray[np.float32], classes: npt.NDArray[np.integer] | None
) -> None:
    """Scatter points in the classes' colours; a dozen classes are also named at their medians."""
    if classes is None:
        scatter_codes(axes, points, np.zeros(len(points), np.intp))
        return
    values, codes = np.unique(classes, return_inverse=True)
    scatter_codes(axes, points, codes)
    for code, value in enumerate(values if len(values) <= MANY_CLASSES else ()):
        x, y = np.median(points[codes == code, :2], axis=0)
        badge(axes, float(x), float(y), str(value), PALETTE[code % len(PALETTE)])


def scatter_codes(
    axes: Axes, points: npt.NDArray[np.float32], codes: npt.NDArray[np.integer]
) -> None:
    """Scatter points, each in the colour of its code."""
    size = float(np.clip(20_000 / len(points), 1, 12))
    colors = np.array([to_rgb(color) for color in PALETTE])[codes % len(PALETTE)]
    axes.scatter(points[:, 0], points[:, 1], c=colors, s=size, lw=0, alpha=0.5, rasterized=True)


def draw_confusion(axes: Axes, counts: pd.DataFrame, unit: str = "", **kwargs: Any) -> None:
    """Draw a table of classes against names as shares of the class, in percent."""
    shares = counts.div(counts.sum(axis=1).clip(lower=1), axis=0)
    marks = shares.map(lambda share: f"{100 * share:.0f}{unit}" if share >= 0.005 else "")
    sns.heatmap(
        shares, ax=axes, cmap=HEAT, vmin=0, vmax=1, square=True, linewidths=0.5, fmt="",
        annot=marks if len(counts) <= MANY_CLASSES else None, annot_kws={"fontsize": 9}, **kwargs,
    )  # fmt: skip
    axes.set(xlabel="digit that the cluster stands for", ylabel="true digit")
    axes.tick_params(length=0, labelrotation=0)


def bare(axes: Axes, title: str = "") -> None:
    """Draw a map without ticks: its coordinates mean nothing."""
    axes.set(xticks=[], yticks=[], aspect="equal", title=title)
    axes.spines[:].set_visible(False)


def badge(axes: Axes, x: float, y: float, text: str, color: Any) -> None:
    """Write a name on a disc of its colour."""
    axes.text(
        x, y, text, ha="center", va="center", fontsize=11, weight="bold", color=text_on(color),
        bbox={"boxstyle": "circle,pad=0.25", "fc": color, "ec": "white"},
    )  # fmt: skip


def text_on(color: Any) -> str:
    """Choose white or ink, whichever reads better on a colour."""
    red, green, blue = to_rgb(color)
    return "white" if 0.299 * red + 0.587 * green + 0.114 * blue < 0.6 else INK


def class_legend(figure: Figure, labels: Labels | None, title: str = "digit") -> None:
    """Name the colours of up to a dozen classes, below the panels."""
    if labels is None or len(classes := np.unique(labels)) > MANY_CLASSES:
        return
    handles = [
        Line2D([], [], ls="", marker="o", ms=7, color=PALETTE[i % len(PALETTE)], label=str(value))
        for i, value in enumerate(classes)
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(classes), title=title)


def cluster_names(names: npt.NDArray[np.int64] | None, k: int) -> list[str]:
    """Name clusters for a title."""
    if names is None:
        return [f"cluster {i}" for i in range(k)]
    return ["no digit" if name == UNNAMED else f"stands for {name}" for name in names]


def thousands(axis: Any) -> None:
    """Write large numbers on an axis with commas."""
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
