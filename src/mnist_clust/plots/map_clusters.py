"""Notebook 05: clusters found on a map, beside those of raw pixels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from scipy.spatial import Voronoi, voronoi_plot_2d
from sklearn.cluster import KMeans

from mnist_clust.data import Images, Labels
from mnist_clust.plots.style import (
    ACCENT,
    INK,
    MUTED,
    PALETTE,
    WARN,
    badge,
    bare,
    cluster_names,
    draw_confusion,
    new_figure,
    scatter_classes,
    scatter_codes,
    show_image,
    styled,
    without_labels,
)
from mnist_clust.scores import name_by_majority


@styled
def clusters_on_map(
    embedding: npt.NDArray[np.float32],
    model: KMeans,
    labels: Labels | None,
) -> Figure:
    """Show a map by cluster, with the borders KMeans draws, beside the same map by digit.

    Parameters
    ----------
    embedding : ndarray of shape (n, 2)
    model : KMeans
        Fitted to it.
    labels : ndarray of int, shape (n,), or None
        Colour each cluster by the digit it stands for, as on the right.
    """
    clusters, centers = model.labels_, model.cluster_centers_
    names = np.arange(len(centers))
    if labels is not None:
        names = np.searchsorted(np.unique(labels), name_by_majority(clusters, labels, len(centers)))
    figure = new_figure("Most borders run through gaps; some cut the tip off an island", 9.5, 5)
    left, right = figure.subplots(1, 2, sharex=True, sharey=True)
    scatter_codes(left, embedding, names[clusters])
    for cluster, (x, y) in enumerate(centers):
        badge(left, x, y, chr(ord("A") + cluster % 26), PALETTE[names[cluster] % len(PALETTE)])
    scatter_classes(right, embedding, labels)
    limits = np.array([embedding.min(axis=0), embedding.max(axis=0)]).T * 1.04
    for axes, title in (
        (left, "ten clusters, A to J" if len(centers) == 10 else "by cluster"),
        (right, "by digit"),
    ):
        if len(centers) > 2:  # Qhull asks for more than a pair
            far = 50 * np.abs(limits).max() * np.array([[1, 0], [-1, 0], [0, 1], [0, -1]])
            voronoi_plot_2d(Voronoi(np.vstack([centers, far])), axes, show_points=False,
                            show_vertices=False, line_colors=INK, line_width=1)  # fmt: skip
        bare(axes, title)
        axes.set(xlim=limits[0], ylim=limits[1])
    return figure


@styled
def accuracy_bars(accuracies: pd.DataFrame | None, published: float) -> Figure:
    """Compare accuracies of several clusterings, both ways, with a published figure.

    Parameters
    ----------
    accuracies : DataFrame or None
        A row a clustering, columns ``by majority`` and ``one-to-one``; None without labels.
    published : float
        What the work this starts from reached, by majority.
    """
    title = "On the map, ten clusters get most digits right"
    if accuracies is None:
        return without_labels(title)
    figure = new_figure(title, 8.5, 3.8)
    axes = figure.add_subplot()
    place = np.arange(len(accuracies))
    for name, color, shift in zip(accuracies, (ACCENT, MUTED), (-0.2, 0.2), strict=True):
        bars = axes.barh(place + shift, accuracies[name], 0.38, color=color, label=name)
        axes.bar_label(bars, fmt="{:.1%}", padding=3, fontsize=10)
    axes.axvline(published, color=WARN, lw=1.5, ls="--")
    axes.annotate(f"published, by majority: {published:.1%}  ", (published, -0.62), color=WARN,
                  ha="right", annotation_clip=False, fontsize=10)  # fmt: skip
    axes.set_yticks(place, accuracies.index)
    axes.set(xlim=(0, 1.08), xlabel="training digits named correctly")
    axes.set_ylim(len(accuracies) - 0.4, -0.75)
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    figure.legend(loc="outside lower right", ncols=2)
    return figure


@styled
def confusion_pair(
    before: pd.DataFrame | None, after: pd.DataFrame | None, titles: tuple[str, str]
) -> Figure:
    """Show two confusion tables side by side, as shares of the true digit.

    Parameters
    ----------
    before, after : DataFrame or None
        From :func:`mnist_clust.scores.confusion`; None without labels.
    titles : (str, str)
    """
    title = "Most of what pixels confuse, the map keeps apart"
    if before is None or after is None:
        return without_labels(title)
    figure = new_figure(title, 10.5, 5.3)
    for axes, counts, name in zip(figure.subplots(1, 2), (before, after), titles, strict=True):
        draw_confusion(axes, counts, cbar=False)
        axes.set(ylabel="true digit, shares in %", title=name)
    return figure


@styled
def means_and_medoids(
    images: Images,
    clusters: npt.NDArray[np.integer],
    medoids: npt.NDArray[np.int64],
    names: npt.NDArray[np.int64] | None,
) -> Figure:
    """Show each cluster's mean image above the member in its middle.

    Parameters
    ----------
    images : ndarray of uint8, shape (n, height, width)
    clusters : ndarray of int, shape (n,)
    medoids : ndarray of int, shape (n_clusters,)
        From :func:`mnist_clust.cluster.find_medoids`.
    names : ndarray of int, shape (n_clusters,), or None
    """
    k = len(medoids)
    kinds = (
        f"{k} clusters" if names is None else f"{k} clusters, {len(set(names))} different digits"
    )
    figure = new_figure(kinds, 10, 3.4)
    panels = figure.subplots(2, k, squeeze=False)
    order = np.arange(k) if names is None else np.argsort(names, kind="stable")
    titles = [title.replace("stands for", "for") for title in cluster_names(names, k)]
    for column, cluster in enumerate(order):
        members = clusters == cluster
        mean = images[members].mean(axis=0) if members.any() else np.zeros(images.shape[1:])
        show_image(panels[0, column], mean, titles[cluster])
        show_image(panels[1, column], images[medoids[cluster]] if members.any() else mean)
        panels[1, column].set_xlabel(f"{members.sum():,}\nimages", fontsize=9)
    panels[0, 0].set_ylabel("mean")
    panels[1, 0].set_ylabel("medoid")
    return figure


@styled
def counts_on_map(curves: pd.DataFrame, raw: pd.DataFrame, control: pd.DataFrame) -> Figure:
    """Show inertia and silhouette against the number of clusters, on a map and on pixels.

    Parameters
    ----------
    curves, raw, control : DataFrame
        From :func:`mnist_clust.cluster.compare_counts`, on the map, on the pixels, and on a
        map of data that have no groups.
    """
    best = int(curves.silhouette.idxmax())
    figure = new_figure(
        f"On the map the silhouette rises to a plateau; its top is at {best}", 9.5, 4
    )
    left, right = figure.subplots(1, 2)
    shown = [
        (raw, MUTED, "o-", "raw pixels"),
        (curves, ACCENT, "o-", "2-D map"),
        (control, INK, "--", "map of data without groups"),
    ]
    for frame, color, line, name in shown:
        left.plot(frame.index, frame.inertia / frame.inertia.iloc[0], line, ms=4, color=color,
                  label=name)  # fmt: skip
        right.plot(frame.index, frame.silhouette, line, ms=4, color=color, label=name)
    left.set(title="elbow", ylabel="inertia, as a share of the first")
    left.set_ylim(0, 1.05)
    right.plot(best, curves.silhouette[best], "o", ms=12, mfc="none", mec=WARN, mew=2)
    right.set(title="silhouette (higher is better)", ylabel="mean silhouette")
    right.set_ylim(0, None)
    for axes in (left, right):
        axes.set_xlabel("number of clusters, k")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend()
    return figure


@styled
def pair_changes(before: pd.Series, after: pd.Series, *, n_pairs: int = 10) -> Figure:
    """Show how often two digits are taken for each other, before and after.

    Parameters
    ----------
    before, after : Series
        From :func:`mnist_clust.scores.pair_confusion`; empty without labels.
    n_pairs : int, default 10
        Pairs shown, the worst of either.
    """
    title = "Which pairs the map parts, and which it does not"
    if before.empty or after.empty:
        return without_labels(title)
    pairs = before.combine(after, max, 0.0).nlargest(n_pairs).index
    then, now = before.reindex(pairs, fill_value=0.0), after.reindex(pairs, fill_value=0.0)
    order = np.argsort((now - then).to_numpy(), kind="stable")
    figure = new_figure(title, 8.5, 0.7 + 0.38 * len(pairs))
    axes = figure.add_subplot()
    for row, i in enumerate(order):
        color = WARN if now.iloc[i] > then.iloc[i] else ACCENT
        axes.annotate("", (now.iloc[i], row), (then.iloc[i], row),
                      arrowprops={"arrowstyle": "->", "color": color, "lw": 2})  # fmt: skip
        axes.plot(then.iloc[i], row, "o", color=MUTED, ms=6)
    axes.set_yticks(range(len(order)), [f"{pairs[i][0]} and {pairs[i][1]}" for i in order])
    axes.invert_yaxis()
    axes.set(xlabel="share of the two digits taken for each other: raw pixels → map")
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set_xlim(-0.01, max(then.max(), now.max()) * 1.05 + 0.01)
    axes.plot([], [], color=ACCENT, label="better on the map")
    axes.plot([], [], color=WARN, label="worse on the map")
    axes.legend(loc="lower right")
    axes.grid(axis="x", color=PALETTE[3], alpha=0.2)
    return figure
