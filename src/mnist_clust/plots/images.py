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
