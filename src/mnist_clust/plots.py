"""One function a figure; each returns a Matplotlib Figure and touches nothing else."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, ParamSpec

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
import pandas as pd
import seaborn as sns
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from mnist_clust.cluster import UNNAMED, best_counts
from mnist_clust.data import Images, Labels

_P = ParamSpec("_P")

INK = "#1f2933"
MUTED = "#7b8794"
ACCENT = "#3f90da"
WARN = "#bd1f01"
# Petroff's ten colours, made to be told apart with any colour vision (arXiv:2107.02270).
PALETTE = mpl.color_sequences["petroff10"]
HEAT = "Blues"
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


def _styled(plot: Callable[_P, Figure]) -> Callable[_P, Figure]:
    """Draw in the project's style, whatever the reader's own is."""

    @functools.wraps(plot)
    def draw(*args: _P.args, **kwargs: _P.kwargs) -> Figure:
        with mpl.rc_context({**mpl.rcParamsDefault, **STYLE}):
            return plot(*args, **kwargs)

    return draw


def _figure(title: str, width: float, height: float) -> Figure:
    figure = Figure(figsize=(width, height), layout="constrained")
    figure.suptitle(title, x=0.01, ha="left")
    return figure


def _without_labels(title: str) -> Figure:
    """Stand in for a figure that only labels make possible."""
    figure = _figure(title, 8, 1.4)
    figure.text(0.01, 0.3, "These images carry no labels, so this cannot be shown.", color=MUTED)
    return figure


def _show_image(axes: Axes, image: npt.NDArray[Any], title: str = "", **kwargs: Any) -> None:
    axes.imshow(image, cmap="gray_r", **kwargs)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    if title:
        axes.set_title(title, loc="center", fontsize=10)


def _mosaic(images: npt.NDArray[Any], columns: int) -> npt.NDArray[Any]:
    """Tile images of one size into one, row by row, with a pixel between them."""
    padded = np.pad(images, ((0, -len(images) % columns), (0, 1), (0, 1)))
    rows = padded.reshape(-1, columns, *padded.shape[1:])
    return np.asarray(rows.transpose(0, 2, 1, 3).reshape(-1, columns * padded.shape[2]))


def _first_of_each(labels: Labels, per_class: int) -> npt.NDArray[np.intp]:
    classes = np.unique(labels)[:10]
    picks = [np.resize(np.flatnonzero(labels == value), per_class) for value in classes]
    return np.concatenate(picks)


# --- 01: the data --------------------------------------------------------------------------------


@_styled
def digit_grid(images: Images, labels: Labels | None, *, columns: int = 16) -> Figure:
    """Show a few images, a row a class where there are labels.

    Parameters
    ----------
    images : ndarray of uint8, shape (n, height, width)
    labels : ndarray of int, shape (n,), or None
    columns : int, default 16
        Images a row.
    """
    if labels is None:
        picks = np.arange(min(len(images), 10 * columns))
    else:
        picks = _first_of_each(labels, columns)
    figure = _figure("One digit, many hands: every row is one class", 9, 6)
    if labels is None:
        figure.suptitle("A first look: the first images, in order", x=0.01, ha="left")
    axes = figure.add_subplot()
    _show_image(axes, _mosaic(images[picks], columns))
    if labels is not None:
        classes = np.unique(labels)[:10]
        height = images.shape[1] + 1
        axes.set_yticks(np.arange(len(classes)) * height + height / 2, [str(c) for c in classes])
        axes.set_ylabel("true class")
        axes.tick_params(length=0)
    return figure


@_styled
def class_counts(train_labels: Labels | None, test_labels: Labels | None) -> Figure:
    """Count the images of each class in both parts.

    Parameters
    ----------
    train_labels, test_labels : ndarray of int, shape (n,), or None
    """
    title = "How many images there are of each class"
    if train_labels is None or test_labels is None:
        return _without_labels(title)
    sizes = np.unique(train_labels, return_counts=True)[1]
    ratio = sizes.max() / sizes.min()
    title = f"The largest class is {ratio:.2f} times the smallest" if ratio > 1 else "Equal classes"
    figure = _figure(title, 9, 3.6)
    for axes, labels, part in zip(
        figure.subplots(1, 2), (train_labels, test_labels), ("training", "test"), strict=True
    ):
        classes, counts = np.unique(labels, return_counts=True)
        bars = axes.bar(range(len(classes)), counts, color=ACCENT)
        axes.bar_label(bars, fmt="{:,.0f}", fontsize=8, padding=2)
        axes.axhline(counts.mean(), color=INK, lw=1, ls="--", label="equal shares")
        axes.set_xticks(range(len(classes)), [str(c) for c in classes])
        axes.set(xlabel="digit", ylabel="images", title=f"{len(labels):,} {part} images")
        axes.set_ylim(0, counts.max() * 1.28)
        axes.legend(fontsize=9, loc="upper right")
        _thousands(axes.yaxis)
    return figure


def _thousands(axis: Any) -> None:
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))


@_styled
def pixel_statistics(images: Images) -> Figure:
    """Show where ink falls and how much of it an image holds.

    Parameters
    ----------
    images : ndarray of uint8, shape (n, height, width)
    """
    blank = float(np.mean(images == 0))
    figure = _figure(f"{blank:.0%} of all pixels are blank; ink keeps to the middle", 9, 3.4)
    left, middle, right = figure.subplots(1, 3)
    picture = left.imshow(images.mean(axis=0) / 255, cmap="viridis", vmin=0)
    left.set(title="mean ink", xticks=[], yticks=[])
    figure.colorbar(picture, ax=left, shrink=0.8)
    picture = middle.imshow(images.std(axis=0) / 255, cmap="viridis", vmin=0)
    middle.set(title="spread (standard deviation)", xticks=[], yticks=[])
    figure.colorbar(picture, ax=middle, shrink=0.8)
    right.hist((images > 0).mean(axis=(1, 2)), bins=50, color=ACCENT)
    right.set(title="ink per image", xlabel="share of pixels with ink", ylabel="images")
    right.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    _thousands(right.yaxis)
    return figure


@_styled
def flattening(image: Images, order: npt.NDArray[np.intp]) -> Figure:
    """Show an image, its flat row, and the same pixels in another order.

    Parameters
    ----------
    image : ndarray of uint8, shape (height, width)
    order : ndarray of int, shape (height * width,)
        A permutation of the pixels.
    """
    figure = _figure("To a distance between rows, both pictures say the same", 9, 3.4)
    grid = figure.add_gridspec(2, 2, height_ratios=[4, 1])
    row = image.reshape(-1)
    for column, (values, name) in enumerate(
        [(row, "the digit as we see it"), (row[order], "the same pixels, shuffled")]
    ):
        top, strip = figure.add_subplot(grid[0, column]), figure.add_subplot(grid[1, column])
        _show_image(top, values.reshape(image.shape), name)
        _show_image(strip, values[None, :], aspect="auto")
        strip.set_xlabel(f"its row of {row.size} numbers")
    return figure


@_styled
def shifted_neighbors(
    images: Images, distances: Sequence[float], captions: Sequence[str]
) -> Figure:
    """Show images beside the first one, each with its distance from it.

    Parameters
    ----------
    images : ndarray of uint8, shape (k, height, width)
    distances : sequence of k floats
        Euclidean distances of the flat rows from the first.
    captions : sequence of k str
    """
    figure = _figure("Two pixels to the side count for more than another writer", 9, 3.1)
    panels = figure.subplots(1, len(images), squeeze=False)[0]
    for axes, image, distance, caption in zip(panels, images, distances, captions, strict=True):
        _show_image(axes, image, caption)
        axes.set_xlabel(f"distance {distance:.1f}")
    return figure


@_styled
def pca_glance(
    points: npt.NDArray[np.float32],
    labels: Labels | None,
    explained: npt.NDArray[np.float64],
) -> Figure:
    """Show the first two principal components, and how much each component explains.

    Parameters
    ----------
    points : ndarray of shape (n, 2)
        The first two components.
    labels : ndarray of int, shape (n,), or None
        Colour the points if given.
    explained : ndarray of shape (m,)
        Share of the variance that each component explains, in falling order.
    """
    figure = _figure("Two straight axes cannot pull ten digits apart", 9, 4.6)
    left, right = figure.subplots(1, 2, width_ratios=[1.25, 1])
    _scatter_classes(left, points, labels)
    left.set(xlabel="first component", ylabel="second component", title="PCA's plane")
    count = np.arange(1, len(explained) + 1)
    right.plot(count, np.cumsum(explained), color=ACCENT)
    right.axhline(0.9, color=MUTED, lw=1, ls="--")
    right.text(count[-1], 0.91, "90%", ha="right", color=MUTED)
    right.set(xlabel="components kept", ylabel="variance explained", title="how many it takes")
    right.set_xscale("log")
    right.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    return figure


def _scatter_classes(
    axes: Axes, points: npt.NDArray[np.float32], classes: npt.NDArray[np.integer] | None
) -> None:
    """Scatter points in the classes' colours; each class is also named at its median."""
    size = float(np.clip(20_000 / len(points), 1, 12))
    kwargs: dict[str, Any] = {"s": size, "lw": 0, "alpha": 0.5, "rasterized": True}
    if classes is None:
        axes.scatter(points[:, 0], points[:, 1], color=ACCENT, **kwargs)
        return
    values, codes = np.unique(classes, return_inverse=True)
    colors = [PALETTE[code % len(PALETTE)] for code in codes]
    axes.scatter(points[:, 0], points[:, 1], color=colors, **kwargs)
    for code, value in enumerate(values):
        x, y = np.median(points[codes == code, :2], axis=0)
        axes.text(
            x, y, str(value), ha="center", va="center", fontsize=11, weight="bold", color="white",
            bbox={"boxstyle": "circle,pad=0.25", "fc": PALETTE[code % len(PALETTE)], "ec": "white"},
        )  # fmt: skip


# --- 02: clusters of pixels ----------------------------------------------------------------------


def _names(names: npt.NDArray[np.int64] | None, k: int) -> list[str]:
    if names is None:
        return [f"cluster {i}" for i in range(k)]
    return ["no digit" if name == UNNAMED else f"stands for {name}" for name in names]


@_styled
def centroids(
    centers: npt.NDArray[np.float32],
    image_shape: tuple[int, int],
    clusters: npt.NDArray[np.integer],
    names: npt.NDArray[np.int64] | None,
    labels: Labels | None,
) -> Figure:
    """Show each cluster's centre as an image, named, with its size and purity.

    Parameters
    ----------
    centers : ndarray of shape (k, height * width)
    image_shape : (int, int)
    clusters : ndarray of int, shape (n,)
        Cluster of each training image.
    names : ndarray of int, shape (k,), or None
        The digit each cluster stands for, by majority.
    labels : ndarray of int, shape (n,), or None
    """
    k = len(centers)
    order = np.arange(k) if names is None else np.argsort(names, kind="stable")
    missing = ""
    if names is not None and labels is not None:
        lost = [str(c) for c in np.unique(labels) if c not in names]
        missing = f": none stands for {' or '.join(lost)}" if lost else ""
    rows = -(-k // 5)
    figure = _figure(f"{k} centroids, the average images of {k} clusters{missing}", 9, 2.6 * rows)
    titles = _names(names, k)
    panels = figure.subplots(rows, 5, squeeze=False).ravel()
    for axes in panels[k:]:
        axes.set_axis_off()
    for axes, cluster in zip(panels, order, strict=False):
        members = clusters == cluster
        _show_image(axes, centers[cluster].reshape(image_shape), titles[cluster])
        note = f"{members.sum():,} images"
        if names is not None and labels is not None and members.any():
            note += f", {np.mean(labels[members] == names[cluster]):.0%} right"
        axes.set_xlabel(note, fontsize=9)
    return figure


@_styled
def confusion_heatmap(counts: pd.DataFrame | None, title: str) -> Figure:
    """Show which digits end up under which name, as shares of the true digit.

    Parameters
    ----------
    counts : DataFrame or None
        From :func:`mnist_clust.scores.confusion`; None without labels.
    title : str
        The finding.
    """
    if counts is None:
        return _without_labels(title)
    figure = _figure(title, 7.4, 6.2)
    axes = figure.add_subplot()
    shares = counts.div(counts.sum(axis=1).clip(lower=1), axis=0)
    small = len(counts) <= 12
    sns.heatmap(
        shares, ax=axes, cmap=HEAT, vmin=0, vmax=1, square=True, linewidths=0.5,
        annot=shares.map(lambda share: f"{share:.0%}" if share >= 0.005 else "") if small else None,
        fmt="", annot_kws={"fontsize": 9},
        cbar_kws={"label": "share of the true digit", "format": PercentFormatter(1, decimals=0)},
    )  # fmt: skip
    axes.set(xlabel="digit that the cluster stands for", ylabel="true digit")
    axes.tick_params(length=0, labelrotation=0)
    return figure


@_styled
def look_alikes(
    images: Images,
    labels: Labels | None,
    clusters: npt.NDArray[np.integer],
    digits: Sequence[int] = (4, 7, 9),
    per_digit: int = 8,
) -> Figure:
    """Show how digits share clusters, with their mean images and members side by side.

    Parameters
    ----------
    images : ndarray of uint8, shape (n, height, width)
    labels : ndarray of int, shape (n,), or None
    clusters : ndarray of int, shape (n,)
    digits : sequence of int, default (4, 7, 9)
        Classes to compare.
    per_digit : int, default 8
        Members shown of each in the cluster that holds most of them together.
    """
    title = "One cluster, three digits: 4, 7 and 9 share their strokes"
    if labels is None or not np.isin(digits, labels).all():
        return _without_labels(title)
    chosen = np.isin(labels, digits)
    sizes = np.bincount(clusters[chosen])
    figure = _figure(title, 9, 4.2)
    grid = figure.add_gridspec(len(digits), 3, width_ratios=[1, 3.6, 2.6])
    for row, digit in enumerate(digits):
        mean = figure.add_subplot(grid[row, 0])
        _show_image(mean, images[labels == digit].mean(axis=0))
        mean.set_ylabel(f"{digit}", rotation=0, labelpad=10, fontsize=13, va="center")
        inside = np.flatnonzero((labels == digit) & (clusters == sizes.argmax()))
        members = figure.add_subplot(grid[row, 1])
        members.set_axis_off()
        if len(inside):
            _show_image(members, _mosaic(images[np.resize(inside, per_digit)], per_digit))
        if not row:
            mean.set_title("mean image", loc="center", fontsize=10)
            members.set_title("in one and the same cluster", loc="center", fontsize=10)
    _share_bars(figure.add_subplot(grid[:, 2]), labels, clusters, digits, np.argsort(-sizes)[:4])
    return figure


def _share_bars(
    axes: Axes,
    labels: Labels,
    clusters: npt.NDArray[np.integer],
    digits: Sequence[int],
    shown: npt.NDArray[np.intp],
) -> None:
    """Draw which share of each digit went to each of the shown clusters."""
    height = 0.8 / len(digits)
    for row, digit in enumerate(digits):
        shares = [np.mean(clusters[labels == digit] == cluster) for cluster in shown]
        axes.barh(np.arange(len(shown)) + (row - 1) * height, shares, height,
                  color=PALETTE[row], label=f"{digit}")  # fmt: skip
    axes.set_yticks(range(len(shown)), [chr(ord("A") + i) for i in range(len(shown))])
    axes.set(xlabel="share of each digit", ylabel="cluster", title="the clusters they went to")
    axes.invert_yaxis()
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.legend(title="digit", fontsize=9, loc="lower right")


# --- 03: how many clusters -----------------------------------------------------------------------


@_styled
def elbow(inertia: pd.Series, knee: int | None) -> Figure:
    """Show inertia against the number of clusters.

    Parameters
    ----------
    inertia : Series
        Indexed by number of clusters.
    knee : int or None
        Where a knee was found.
    """
    figure = _figure("The elbow is a bend, not a corner", 8, 4)
    axes = figure.add_subplot()
    axes.axvspan(7, 16, color=ACCENT, alpha=0.12, lw=0, label='"7 to 16", the usual reading')
    axes.plot(inertia.index, inertia, "o-", color=INK, ms=4)
    if knee is not None:
        axes.plot(knee, inertia[knee], "o", ms=12, mfc="none", mec=WARN, mew=2,
                  label=f"Kneedle says {knee}")  # fmt: skip
    axes.set(xlabel="number of clusters, k", ylabel="inertia per image")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend()
    return figure


@_styled
def cluster_count_criteria(curves: pd.DataFrame) -> Figure:
    """Show three indices against the number of clusters, each with its favourite marked.

    Parameters
    ----------
    curves : DataFrame
        From :func:`mnist_clust.cluster.compare_counts`.
    """
    best = best_counts(curves)
    figure = _figure(
        f"Asked for the best k, three indices say {', '.join(str(k) for k in best.values())}",
        9.5,
        3.5,
    )
    titles = {
        "silhouette": "silhouette (higher is better)",
        "calinski_harabasz": "Calinski-Harabasz (higher)",
        "davies_bouldin": "Davies-Bouldin (lower)",
    }
    for axes, (name, title) in zip(figure.subplots(1, 3), titles.items(), strict=True):
        axes.plot(curves.index, curves[name], color=INK)
        axes.plot(best[name], curves[name][best[name]], "o", ms=11, mfc="none", mec=WARN, mew=2)
        axes.annotate(f"k = {best[name]}", (best[name], curves[name][best[name]]), color=WARN,
                      xytext=(0.5, 0.93), textcoords="axes fraction", ha="center")  # fmt: skip
        axes.set(xlabel="number of clusters, k", title=title)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


@_styled
def knee_against_range(knees: pd.Series) -> Figure:
    """Show how the automatic knee moves with the largest number of clusters looked at.

    Parameters
    ----------
    knees : Series
        The knee found, indexed by the largest number of clusters considered.
    """
    low, high = int(knees.min()), int(knees.max())
    figure = _figure(f"The knee moves from {low} to {high} as one looks further", 8, 3.6)
    axes = figure.add_subplot()
    axes.axhspan(7, 16, color=ACCENT, alpha=0.12, lw=0, label='"7 to 16", the usual reading')
    axes.step(knees.index, knees, where="mid", color=INK)
    axes.set(xlabel="largest k on the elbow plot", ylabel="knee that Kneedle finds")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylim(0, max(18, high + 2))
    axes.legend(loc="lower right")
    return figure


@_styled
def accuracy_against_count(accuracies: pd.DataFrame | None) -> Figure:
    """Show accuracy by majority and one-to-one against the number of clusters.

    Parameters
    ----------
    accuracies : DataFrame or None
        Columns are kinds of accuracy, indexed by number of clusters; None without labels.
    """
    title = "More clusters always look better by majority"
    if accuracies is None:
        return _without_labels(title)
    figure = _figure(title, 8, 4)
    axes = figure.add_subplot()
    for (name, values), color, marker in zip(
        accuracies.items(), (ACCENT, WARN), ("o", "s"), strict=True
    ):
        axes.plot(values.index, values, marker=marker, ms=4, color=color, label=str(name))
    axes.legend(loc="upper left")
    axes.set(xlabel="number of clusters, k", ylabel="test digits named correctly")
    axes.set_xscale("log")
    axes.set_xticks(accuracies.index, [str(k) for k in accuracies.index])
    axes.minorticks_off()
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set_ylim(0, 1)
    return figure


# --- the benchmark -------------------------------------------------------------------------------

_ENGINES = {
    "mnist_clust": ("this engine", ACCENT),
    "openTSNE": ("openTSNE", PALETTE[1]),
    "scikit-learn": ("scikit-learn", PALETTE[3]),
    "umap-learn": ("umap-learn", PALETTE[2]),
}
_TASKS = {
    "2-D": ("2-D", "o", "-"),
    "3-D": ("3-D", "s", "--"),
    "2-D uniform": ("2-D, 15 neighbours", "^", ":"),
    "whole": ("whole fit, 15 neighbours", "d", "-"),
}


@_styled
def speed_by_size(times: pd.DataFrame, n_cores: int) -> Figure:
    """Show the time of an optimisation against the number of points, for several engines.

    Parameters
    ----------
    times : DataFrame
        Columns ``engine``, ``task``, ``points``, ``seconds`` and ``extrapolated``.
    n_cores : int
        Cores used.
    """
    low, high = times.points.min(), times.points.max()
    largest = times[times.points == high].set_index(["engine", "task"]).seconds
    ours, theirs = largest["mnist_clust", "3-D"], largest["openTSNE", "3-D"]
    title = f"{high:,} points in 3-D: {ours:.0f} s, and {theirs / 60:.0f} min with openTSNE"
    figure = _figure(title, 9, 5)
    axes = figure.add_subplot()
    for (engine, task), line in times.groupby(["engine", "task"], sort=False):
        (name, color), (what, marker, style) = _ENGINES[engine], _TASKS[task]
        axes.plot(line.points, line.seconds, style, color=color)
        for extrapolated, part in line.groupby("extrapolated"):
            face = "white" if extrapolated else color
            axes.plot(part.points, part.seconds, marker, color=color, mfc=face, ms=7)
        last = line.iloc[-1]
        close = largest[(largest / last.seconds - 1).abs() < 0.35]  # make room for their labels
        shift = 0.0 if len(close) == 1 else 4.0 if last.seconds == close.max() else -4.0
        axes.annotate(f"{name}, {what}", (last.points, last.seconds), xytext=(8, shift),
                      va="center", textcoords="offset points", fontsize=9)  # fmt: skip
    axes.set(xscale="log", yscale="log", xlabel="points",
             ylabel=f"seconds on {n_cores} cores, 750 iterations")  # fmt: skip
    axes.set_title("hollow: extrapolated from fewer iterations", color=MUTED)
    axes.set_xticks(times.points.unique(), [f"{n:,}" for n in times.points.unique()])
    axes.minorticks_off()
    axes.set_xlim(None, high * (high / low) ** 0.75)
    axes.spines["bottom"].set_bounds(low, high)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    return figure
