"""Notebook 01: the images, and what becomes of them as rows of numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from mnist_clust.data import Images, Labels
from mnist_clust.plots.style import (
    ACCENT,
    INK,
    MUTED,
    first_of_each,
    mosaic,
    new_figure,
    scatter_classes,
    show_image,
    styled,
    thousands,
    without_labels,
)


@styled
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
        picks = first_of_each(labels, columns)
    figure = new_figure("One digit, many hands: every row is one class", 9, 6)
    if labels is None:
        figure.suptitle("A first look: the first images, in order", x=0.01, ha="left")
    axes = figure.add_subplot()
    show_image(axes, mosaic(images[picks], columns))
    if labels is not None:
        classes = np.unique(labels)[:10]
        height = images.shape[1] + 1
        axes.set_yticks(np.arange(len(classes)) * height + height / 2, [str(c) for c in classes])
        axes.set_ylabel("true class")
        axes.tick_params(length=0)
    return figure


@styled
def class_counts(train_labels: Labels | None, test_labels: Labels | None) -> Figure:
    """Count the images of each class in both parts.

    Parameters
    ----------
    train_labels, test_labels : ndarray of int, shape (n,), or None
    """
    title = "How many images there are of each class"
    if train_labels is None or test_labels is None:
        return without_labels(title)
    sizes = np.unique(train_labels, return_counts=True)[1]
    ratio = sizes.max() / sizes.min()
    title = f"The largest class is {ratio:.2f} times the smallest" if ratio > 1 else "Equal classes"
    figure = new_figure(title, 9, 3.6)
    for axes, labels, part in zip(
        figure.subplots(1, 2), (train_labels, test_labels), ("training", "test"), strict=True
    ):
        classes, counts = np.unique(labels, return_counts=True)
        bars = axes.bar(range(len(classes)), counts, color=ACCENT)
        axes.bar_label(bars, fmt="{:,.0f}", fontsize=9, label_type="center", color="white",
                       rotation=90)  # fmt: skip
        axes.axhline(counts.mean(), color=INK, lw=1, ls="--", label="equal shares")
        axes.set_xticks(range(len(classes)), [str(c) for c in classes])
        axes.set(xlabel="digit", ylabel="images", title=f"{len(labels):,} {part} images")
        axes.set_ylim(0, counts.max() * 1.28)
        axes.legend(fontsize=9, loc="upper right")
        thousands(axes.yaxis)
    return figure


@styled
def pixel_statistics(images: Images) -> Figure:
    """Show where ink falls and how much of it an image holds.

    Parameters
    ----------
    images : ndarray of uint8, shape (n, height, width)
    """
    blank = float(np.mean(images == 0))
    figure = new_figure(f"{blank:.0%} of all pixels are blank; ink keeps to the middle", 9, 3.4)
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
    thousands(right.yaxis)
    return figure


@styled
def flattening(image: Images, order: npt.NDArray[np.intp]) -> Figure:
    """Show an image, its flat row, and the same pixels in another order.

    Parameters
    ----------
    image : ndarray of uint8, shape (height, width)
    order : ndarray of int, shape (height * width,)
        A permutation of the pixels.
    """
    figure = new_figure("To a distance between rows, both pictures say the same", 9, 3.4)
    grid = figure.add_gridspec(2, 2, height_ratios=[4, 1])
    row = image.reshape(-1)
    for column, (values, name) in enumerate(
        [(row, "the digit as we see it"), (row[order], "the same pixels, shuffled")]
    ):
        top, strip = figure.add_subplot(grid[0, column]), figure.add_subplot(grid[1, column])
        show_image(top, values.reshape(image.shape), name)
        show_image(strip, values[None, :], aspect="auto")
        strip.set_xlabel(f"its row of {row.size} numbers")
    return figure


@styled
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
    figure = new_figure("Two pixels to the side count for more than another image", 9, 3.1)
    panels = figure.subplots(1, len(images), squeeze=False)[0]
    for axes, image, distance, caption in zip(panels, images, distances, captions, strict=True):
        show_image(axes, image, caption)
        axes.spines[:].set(visible=True, color=MUTED)  # the edge shows that the digit moved
        axes.set_xlabel(f"distance {distance:.1f}")
    return figure


@styled
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
    figure = new_figure("Two straight axes cannot pull ten digits apart", 9, 4.6)
    left, right = figure.subplots(1, 2, width_ratios=[1.25, 1])
    scatter_classes(left, points, labels)
    left.set(xlabel="first component", ylabel="second component", title="PCA's plane")
    count = np.arange(1, len(explained) + 1)
    right.plot(count, np.cumsum(explained), color=ACCENT)
    right.axhline(0.9, color=MUTED, lw=1, ls="--")
    right.text(count[-1], 0.91, "90%", ha="right", color=MUTED)
    right.set(xlabel="components kept", ylabel="variance explained", title="how many it takes")
    right.set_xscale("log")
    right.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    return figure
