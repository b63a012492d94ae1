"""Notebook 08: features and settings that sharpen a map."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, MultipleLocator, PercentFormatter

from mnist_clust.data import Images, Labels
from mnist_clust.features import OrientedGradients
from mnist_clust.plots.maps import side_by_side
from mnist_clust.plots.style import (
    ACCENT,
    INK,
    MUTED,
    PALETTE,
    WARN,
    new_figure,
    show_image,
    styled,
    without_labels,
)

Points = npt.NDArray[np.float32]
_PARTS = {"train": "training digits, clustered", "test": "test digits, unseen"}


@styled
def exaggerated_maps(maps: Mapping[float, Points], labels: Labels | None) -> Figure:
    """Show maps of the same images under several final exaggerations.

    Parameters
    ----------
    maps : mapping of float to ndarray of shape (n, 2)
        By exaggeration.
    labels : ndarray of int, shape (n,), or None
    """
    named = {f"exaggeration {value:g}": places for value, places in maps.items()}
    return side_by_side("Exaggeration tightens each island and widens the gaps", named, labels)


@styled
def normalised_images(stages: Mapping[str, npt.NDArray[np.floating] | Images]) -> Figure:
    """Show the same images after each step of normalising, a row a step.

    Parameters
    ----------
    stages : mapping of str to ndarray of shape (n, height, width)
        By name of the step.
    """
    n = len(next(iter(stages.values())))
    figure = new_figure(
        "Slant and size belong to the writer; take them out", 10, 1.0 + 0.9 * len(stages)
    )
    grid = figure.subplots(len(stages), n, squeeze=False)
    for panels, (name, images) in zip(grid, stages.items(), strict=True):
        for axes, image in zip(panels, images, strict=True):
            show_image(axes, image)
        panels[0].set_ylabel(name, rotation=0, ha="right", va="center")
    return figure


@styled
def oriented_gradients(image: npt.NDArray[np.floating], row: npt.NDArray[np.float32],
                       n_orientations: int = 12) -> Figure:  # fmt: skip
    """Show one image and the pictures, one a direction, that describe it.

    Parameters
    ----------
    image : ndarray of shape (height, width)
    row : ndarray of shape (n_features,)
        Of it, from :class:`mnist_clust.features.OrientedGradients`.
    n_orientations : int, default 12
    """
    grid_shape = OrientedGradients(n_orientations).grid_shape(*image.shape)
    pictures = row.reshape(n_orientations, *grid_shape)
    figure = new_figure("Twelve small pictures: where the edges of each direction lie", 11, 3.6)
    grid = figure.add_gridspec(2, 2 + n_orientations // 2)
    show_image(figure.add_subplot(grid[:, :2]), image, "one digit")
    for direction, picture in enumerate(pictures):
        panel = figure.add_subplot(grid[direction // (n_orientations // 2),
                                        2 + direction % (n_orientations // 2)])  # fmt: skip
        panel.imshow(picture, cmap="Blues", vmin=0, vmax=float(row.max()))
        panel.set(xticks=[], yticks=[])
        panel.set_title(f"{360 * direction / n_orientations:.0f}°", loc="center", fontsize=10)
    return figure


@styled
def variants_compared(table: pd.DataFrame, chosen: str) -> Figure:
    """Show what no label was needed for, and beside it what labels say afterwards.

    Parameters
    ----------
    table : DataFrame
        From :func:`mnist_clust.variants.compare_variants`.
    chosen : str
        The row that was chosen.
    """
    scored = table.accuracy.notna().any()
    figure = new_figure(
        "The largest step shows before any label is looked at", 11, 1.4 + 0.33 * len(table)
    )
    panels = figure.subplots(1, 3 if scored else 2, sharey=True)
    place = np.arange(len(table))
    colors = [WARN if name == chosen else ACCENT for name in table.index]
    spread = [table.silhouette - table.lowest, table.highest - table.silhouette]
    panels[0].errorbar(table.silhouette, place, xerr=spread, fmt="none", ecolor=MUTED)
    panels[0].scatter(table.silhouette, place, c=colors, zorder=3)
    panels[0].set(title="silhouette", xlabel="without labels")
    for row, counts in enumerate(table.n_clusters):
        panels[-1].annotate(
            ", ".join(map(str, counts)), (1.04, row), va="center", color=MUTED,
            xycoords=("axes fraction", "data"), fontsize=10,
        )  # fmt: skip
    panels[1].scatter(table.stability, place, c=colors)
    panels[1].set(title="agreement of samples", xlabel="without labels (adjusted Rand index)")
    if scored:
        panels[2].scatter(table.accuracy, place, c=colors, marker="D")
        panels[2].set(title="digits named rightly", xlabel="with labels, afterwards")
        panels[2].xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    panels[-1].annotate("clusters found", (1.04, 1.01), color=MUTED, xycoords="axes fraction")
    panels[0].set_yticks(place, table.index)
    panels[0].invert_yaxis()
    for axes in panels:
        axes.grid(axis="y", alpha=0.25)
    return figure


@styled
def silhouette_peak(curves: Mapping[str, pd.Series]) -> Figure:
    """Show the silhouette against the number of clusters, for several maps.

    Parameters
    ----------
    curves : mapping of str to Series
        By name, up to three; the one that matters last.
    """
    *_, last = curves.values()
    best = int(last.idxmax())
    figure = new_figure(f"On the sharp map the silhouette has a peak: {best} clusters", 8.5, 3.9)
    axes = figure.add_subplot()
    for (name, curve), color in zip(curves.items(), (MUTED, PALETTE[1], ACCENT), strict=False):
        axes.plot(curve.index, curve, "o-", ms=4, color=color, label=name)
    axes.plot(best, last[best], "o", ms=13, mfc="none", mec=WARN, mew=2, clip_on=False)
    axes.set(xlabel="number of clusters, k", ylabel="mean silhouette")
    axes.set_ylim(0, max(1.05 * last[best], 1))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(ncols=len(curves))
    return figure


@styled
def beside_published(published: pd.DataFrame, scores: pd.DataFrame) -> Figure:
    """Show accuracies of others and ours, set apart by what they were scored on.

    Parameters
    ----------
    published : DataFrame
        From :func:`mnist_clust.published.published_results`.
    scores : DataFrame
        From :func:`mnist_clust.scores.score_clustering`; empty without labels.
    """
    title = "Like the others, the filled diamond is scored on digits it has seen"
    if scores.empty:
        return without_labels(title)
    row = scores.loc["accuracy, one-to-one"]
    ours = {f"here: {name}": row[part] for part, name in _PARTS.items()}
    names = [*published.index, *ours]
    values = np.array([*published.accuracy, *ours.values()])
    figure = new_figure(title, 9, 4.2)
    axes = figure.add_subplot()
    place = np.arange(len(names))
    split = len(published)
    axes.plot(values[:split], place[:split], "o", color=MUTED, label="published, on all of MNIST")
    axes.plot(values[split], place[split], "D", color=WARN, label="here, on these images")
    axes.plot(
        values[split + 1],
        place[split + 1],
        "D",
        mfc="white",
        color=WARN,
        label="here, on unseen images",
    )
    for row, value in enumerate(values):
        if np.isfinite(value):
            axes.annotate(f"{value:.1%}", (value, row), xytext=(8, 0), va="center",
                          textcoords="offset points", fontsize=10)  # fmt: skip
    axes.set_yticks(place, names)
    axes.invert_yaxis()
    axes.set(xlabel="digits named rightly, one-to-one", xlim=(0.83, 1.01))
    axes.xaxis.set_major_locator(MultipleLocator(0.05))
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.grid(axis="y", alpha=0.25)
    figure.legend(loc="outside lower center", ncols=3, labelcolor=INK)
    return figure
