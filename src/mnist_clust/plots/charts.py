"""Lines, bars and dots: what was counted, found and measured."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from mnist_clust.plots import style
from mnist_clust.plots.style import ACCENT, INK, MUTED, WARN, new_figure, one_panel, styled

MEASURES = {
    "silhouette": "silhouette,\nwithout labels",
    "stability": "agreement of samples,\nwithout labels (Rand)",
    "accuracy": "correctly labelled,\nwith labels, afterwards",
}


@styled
def lines(
    panels: Mapping[str, pd.DataFrame | pd.Series], *, xlabel: str = "number of clusters, k",
    rings: Mapping[str, float | None] | None = None, percent: Collection[str] = (),
    log: bool = False, title: str = "By number of clusters",
) -> Figure:  # fmt: skip
    """Draw lines in panels side by side.

    Parameters
    ----------
    panels : mapping of str to DataFrame or Series
        By title of the panel; a column a line, the one that matters first. Where x repeats, as
        in several runs, the line goes through the means.
    xlabel : str
    rings : mapping of str to float
        By panel, where on its first line to draw a ring.
    percent : collection of str
        Panels whose y is written in percent.
    log : bool
        Draw x by its logarithm.
    title : str
    """
    tables = {name: pd.DataFrame(panel) for name, panel in panels.items()}
    figure = new_figure(title, 9, 3.8)
    every = figure.subplots(1, len(tables), squeeze=False)[0]
    for axes, (name, table) in zip(every, tables.items(), strict=True):
        looks = zip((ACCENT, MUTED, INK), ("-", "-", "--"), ("o", "s", ""), strict=True)
        for (key, values), (color, line, marker) in zip(table.items(), looks, strict=False):
            values = values.dropna()
            axes.plot(values.groupby(level=0).mean(), line, color=color)
            axes.plot(values, marker, color=color)
            axes.plot([], [], line, marker=marker, color=color, label=key)
        place = (rings or {}).get(name)
        if place is not None:
            y = table.iloc[:, 0][place]
            axes.plot(place, y, "o", ms=13, mfc="none", mec=WARN, mew=2, clip_on=False)
            axes.annotate(f"{place:g}", (place, y), xytext=(9, 9), textcoords="offset points",
                          color=WARN, weight="bold")  # fmt: skip
        axes.set(xlabel=xlabel, title=name)
        axes.locator_params("x", integer=True)
        if log:
            axes.set_xscale("log")
            axes.set_xticks(table.index, [f"{x:g}" for x in table.index])
            axes.minorticks_off()
        if name in percent:
            style.percent(axes.yaxis)
        if table.shape[1] > 1:
            axes.legend()
    return figure


@styled
def bars(
    table: pd.DataFrame, *, form: str = "{:.1%}", title: str = "Digits correctly labelled",
    xlabel: str = "training digits correctly labelled",
) -> Figure:  # fmt: skip
    """Draw shares as bars, two columns side by side in each row."""
    figure, axes = one_panel(title, 9, 1.6 + 0.7 * len(table))
    table.plot.barh(ax=axes, color=[ACCENT, MUTED], width=0.8, legend=False)
    container: Any
    for container in axes.containers:
        axes.bar_label(container, fmt=form, padding=3)
    axes.set(xlabel=xlabel, xlim=(0, 1.08))
    axes.invert_yaxis()
    style.percent(axes.xaxis)
    figure.legend(loc="outside lower center", ncols=3)
    return figure


@styled
def sensitivity(
    table: pd.DataFrame, chosen: str | Sequence[str] = (), *, title: str = "What each setting gives"
) -> Figure:
    """Compare settings, a row each, and color those chosen.

    A dot is drawn for any of the columns ``silhouette`` (with ``lowest`` and ``highest``),
    ``stability`` and ``accuracy`` that has values; ``n_clusters`` is written at the end.
    """
    shown = table.columns.intersection(list(MEASURES), sort=False)
    shown = shown[table[shown].notna().any()]
    figure = new_figure(title, 10, 1.4 + 0.33 * len(table))
    panels = figure.subplots(1, len(shown), sharey=True, squeeze=False)[0]
    rows, marked = np.arange(len(table)), table.index.isin(np.atleast_1d(chosen))
    for axes, name in zip(panels, shown, strict=True):
        if name == "silhouette" and "lowest" in table:
            axes.hlines(rows, table.lowest, table.highest, color=MUTED)
        axes.scatter(table[name], rows, c=np.where(marked, WARN, ACCENT), zorder=3)
        axes.set(xlabel=MEASURES[name])
        axes.grid(axis="y")
        if name == "accuracy":
            style.percent(axes.xaxis)
    notes = ["clusters found", *table.n_clusters] if "n_clusters" in table else []
    if list(shown) == ["accuracy"] and not notes:
        notes = ["", *table.accuracy.map("{:.1%}".format)]
    for row, found in enumerate(notes, -1):
        text = ", ".join(map(str, found)) if isinstance(found, tuple) else str(found)
        axes.annotate(text, (1.04, row), xycoords=("axes fraction", "data"), va="center",
                      color=MUTED, annotation_clip=False)  # fmt: skip
    panels[0].set_yticks(rows, [str(name) for name in table.index])
    panels[0].set_ylim(len(table) - 0.5, -0.5)
    return figure
