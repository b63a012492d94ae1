"""Notebook 07: new images on a finished map."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from mnist_clust.data import Images, Labels
from mnist_clust.experiments.out_of_distribution import familiar_limit
from mnist_clust.plots.style import (
    ACCENT,
    INK,
    MUTED,
    PALETTE,
    WARN,
    bare,
    mosaic,
    new_figure,
    scatter_classes,
    show_image,
    styled,
    without_labels,
)

Points = npt.NDArray[np.float32]
KNOWN = "#e6eaee"  # a map in the background
CONFIDENCE_EDGES = (0.4, 0.6, 0.8, 1.0)  # the last group is those with nothing against them


@styled
def new_digits_on_map(embedding: Points, places: Points, labels: Labels | None) -> Figure:
    """Show new points on a map that was made without them.

    Parameters
    ----------
    embedding : ndarray of shape (n, 2)
        The map, drawn in grey.
    places : ndarray of shape (n_new, 2)
    labels : ndarray of int, shape (n_new,), or None
        Classes of the new ones, as colours.
    """
    figure = new_figure(f"{len(places):,} new digits find the islands of their kind", 8, 8)
    axes = figure.add_subplot()
    axes.scatter(embedding[:, 0], embedding[:, 1], s=1, color=KNOWN, lw=0, rasterized=True)
    scatter_classes(axes, places, labels)
    bare(axes)
    return figure


@styled
def displacements(known: npt.NDArray[np.floating], new: npt.NDArray[np.floating]) -> Figure:
    """Compare how far known and new points move when all may settle together.

    Parameters
    ----------
    known, new : ndarray of shape (n,)
        Distances moved, as shares of the width of the map.
    """
    figure = new_figure(
        f"Half of them move by less than {np.median(new):.2%} of the map's width",
        8.5,
        3.8,
    )
    axes = figure.add_subplot()
    for values, color, name in ((known, MUTED, "known digits"), (new, ACCENT, "new digits")):
        ordered = np.sort(values)
        axes.plot(ordered, np.arange(1, len(ordered) + 1) / len(ordered), color=color, label=name)
    axes.set_xscale("log")
    axes.set_xlim(max(float(np.quantile(known, 0.01)), 1e-6), float(new.max()))
    axes.set(xlabel="moved by, as a share of the map's width", ylabel="share of the digits")
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=1))
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.legend()
    return figure


@styled
def calibration(
    confidence: npt.NDArray[np.floating], right: npt.NDArray[np.bool_] | None
) -> Figure:
    """Compare how sure a name is with how often it is right.

    Parameters
    ----------
    confidence : ndarray of shape (n,)
        From 0 to 1.
    right : ndarray of bool, shape (n,), or None
    """
    title = "How sure it is says how often it is right"
    if right is None:
        return without_labels(title)
    figure = new_figure(title, 9, 4)
    left, other = figure.subplots(1, 2, width_ratios=[1.2, 1])
    group = np.digitize(confidence, CONFIDENCE_EDGES)
    present = np.unique(group)
    x = np.array([confidence[group == g].mean() for g in present])
    y = np.array([right[group == g].mean() for g in present])
    count = np.array([(group == g).sum() for g in present])
    left.errorbar(x, y, 2 * np.sqrt(y * (1 - y) / count), fmt="o-", color=ACCENT, capsize=3)
    left.axline((1, 1), slope=1, color=MUTED, lw=1, ls="--")
    left.annotate("as sure as right", (0.8, 0.8), xytext=(-8, 4), textcoords="offset points",
                  ha="right", color=MUTED, fontsize=9)  # fmt: skip
    left.set(
        xlabel="confidence",
        ylabel="share correctly labelled",
        title="in groups of similar confidence",
    )
    limits = np.unique(confidence)  # digits that are equally sure can only be named together
    kept = [np.mean(confidence >= limit) for limit in limits]
    other.plot(kept, [right[confidence >= limit].mean() for limit in limits], "o-", color=ACCENT)
    other.set(xlabel="share of digits named", ylabel="share of these named rightly",
              title="leaving the doubtful ones out")  # fmt: skip
    for axes in (left, other):
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    other.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    return figure


@styled
def unfamiliar_on_map(
    embedding: Points, places: Mapping[str, Points], images: Mapping[str, Images]
) -> Figure:
    """Show where images that are no digits are put, and some of them.

    Parameters
    ----------
    embedding : ndarray of shape (n, 2)
    places : mapping of str to ndarray of shape (k, 2)
        By kind.
    images : mapping of str to ndarray of uint8, shape (k, height, width)
    """
    figure = new_figure("The map has a place for everything, also for what is no digit", 10, 5.6)
    grid = figure.add_gridspec(len(images), 2, width_ratios=[1.1, 1])
    axes = figure.add_subplot(grid[:, 0])
    axes.scatter(embedding[:, 0], embedding[:, 1], s=1, color=KNOWN, lw=0, rasterized=True)
    points = np.concatenate(list(places.values()))
    kinds = np.repeat(np.arange(len(places)), [len(some) for some in places.values()])
    mixed = np.random.default_rng(0).permutation(len(points))  # so that no kind hides the others
    colors = np.array([to_rgb(color) for color in PALETTE])[kinds[mixed]]
    axes.scatter(points[mixed, 0], points[mixed, 1], s=12, c=colors, lw=0)
    for row, (kind, pictures) in enumerate(images.items()):
        color = PALETTE[row]
        panel = figure.add_subplot(grid[row, 1])
        show_image(panel, mosaic(pictures[:9], 9))
        title = f"{kind}: {len(pictures)} images"
        panel.set_title(title, fontsize=10, color=color, weight="bold")
    bare(axes)
    return figure


@styled
def strangeness(measures: Mapping[str, Mapping[str, npt.NDArray[np.floating]]]) -> Figure:
    """Compare distances to the nearest known digit, for new digits and for images that are none.

    Parameters
    ----------
    measures : mapping of str to mapping of str to ndarray of shape (k,)
        Distances by kind of image, for each way to measure them; the first kind is new digits,
        and the limit is what 99% of them stay within.
    """
    caught = [
        np.mean([np.mean(values > familiar_limit(digits)) for values in others])
        for digits, *others in (kinds.values() for kinds in measures.values())
    ]
    told = ", ".join(f"{share:.0%} {name}" for name, share in zip(measures, caught, strict=True))
    figure = new_figure(f"Distance gives away what is no digit: {told}", 11, 4)
    panels = figure.subplots(1, len(measures), sharey=True, squeeze=False)[0]
    for axes, (measure, kinds) in zip(panels, measures.items(), strict=True):
        limit = familiar_limit(next(iter(kinds.values())))
        for row, values in enumerate(kinds.values()):
            parts: Any = axes.violinplot(values, [row], orientation="horizontal", widths=0.8,
                                         showextrema=False)  # fmt: skip
            for body in parts["bodies"]:
                body.set(facecolor=MUTED if row == 0 else PALETTE[row - 1], alpha=0.8)
            share = float(np.mean(values > limit))
            axes.annotate(f"{share:.0%} beyond", (0.99, row - 0.25), va="center", ha="right",
                          xycoords=("axes fraction", "data"), color=INK, fontsize=9)  # fmt: skip
        axes.axvline(limit, color=WARN, lw=1.5, ls="--", label="99% of new digits lie within")
        axes.set_xlim(0, 1.25 * max(float(values.max()) for values in kinds.values()))
        axes.set(xlabel="distance to the nearest known digit", title=measure)
        axes.set_yticks(range(len(kinds)), list(kinds))
    panels[0].invert_yaxis()
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center")
    return figure
