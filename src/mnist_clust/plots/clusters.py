"""Notebook 02: clusters, what they stand for and what they take for what."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from mnist_clust.data import Images, Labels
from mnist_clust.plots.style import (
    PALETTE,
    cluster_names,
    draw_confusion,
    mosaic,
    new_figure,
    show_image,
    styled,
    without_labels,
)


@styled
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
    figure = new_figure(
        f"{k} centroids, the average images of {k} clusters{missing}", 9, 2.6 * rows
    )
    titles = cluster_names(names, k)
    panels = figure.subplots(rows, 5, squeeze=False).ravel()
    for axes in panels[k:]:
        axes.set_axis_off()
    for axes, cluster in zip(panels, order, strict=False):
        members = clusters == cluster
        show_image(axes, centers[cluster].reshape(image_shape), titles[cluster])
        note = f"{members.sum():,} images"
        if names is not None and labels is not None and members.any():
            note += f", {np.mean(labels[members] == names[cluster]):.0%} right"
        axes.set_xlabel(note, fontsize=9)
    return figure


@styled
def confusion_heatmap(counts: pd.DataFrame | None, title: str | None = None) -> Figure:
    """Show which digits end up under which name, as shares of the true digit.

    Parameters
    ----------
    counts : DataFrame or None
        From :func:`mnist_clust.scores.confusion`; None without labels.
    title : str, optional
        The finding, where it is another one than how many were named rightly.
    """
    if counts is None:
        return without_labels(title or "Which digits are taken for which")
    if title is None:
        right = np.trace(counts) / counts.to_numpy().sum()
        title = f"{right:.1%} of the digits lie in the cluster of their kind"
    figure = new_figure(title, 7.4, 6.2)
    axes = figure.add_subplot()
    bar = {"label": "share of the true digit", "format": PercentFormatter(1, decimals=0)}
    draw_confusion(axes, counts, "%", cbar_kws=bar)
    return figure


@styled
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
        return without_labels(title)
    chosen = np.isin(labels, digits)
    sizes = np.bincount(clusters[chosen])
    figure = new_figure(title, 9, 4.2)
    grid = figure.add_gridspec(len(digits), 3, width_ratios=[1, 3.6, 2.6])
    for row, digit in enumerate(digits):
        mean = figure.add_subplot(grid[row, 0])
        show_image(mean, images[labels == digit].mean(axis=0))
        mean.set_ylabel(f"{digit}", rotation=0, labelpad=10, fontsize=13, va="center")
        inside = np.flatnonzero((labels == digit) & (clusters == sizes.argmax()))
        members = figure.add_subplot(grid[row, 1])
        members.set_axis_off()
        if len(inside):
            show_image(members, mosaic(images[np.resize(inside, per_digit)], per_digit))
        if not row:
            mean.set_title("mean image", loc="center", fontsize=10)
            members.set_title("in one and the same cluster, A", loc="center", fontsize=10)
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
                  color=PALETTE[int(digit) % len(PALETTE)], label=f"{digit}")  # fmt: skip
    axes.set_yticks(range(len(shown)), [chr(ord("A") + i) for i in range(len(shown))])
    axes.set(xlabel="share of each digit", ylabel="cluster", title="the clusters they went to")
    axes.invert_yaxis()
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.legend(title="digit", fontsize=9, loc="lower right")
