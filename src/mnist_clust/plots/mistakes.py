"""Notebook 06: what clusters are made of, and the images they get wrong."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.figure import Figure

from mnist_clust.data import Images, Labels
from mnist_clust.plots.style import (
    ACCENT,
    INK,
    MANY_CLASSES,
    MUTED,
    PALETTE,
    WARN,
    cluster_names,
    mosaic,
    new_figure,
    show_image,
    styled,
    text_on,
    thousands,
    without_labels,
)


@styled
def silhouette_by_cluster(
    silhouettes: npt.NDArray[np.float32],
    clusters: npt.NDArray[np.integer],
    names: npt.NDArray[np.int64] | None,
) -> Figure:
    """Show the silhouettes of each cluster's members, sorted, one band a cluster.

    Parameters
    ----------
    silhouettes : ndarray of shape (n,)
        From :func:`mnist_clust.silhouettes.map_silhouettes`.
    clusters : ndarray of int, shape (n,)
    names : ndarray of int, shape (n_clusters,), or None
    """
    n_clusters = int(clusters.max()) + 1
    mean = float(silhouettes.mean())
    own = [silhouettes[clusters == c].mean() for c in range(n_clusters)]
    loosest = np.argsort(own)[:3]
    who = [str(names[c]) if names is not None else f"cluster {c}" for c in loosest]
    below = f"{np.sum(np.array(own) < mean)} of {n_clusters} lie below the mean of {mean:.2f}"
    figure = new_figure(f"{below}; the loosest: {', '.join(who)}", 8.5, 5.5)
    axes = figure.add_subplot()
    start, gap, ticks = 0, max(1, len(silhouettes) // 100), []
    order = np.arange(n_clusters) if names is None else np.argsort(names, kind="stable")
    for cluster in order:
        values = np.sort(silhouettes[clusters == cluster])
        rows = np.arange(start, start + len(values))
        color = PALETTE[int(cluster if names is None else names[cluster]) % len(PALETTE)]
        axes.fill_betweenx(rows, 0, values, color=color, lw=0)
        axes.plot([own[cluster]] * 2, [start, start + len(values)], color="white", lw=2)
        ticks.append(start + len(values) / 2)
        start += len(values) + gap
    axes.axvline(mean, color=INK, lw=1, ls="--")
    axes.annotate("mean", (mean, -gap), xytext=(4, 2), textcoords="offset points", fontsize=9)
    titles = cluster_names(names, n_clusters)
    axes.set_yticks(ticks, [titles[cluster] for cluster in order])
    axes.tick_params(axis="y", length=0)
    axes.set(xlabel="silhouette: own cluster (1), border (0), nearer to another (below 0)")
    axes.set_ylim(start + gap, -gap)
    return figure


@styled
def cluster_makeup(
    labels: Labels | None, clusters: npt.NDArray[np.integer], names: npt.NDArray[np.int64] | None
) -> Figure:
    """Show how large each cluster is and which digits it is made of.

    Parameters
    ----------
    labels : ndarray of int, shape (n,), or None
    clusters : ndarray of int, shape (n,)
    names : ndarray of int, shape (n_clusters,), or None
    """
    if labels is None or names is None:
        return without_labels("What each cluster is made of")
    table = pd.crosstab(clusters, labels)
    order = np.argsort(names[table.index], kind="stable")
    table = table.iloc[order]
    mixed = int((table.max(axis=1) / table.sum(axis=1) < 0.9).sum())
    title = f"{mixed} of {len(table)} clusters mix digits; the others are over 90% pure"
    figure = new_figure(title, 9.5, 4.4)
    axes = figure.add_subplot()
    left = np.zeros(len(table))
    for code, digit in enumerate(table):
        counts = table[digit].to_numpy()
        axes.barh(range(len(table)), counts, left=left, color=PALETTE[code % len(PALETTE)],
                  label=str(digit), edgecolor="white", lw=0.5)  # fmt: skip
        for row, (count, start) in enumerate(zip(counts, left, strict=True)):
            if count > 0.05 * table.sum(axis=1).max():
                axes.text(start + count / 2, row, str(digit), ha="center", va="center",
                          color=text_on(PALETTE[code % len(PALETTE)]), fontsize=9,
                          weight="bold")  # fmt: skip
        left += counts
    titles = cluster_names(names, len(names))
    axes.set_yticks(range(len(table)), [titles[cluster] for cluster in table.index])
    axes.invert_yaxis()
    axes.set_xlabel("images")
    thousands(axes.xaxis)
    if table.shape[1] <= MANY_CLASSES:
        axes.legend(title="digit", loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


@styled
def gallery(
    images: Images, captions: list[str], title: str, *, columns: int = 12, note: str = ""
) -> Figure:
    """Show images with a line under each, in the given order.

    Parameters
    ----------
    images : ndarray of uint8, shape (n, height, width)
    captions : list of n str
    title : str
        The finding.
    columns : int, default 12
    note : str, default ""
        How to read the captions.
    """
    if not len(images):
        figure = new_figure(title, 8, 1.4)
        figure.text(0.01, 0.3, "There are none.", color=MUTED)
        return figure
    rows = -(-len(images) // columns)
    figure = new_figure(title, 10, 0.9 + 1.1 * rows)
    if note:
        figure.supxlabel(note, x=0.01, ha="left", fontsize=10, color=MUTED)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in panels[len(images) :]:
        axes.set_axis_off()
    for axes, image, caption in zip(panels, images, captions, strict=False):
        show_image(axes, image)
        axes.set_xlabel(caption, fontsize=9)
    return figure


@styled
def contact_sheet(images: Images, title: str, *, columns: int = 20) -> Figure:
    """Show many images, without captions, row by row.

    Parameters
    ----------
    images : ndarray of uint8, shape (n, height, width)
    title : str
    columns : int, default 20
    """
    rows = -(-len(images) // columns)
    figure = new_figure(title, 10, 0.8 + 0.5 * rows)
    show_image(figure.add_subplot(), mosaic(images, columns))
    return figure


@styled
def confused_pairs(
    images: Images,
    labels: Labels | None,
    named: npt.NDArray[np.integer],
    pairs: pd.Series,
    *,
    n_pairs: int = 5,
    per_side: int = 9,
) -> Figure:
    """Show the digits most often taken for each other, a few of each kind.

    Parameters
    ----------
    images : ndarray of uint8, shape (n, height, width)
    labels : ndarray of int, shape (n,), or None
    named : ndarray of int, shape (n,)
        The digit that each image's cluster stands for.
    pairs : Series
        From :func:`mnist_clust.scores.pair_confusion`.
    n_pairs, per_side : int
        Pairs shown, the worst first, and images of each kind.
    """
    if labels is None or pairs.empty:
        return without_labels("The digits most often taken for each other")
    worst = pairs.head(n_pairs)
    a, b = worst.index[0]
    ways = [int(((labels == i) & (named == j)).sum()) for i, j in ((a, b), (b, a))]
    title = f"{a} and {b} are confused most: {ways[0]:,} one way and {ways[1]:,} the other"
    figure = new_figure(title, 10, 0.7 + 0.85 * len(worst))
    panels = figure.subplots(len(worst), 2, squeeze=False)
    for row, (pair, share) in enumerate(worst.items()):
        for axes, (true, taken) in zip(panels[row], (pair, pair[::-1]), strict=True):
            mistaken = np.flatnonzero((labels == true) & (named == taken))
            axes.set_axis_off()
            if len(mistaken):
                chosen = mistaken[:: -(-len(mistaken) // per_side)]
                show_image(axes, mosaic(images[chosen], per_side))
                axes.set_axis_on()
            axes.set_title(f"{true} among the {taken}s: {len(mistaken):,}", fontsize=10)
        panels[row, 0].set_ylabel(f"{share:.1%}\nof both", rotation=0, ha="right", va="center")
    return figure


@styled
def margins_right_and_wrong(margins: npt.NDArray[np.float32], right: npt.NDArray[np.bool_] | None
                            ) -> Figure:  # fmt: skip
    """Show how far from the border images lie that are named rightly and wrongly.

    Parameters
    ----------
    margins : ndarray of shape (n,)
        From :func:`mnist_clust.cluster.margin`.
    right : ndarray of bool, shape (n,), or None
    """
    title = "Mistakes crowd the borders, and some lie deep inside"
    if right is None:
        return without_labels(title)
    figure = new_figure(title, 8.5, 3.6)
    axes = figure.add_subplot()
    bins = np.linspace(min(0, float(margins.min())), 1, 41).tolist()
    for chosen, color, name in ((right, ACCENT, "named rightly"), (~right, WARN, "named wrongly")):
        if chosen.any():
            weights = np.full(chosen.sum(), 1 / chosen.sum())
            axes.hist(margins[chosen], bins, weights=weights, histtype="stepfilled", alpha=0.35,
                      color=color, label=name)  # fmt: skip
    axes.set(xlabel="margin: 0 on the border, 1 on the cluster's centre", ylabel="share of each")
    axes.legend()
    return figure
