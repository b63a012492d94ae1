"""Images: as they are, as rows, averaged, described, and side by side."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from mnist_clust.plots import style
from mnist_clust.plots.style import Array, mosaic, new_figure, one_panel, show_image, styled


@styled
def digit_grid(
    images: Array, labels: Array | None, *, columns: int = 16, title: str = "The first images"
) -> Figure:
    """Show a few images, a row a class (up to ten) where there are labels."""
    picks = np.arange(min(len(images), 10 * columns))
    classes = np.array([]) if labels is None else np.unique(labels)[:10]
    if labels is not None:
        rows = [np.resize(np.flatnonzero(labels == value), columns) for value in classes]
        picks = np.concatenate(rows)
    figure, axes = one_panel(title, 8, 5.4)
    show_image(axes, mosaic(images[picks], columns))
    height = images.shape[1] + 1
    axes.set_yticks(np.arange(len(classes)) * height + height / 2, [str(c) for c in classes])
    axes.set_ylabel("" if labels is None else "true class")
    axes.tick_params(length=0)
    return figure


@styled
def gallery(
    images: Array, captions: Sequence[str] = (), *, heads: Sequence[str] = (),
    rows: Sequence[str] = (), columns: int = 12, note: str = "", title: str = "Some images",
) -> Figure:  # fmt: skip
    """Show images in the given order.

    Parameters
    ----------
    images : ndarray, shape (n, height, width)
    captions, heads : sequence of str
        Below and above each.
    rows : sequence of str
        Names of the rows.
    columns : int, default 12
    note : str
        How to read the captions.
    title : str
    """
    if not len(images):
        figure = new_figure(title, 8, 1.4)
        figure.text(0.01, 0.3, "There are none.", color=style.MUTED)
        return figure
    n_rows = -(-len(images) // columns)
    n_lines = max((text.count("\n") + 1 for text in captions if text), default=0)
    height = n_rows * (7.8 / columns + 0.2) + 0.22 * n_lines * (n_rows if all(captions) else 1)
    figure = new_figure(title, 9, 0.8 + height + 0.25 * bool(heads))
    figure.supxlabel(note, x=0.01, ha="left", fontsize=12, color=style.MUTED)
    panels = figure.subplots(n_rows, columns, squeeze=False)
    for axes in panels.flat[len(images) :]:
        axes.set_axis_off()
    texts: Any = itertools.zip_longest(images, captions, heads, fillvalue="")
    for axes, (image, caption, head) in zip(panels.flat, texts, strict=False):
        show_image(axes, image, head)
        axes.spines[:].set(visible=True, color=style.PALE)
        axes.set_xlabel(caption, fontsize=12 if columns < 8 else 11)
    for axes, name in zip(panels[:, 0], rows, strict=False):
        axes.set_ylabel(name, rotation=0, ha="right", va="center")
    return figure


@styled
def contact_sheet(images: Array, *, title: str = "Some images", columns: int = 20) -> Figure:
    """Show many images, without captions, row by row."""
    figure, axes = one_panel(title, 10, 0.8 + 0.5 * -(-len(images) // columns))
    show_image(axes, mosaic(images, columns))
    return figure


@styled
def pixel_statistics(images: Array, *, title: str = "Ink by pixel and by image") -> Figure:
    """Show where ink falls, how much that varies, and how much of it an image holds."""
    figure = new_figure(title, 9, 3.4)
    *maps, right = figure.subplots(1, 3)
    means = {"mean ink": images.mean(axis=0), "standard deviation": images.std(axis=0)}
    for axes, (name, values) in zip(maps, means.items(), strict=True):
        picture = axes.imshow(values / 255, cmap=style.RAMP, vmin=0)
        axes.set(title=name, xticks=[], yticks=[])
        figure.colorbar(picture, ax=axes, shrink=0.8)
    right.hist((images > 0).mean(axis=(1, 2)), bins=50, color=style.ACCENT)
    right.set(title="ink per image", xlabel="share of pixels with ink", ylabel="images")
    style.percent(right.xaxis)
    right.yaxis.set_major_formatter("{x:,.0f}")
    return figure


@styled
def flattening(image: Array, order: Array, *, title: str = "An image and its row") -> Figure:
    """Show an image above its flat row, and the same pixels in another order."""
    figure = new_figure(title, 9, 3.6)
    panels = figure.subplots(2, 2, height_ratios=[4, 1])
    row = image.reshape(-1)
    named = {"the digit as we see it": row, "the same pixels, shuffled": row[order]}
    for (top, strip), (name, values) in zip(panels.T, named.items(), strict=True):
        show_image(top, values.reshape(image.shape), name)
        show_image(strip, values[None, :], aspect="auto")
        strip.set_xlabel(f"its row of {row.size} numbers")
    return figure


@styled
def cluster_images(
    rows: Mapping[str, Array], clusters: Array, names: Array | None, labels: Array | None = None,
    *, title: str = "The clusters as images",
) -> Figure:  # fmt: skip
    """Show rows of clusters' images by name, as means, with names, sizes and shares right."""
    k = len(next(iter(rows.values())))
    order, blank = style.in_order(names, k), [""] * k * (len(rows) - 1)
    gap = "\n" if len(rows) > 1 else " "
    notes = [f"{size:,}{gap}images" for size in np.bincount(clusters, minlength=k)]
    if names is not None and labels is not None:
        shares = pd.Series(labels == names[clusters]).groupby(clusters).mean().reindex(range(k))
        notes = [f"{note}\n{share:.0%} right" for note, share in zip(notes, shares, strict=True)]
    heads = [name.replace("stands ", "") for name in style.cluster_names(names, k)]
    return gallery(
        np.concatenate([images[order] for images in rows.values()]),
        blank + [notes[c] for c in order], heads=[heads[c] for c in order],
        rows=list(rows) if len(rows) > 1 else (), columns=k if len(rows) > 1 else 5, title=title,
    )  # fmt: skip


@styled
def look_alikes(
    images: Array, labels: Array | None, clusters: Array, digits: Sequence[int] = (4, 7, 9),
    *, title: str = "Digits that share clusters",
) -> Figure:  # fmt: skip
    """Show digits' mean images, members in one cluster, and the four clusters they went to."""
    if labels is None or not np.isin(digits, labels).all():
        return style.without_labels(title)
    table = pd.crosstab(labels, clusters, normalize="index").loc[list(digits)]
    shown = np.bincount(clusters[np.isin(labels, digits)]).argsort()[::-1][:4]
    figure = new_figure(title, 9, 4)
    grid = figure.add_gridspec(len(digits), 3, width_ratios=[1, 3.6, 3])
    for row, digit in enumerate(digits):
        mean, members = (figure.add_subplot(grid[row, column]) for column in (0, 1))
        show_image(mean, images[labels == digit].mean(axis=0), "" if row else "mean")
        mean.set_ylabel(f"{digit}", rotation=0, labelpad=10, fontsize=15, va="center")
        some = images[(labels == digit) & (clusters == shown[0])][:6]
        some = np.concatenate([some, np.zeros_like(images[:6])])
        show_image(members, mosaic(some[:6], 6), "" if row else "in one and the same cluster, A")
    bars = table.reindex(columns=shown, fill_value=0).T.set_axis(list("ABCD")[: len(shown)])
    axes = figure.add_subplot(grid[:, 2])
    bars.plot.barh(ax=axes, color=style.class_colors(digits), width=0.8, legend=False)
    axes.set(xlabel="share of each digit", ylabel="cluster")
    axes.invert_yaxis()
    style.percent(axes.xaxis)
    axes.legend(title="digit", loc="lower right")
    return figure
