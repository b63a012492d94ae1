"""What all figures share: one look, one palette, and ways to draw images, maps and tables."""

from __future__ import annotations

import functools
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec

import matplotlib as mpl
import matplotlib.style
import numpy as np
import numpy.typing as npt
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colors import to_rgb, to_rgba_array
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from PIL import Image

from mnist_clust.scores import UNNAMED

_P = ParamSpec("_P")
Array = npt.NDArray[Any]

SHEET = Path(__file__).with_name("digits.mplstyle")
PALETTE: list[str] = mpl.rc_params_from_file(SHEET, use_default_template=False)[
    "axes.prop_cycle"
].by_key()["color"]
INK = "#1f2933"
MUTED = "#7b8794"
PALE = "#dde2e7"  # a map in the background
ACCENT = "#3f90da"
WARN = "#bd1f01"
RAMP = "viridis"  # from little to much, as of silhouette or confidence
MANY_CLASSES = 12  # a legend, or a name in the middle of each class, helps up to here


def styled(plot: Callable[_P, Figure]) -> Callable[_P, Figure]:
    """Draw in the project's style, whatever the reader's own is."""

    @functools.wraps(plot)
    def draw(*args: _P.args, **kwargs: _P.kwargs) -> Figure:
        with mpl.style.context(SHEET, after_reset=True):
            return plot(*args, **kwargs)

    return draw


def new_figure(title: str, width: float, height: float) -> Figure:
    """Make a figure with a title, in as many lines as it needs; sizes in inches."""
    figure = Figure(figsize=(width, height), layout="constrained")
    figure.suptitle(textwrap.fill(title, int(7.2 * width)), x=0.01, ha="left")
    return figure


def one_panel(title: str, width: float, height: float) -> tuple[Figure, Axes]:
    """Make a figure of one panel."""
    figure = new_figure(title, width, height)
    return figure, figure.add_subplot()


def class_colors(values: npt.ArrayLike | None, classes: npt.ArrayLike | None = None) -> Array:
    """Color values by their class: a digit has its own color, other labels go by their order.

    Without labels there is one color for all.
    """
    if values is None:
        return to_rgba_array(ACCENT)[:, :3]
    values, present = np.asarray(values), np.unique(values if classes is None else classes)
    digits = np.isin(present, np.arange(len(PALETTE))).all()
    codes = values if digits else np.searchsorted(present, values)
    return to_rgba_array(PALETTE)[codes % len(PALETTE), :3]


def cluster_colors(names: Array | None, n_clusters: int, classes: Array | None = None) -> Array:
    """Color clusters like the digits they stand for, in lighter shades where several share one.

    Without names there are twenty colors before any repeats. Labels that are no digits go by
    their order among all ``classes``, by default those among the names.
    """
    if names is None:
        return class_colors(np.arange(n_clusters) % len(PALETTE))
    colors = np.tile(to_rgb(MUTED), (n_clusters, 1))  # of a cluster that stands for no digit
    classes = np.unique(names[names != UNNAMED]) if classes is None else classes
    for name in np.unique(names[names != UNNAMED]):
        same = np.flatnonzero(names == name)
        own, lighter = class_colors([name], classes), np.linspace(0, 0.6, len(same))[:, None]
        colors[same] = own + lighter * (1 - own)
    return colors


def show_image(axes: Axes, image: Array, title: str = "") -> None:
    """Draw an image in ink on paper, without axes."""
    axes.imshow(image)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    axes.set_title(title, loc="center")


def mosaic(images: Array, columns: int) -> Array:
    """Tile images of one size into one, row by row, with a pixel between them."""
    padded = np.pad(images, ((0, -len(images) % columns), (0, 1), (0, 1)))
    rows = padded.reshape(-1, columns, *padded.shape[1:])
    return np.asarray(rows.transpose(0, 2, 1, 3).reshape(-1, columns * padded.shape[2]))


def shrink(images: Array, most: int) -> Array:
    """Average large images down to at most so many pixels a side; leave others as they are."""
    step = -(-max(images.shape[1:]) // most)
    return np.stack([np.asarray(Image.fromarray(image).reduce(step)) for image in images])


def draw_map(
    axes: Axes, points: Array, labels: Array | None = None, title: str = "",
    *, colors: npt.ArrayLike | None = None, named: bool = True,
) -> None:  # fmt: skip
    """Scatter points, by default in their classes' colors; name up to a dozen classes."""
    if colors is None:
        colors = class_colors(labels)
    size = float(np.clip(30_000 / len(points), 1, 14))
    x, y = points[:, :2].T
    axes.scatter(x, y, c=colors, s=size, lw=0, alpha=0.6, rasterized=True)
    axes.set(xticks=[], yticks=[], aspect="equal", title=title)  # coordinates mean nothing
    axes.spines[:].set_visible(False)
    if named:
        name_classes(axes, points[:, :2], labels)


def name_classes(axes: Any, points: Array, labels: Array | None) -> None:
    """Write up to a dozen classes at their medians."""
    if labels is not None and len(values := np.unique(labels)) <= MANY_CLASSES:
        for value in values:
            write_at(axes, np.median(points[labels == value], axis=0), str(value))


def write_at(axes: Any, place: npt.ArrayLike, text: str) -> None:
    """Write a name in a map's coordinates; it reads on any color and hides little."""
    outline = [withStroke(linewidth=3, foreground="white")]
    axes.text(*np.asarray(place), text, ha="center", va="center", fontsize=15, weight="bold",
              path_effects=outline)  # fmt: skip


def class_legend(figure: Figure, labels: Array | None, title: str = "digit") -> None:
    """Name the colors of up to a dozen classes, below the panels."""
    if labels is None or len(classes := np.unique(labels)) > MANY_CLASSES:
        return
    handles = [
        Line2D([], [], ls="", marker="o", ms=9, color=color, label=str(value))
        for value, color in zip(classes, class_colors(classes), strict=True)
    ]
    figure.legend(
        handles=handles, loc="outside lower center", ncols=len(classes), title=title,
        columnspacing=1, handletextpad=0.2,
    )  # fmt: skip


def percent(axis: Axis) -> None:
    """Write shares on an axis in percent."""
    axis.set_major_formatter(lambda share, _: f"{100 * share:.4g}%")


def draw_table(axes: Axes, values: Any, marks: Any, cmap: str = "Blues", **kwargs: Any) -> None:
    """Draw a table as a heatmap, with a mark in each field unless there are too many."""
    annot = marks if values.shape[0] <= MANY_CLASSES else None
    sns.heatmap(
        values,
        ax=axes,
        annot=annot,
        annot_kws={"size": "small"},
        cmap=cmap,
        fmt="",
        cbar=False,
        linewidths=0.5,
        **kwargs,
    )
    axes.set_facecolor(PALE)  # of fields without a value
    axes.set(xlabel="digit that the cluster stands for", ylabel="true digit")
    axes.tick_params(length=0, rotation=0)
