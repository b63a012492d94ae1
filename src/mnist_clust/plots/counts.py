"""Notebook 03: how many clusters there are."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from mnist_clust.cluster import best_counts
from mnist_clust.plots.style import (
    ACCENT,
    INK,
    WARN,
    new_figure,
    styled,
    without_labels,
)


@styled
def elbow(inertia: pd.Series, knee: int | None) -> Figure:
    """Show inertia against the number of clusters.

    Parameters
    ----------
    inertia : Series
        Indexed by number of clusters.
    knee : int or None
        Where a knee was found.
    """
    figure = new_figure("The elbow is a bend, not a corner", 8, 4)
    axes = figure.add_subplot()
    axes.axvspan(7, 16, color=ACCENT, alpha=0.12, lw=0, label='"7 to 16", the usual reading')
    axes.plot(inertia.index, inertia, "o-", color=INK, ms=4)
    if knee is not None:
        axes.plot(knee, inertia[knee], "o", ms=12, mfc="none", mec=WARN, mew=2,
                  label=f"Kneedle says {knee}")  # fmt: skip
    axes.set(xlabel="number of clusters, k", ylabel="inertia per image")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend()
    return figure


@styled
def cluster_count_criteria(curves: pd.DataFrame) -> Figure:
    """Show three indices against the number of clusters, each with its favourite marked.

    Parameters
    ----------
    curves : DataFrame
        From :func:`mnist_clust.cluster.compare_counts`.
    """
    best = best_counts(curves)
    figure = new_figure(
        f"Asked for the best k, three indices say {', '.join(str(k) for k in best.values())}",
        9.5,
        3.5,
    )
    titles = {
        "silhouette": "silhouette (higher is better)",
        "calinski_harabasz": "Calinski-Harabasz (higher)",
        "davies_bouldin": "Davies-Bouldin (lower)",
    }
    for axes, (name, title) in zip(figure.subplots(1, 3), titles.items(), strict=True):
        axes.plot(curves.index, curves[name], color=INK)
        axes.plot(best[name], curves[name][best[name]], "o", ms=11, mfc="none", mec=WARN, mew=2)
        axes.annotate(f"k = {best[name]}", (best[name], curves[name][best[name]]), color=WARN,
                      xytext=(0.5, 0.93), textcoords="axes fraction", ha="center")  # fmt: skip
        axes.set(xlabel="number of clusters, k", title=title)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


@styled
def knee_against_range(knees: pd.Series) -> Figure:
    """Show how the automatic knee moves with the largest number of clusters looked at.

    Parameters
    ----------
    knees : Series
        The knee found, indexed by the largest number of clusters considered.
    """
    low, high = int(knees.min()), int(knees.max())
    figure = new_figure(f"The knee moves from {low} to {high} as one looks further", 8, 3.6)
    axes = figure.add_subplot()
    axes.axhspan(7, 16, color=ACCENT, alpha=0.12, lw=0, label='"7 to 16", the usual reading')
    axes.step(knees.index, knees, where="mid", color=INK)
    axes.set(xlabel="largest k on the elbow plot", ylabel="knee that Kneedle finds")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylim(0, max(18, high + 2))
    axes.legend(loc="lower right")
    return figure


@styled
def accuracy_against_count(accuracies: pd.DataFrame | None) -> Figure:
    """Show accuracy by majority and one-to-one against the number of clusters.

    Parameters
    ----------
    accuracies : DataFrame or None
        Columns are kinds of accuracy, indexed by number of clusters; None without labels.
    """
    title = "More clusters look better by majority, one-to-one they do not"
    if accuracies is None:
        return without_labels(title)
    figure = new_figure(title, 8, 4)
    axes = figure.add_subplot()
    for (name, values), color, marker in zip(
        accuracies.items(), (ACCENT, WARN), ("o", "s"), strict=True
    ):
        axes.plot(values.index, values, marker=marker, ms=4, color=color, label=str(name))
    axes.legend(loc="upper left")
    axes.set(xlabel="number of clusters, k", ylabel="test digits named correctly")
    axes.set_xscale("log")
    axes.set_xticks(accuracies.index, [str(k) for k in accuracies.index])
    axes.minorticks_off()
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set_ylim(0, 1)
    return figure
