"""What clusters are made of, whom they take for whom, and how sure they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from mnist_clust import scores
from mnist_clust.experiments.out_of_distribution import familiar_limit
from mnist_clust.plots import style
from mnist_clust.plots.style import ACCENT, INK, MUTED, WARN, Array, new_figure, one_panel, styled

CONFIDENCE_EDGES = (0.4, 0.6, 0.8, 1.0)  # the last group is those with nothing against them


@styled
def confusion_heatmaps(
    tables: Mapping[str, pd.DataFrame | None], *, title: str = "Digits by the cluster they lie in"
) -> Figure:
    """Show tables of `scores.confusion`, each by its name, as shares of the true digit."""
    width = 6.6 if len(tables) == 1 else 5 * len(tables)
    figure = new_figure(title, width, width / len(tables) + 0.7)
    panels = figure.subplots(1, len(tables), squeeze=False)[0]
    for axes, (name, counts) in zip(panels, tables.items(), strict=True):
        if counts is None:
            return style.without_labels(title)
        shares = 100 * counts.div(counts.sum(axis=1).clip(lower=1), axis=0)
        marks = shares.map(lambda share: f"{share:.0f}" if share >= 0.5 else "")
        style.draw_table(axes, shares, marks, vmin=0, vmax=100, square=True)
        axes.set(title=name, ylabel="true digit; its shares in %")
    return figure


@styled
def confused_pairs(
    images: Array, labels: Array | None, clusters: Array, *, n_pairs: int = 5, per_side: int = 6,
    title: str = "The digits most often taken for each other",
) -> Figure:  # fmt: skip
    """Show how many digits lie in clusters of others, and examples of the worst pairs."""
    k = int(clusters.max()) + 1
    counts = scores.confusion_by_majority(labels, clusters, k)
    if labels is None or counts is None:
        return style.without_labels(title)
    worst = scores.pair_confusion(counts).head(n_pairs)
    figure = new_figure(title, 10, 4.6)
    grid = figure.add_gridspec(max(len(worst), 1), 3, width_ratios=[2, 1, 1])
    axes = figure.add_subplot(grid[:, 0])
    diagonal = np.equal.outer(counts.index.to_numpy(), counts.columns.to_numpy())
    marks = counts.mask(diagonal, 0).map(lambda n: f"{n:,.0f}" if n else "")
    style.draw_table(axes, counts.mask(diagonal), marks, "Reds", square=True)
    named = scores.name_by_majority(clusters, labels, k)[clusters]
    for row, pair in enumerate(worst.index):
        for column, (true, taken) in enumerate((pair, pair[::-1])):
            panel = figure.add_subplot(grid[row, column + 1])
            mistaken = np.flatnonzero((labels == true) & (named == taken))
            chosen = mistaken[:: -(-len(mistaken) // per_side) or 1]
            some = np.concatenate([images[chosen], np.zeros_like(images[:per_side])])
            style.show_image(panel, style.mosaic(some[:per_side], per_side))
            panel.set_title(f"{true} among the {taken}s: {len(mistaken):,}", loc="left")
    return figure


@styled
def silhouette_by_cluster(
    silhouettes: Array, clusters: Array, names: Array | None, *, title: str = "Silhouettes"
) -> Figure:
    """Show the silhouettes of each cluster's members, sorted, one band a cluster."""
    k = int(clusters.max()) + 1
    colors, titles = style.cluster_colors(names, k), style.cluster_names(names, k)
    figure, axes = one_panel(title, 8, 5.4)
    start, gap, ticks = 0, max(1, len(silhouettes) // 100), {}
    for cluster in style.in_order(names, k):
        values = np.sort(silhouettes[clusters == cluster])
        stop = start + len(values)
        axes.fill_betweenx(np.arange(start, stop), 0, values, color=colors[cluster], lw=0)
        axes.plot([values.mean()] * 2, [start, stop], color="white", lw=2)
        ticks[(start + stop) / 2] = titles[cluster]
        start = stop + gap
    axes.axvline(silhouettes.mean(), color=INK, lw=1, ls="--")
    axes.text(silhouettes.mean(), -gap, " mean", va="bottom")
    axes.set_yticks(list(ticks), list(ticks.values()))
    axes.tick_params(axis="y", length=0)
    axes.set(xlabel="silhouette: own cluster (1), border (0), nearer to another (below 0)")
    axes.set_ylim(start + gap, -gap)
    return figure


@styled
def cluster_makeup(
    labels: Array | None, clusters: Array, names: Array | None, *, title: str = "What clusters hold"
) -> Figure:
    """Show how large each cluster is and which digits it is made of."""
    if labels is None or names is None:
        return style.without_labels(title)
    table = pd.crosstab(clusters, labels)
    table = table.iloc[np.argsort(names[table.index], kind="stable")]
    colors = style.class_colors(table.columns)
    figure, axes = one_panel(title, 9, 4.4)
    table.plot.barh(ax=axes, stacked=True, color=list(colors), width=0.8, ec="white", legend=False)
    bars_of: Any = axes.containers
    large = 0.05 * table.sum(axis=1).max()
    for digit, color, bars in zip(table, colors, bars_of, strict=True):
        marks = [str(digit) if count > large else "" for count in table[digit]]
        axes.bar_label(bars, marks, label_type="center", color=style.text_on(color), weight="bold")
    titles = style.cluster_names(names, len(names))
    axes.set_yticks(range(len(table)), [titles[cluster] for cluster in table.index])
    axes.invert_yaxis()
    axes.set(xlabel="images", ylabel="")
    axes.xaxis.set_major_formatter("{x:,.0f}")
    if table.shape[1] <= style.MANY_CLASSES:
        axes.legend(title="digit", loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


@styled
def calibration(
    confidence: Array, right: Array | None, *, title: str = "Confidence and correct labels"
) -> Figure:
    """Show the share right by confidence, and by how many of the surest are labelled."""
    if right is None:
        return style.without_labels(title)
    figure = new_figure(title, 9, 4)
    left, other = figure.subplots(1, 2, width_ratios=[1.2, 1])
    both = pd.DataFrame({"confidence": confidence, "right": right.astype(float)})
    groups = both.groupby(np.digitize(confidence, CONFIDENCE_EDGES)).agg(["mean", "size"])
    x, y, count = groups["confidence", "mean"], groups["right", "mean"], groups["right", "size"]
    left.errorbar(x, y, 2 * np.sqrt(y * (1 - y) / count), fmt="o-", color=ACCENT, capsize=3)
    left.axline((1, 1), slope=1, color=MUTED, lw=1, ls="--", label="as confident as right")
    left.legend(loc="upper left")
    left.set(xlabel="confidence", ylabel="share correctly labelled", title="by confidence")
    limits = np.unique(confidence)  # digits of one confidence can only be labelled together
    kept = [np.mean(confidence >= limit) for limit in limits]
    other.plot(kept, [right[confidence >= limit].mean() for limit in limits], "o-", color=ACCENT)
    other.set(xlabel="share of digits labelled", ylabel="share of these correct",
              title="leaving the doubtful ones out")  # fmt: skip
    style.percent(left.xaxis, left.yaxis, other.xaxis, other.yaxis)
    return figure


@styled
def strangeness(
    measures: Mapping[str, Mapping[str, Array]], *, title: str = "Distance to known digits"
) -> Figure:
    """Compare distances to known digits by way to measure and kind of image, new digits first."""
    figure = new_figure(title, 10, 4.2)
    panels = figure.subplots(1, len(measures), sharey=True, squeeze=False)[0]
    for axes, (measure, kinds) in zip(panels, measures.items(), strict=True):
        digits = next(iter(kinds.values()))
        limit = familiar_limit(digits)
        colors = [MUTED, *style.PALETTE][: len(kinds)]
        sns.violinplot(dict(kinds), ax=axes, orient="y", palette=colors, inner=None, cut=0,
                       density_norm="width", linewidth=0)  # fmt: skip
        for row, values in enumerate(kinds.values()):
            axes.annotate(f"{np.mean(values > limit):.0%} beyond", (0.99, row - 0.25), ha="right",
                          xycoords=("axes fraction", "data"), va="center")  # fmt: skip
        axes.axvline(limit, color=WARN, lw=1.5, ls="--", label="99% of new digits lie within")
        axes.set_xlim(0, 1.6 * max(float(np.max(values)) for values in kinds.values()))
        axes.set(xlabel="distance to the nearest known digit", title=measure)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center")
    return figure
