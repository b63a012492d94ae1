"""Images: as they are, as rows, averaged, described, and side by side."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from mnist_clust.plots import style
from mnist_clust.plots.style import Array, mosaic, new_figure, one_panel, show_image, styled

_COLUMNS = 20  # of a contact sheet


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
def contact_sheet(images: Array, *, title: str = "Some images") -> Figure:
    """Show many images, without captions, row by row."""
    figure, axes = one_panel(title, 10, 0.8 + 0.5 * -(-len(images) // _COLUMNS))
    show_image(axes, mosaic(images, _COLUMNS))
    return figure


@styled
def cluster_gallery(
    rows: Mapping[str, Array], clusters: Array, *, title: str = "The clusters as images"
) -> Figure:
    """Show rows of clusters' images, such as means and medoids, each row by its name."""
    sizes = np.bincount(clusters)
    k = len(sizes)
    return gallery(
        np.concatenate(list(rows.values())),
        [""] * k * (len(rows) - 1) + [f"{size:,}\nimages" for size in sizes],
        heads=[f"cluster {chr(ord('A') + i)}" for i in range(k)], rows=list(rows), columns=k,
        title=title,
    )  # fmt: skip
