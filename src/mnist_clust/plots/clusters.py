"""What clusters are made of, whom they take for whom, and how sure they are."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from mnist_clust import scores
from mnist_clust.plots import style
from mnist_clust.plots.style import Array, new_figure, styled

_PER_SIDE = 6  # examples of a pair


@styled
def confusion_heatmaps(
    tables: Mapping[str, pd.DataFrame], *, title: str = "Digits by the cluster they lie in"
) -> Figure:
    """Show tables of `scores.confusion`, each by its name, as shares of the true digit."""
    width = 6.6 if len(tables) == 1 else 5 * len(tables)
    figure = new_figure(title, width, width / len(tables) + 0.7)
    panels = figure.subplots(1, len(tables), squeeze=False)[0]
    for axes, (name, counts) in zip(panels, tables.items(), strict=True):
        shares = 100 * counts.div(counts.sum(axis=1).clip(lower=1), axis=0)
        marks = shares.map(lambda share: f"{share:.0f}" if share >= 0.5 else "")
        style.draw_table(axes, shares, marks, vmin=0, vmax=100, square=True)
        axes.set(title=name, ylabel="true digit; its shares in %")
    return figure


@styled
def confused_pairs(
    images: Array, labels: Array, clusters: Array, *,
    title: str = "The digits most often taken for each other",
) -> Figure:  # fmt: skip
    """Show how many digits lie in clusters of others, and examples of the worst pairs."""
    k = int(clusters.max()) + 1
    names = scores.name_by_majority(clusters, labels, k)
    counts = scores.confusion(labels, clusters, names)
    worst = scores.pair_confusion(counts).head(5)
    figure = new_figure(title, 10, 4.6)
    grid = figure.add_gridspec(max(len(worst), 1), 3, width_ratios=[2, 1, 1])
    axes = figure.add_subplot(grid[:, 0])
    diagonal = np.equal.outer(counts.index.to_numpy(), counts.columns.to_numpy())
    marks = counts.mask(diagonal, 0).map(lambda n: f"{n:.0f}" if n else "")
    style.draw_table(axes, counts.mask(diagonal), marks, "Reds", square=True)
    named = names[clusters]
    for row, pair in enumerate(worst.index):
        sides = sorted((pair, pair[::-1]), key=lambda side: counts.loc[side], reverse=True)
        for column, (true, taken) in enumerate(sides):
            panel = figure.add_subplot(grid[row, column + 1])
            mistaken = np.flatnonzero((labels == true) & (named == taken))
            chosen = mistaken[:: -(-len(mistaken) // _PER_SIDE) or 1]
            some = np.concatenate([images[chosen], np.zeros_like(images[:_PER_SIDE])])
            style.show_image(panel, style.mosaic(some[:_PER_SIDE], _PER_SIDE))
            panel.set_title(f"{true} among the {taken}s: {len(mistaken):,}", loc="left")
    return figure
