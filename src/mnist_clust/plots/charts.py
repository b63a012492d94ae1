"""Bars and dots: what was counted, found and measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from mnist_clust.plots import style
from mnist_clust.plots.style import ACCENT, MUTED, WARN, new_figure, one_panel, styled

MEASURES = {
    "silhouette": "silhouette,\nwithout labels",
    "accuracy": "correctly labelled\n(looks at the labels)",
}


@styled
def bars(table: pd.DataFrame, *, xlabel: str, title: str = "What is kept") -> Figure:
    """Draw two columns of numbers from 0 to 1 as bars, side by side in each row."""
    figure, axes = one_panel(title, 9, 1.6 + 0.7 * len(table))
    table.plot.barh(ax=axes, color=[ACCENT, MUTED], width=0.8, legend=False)
    container: Any
    for container in axes.containers:
        axes.bar_label(container, fmt="{:.2f}", padding=3)
    axes.set(xlabel=xlabel, xlim=(0, 1.08))
    axes.invert_yaxis()
    figure.legend(loc="outside lower center", ncols=3)
    return figure


@styled
def sensitivity(
    table: pd.DataFrame, chosen: str | Sequence[str] = (), *, title: str = "What each setting gives"
) -> Figure:
    """Compare settings, a row each, and color those chosen.

    A dot is drawn for either of the columns ``silhouette`` and ``accuracy`` that has values;
    ``n_clusters`` is written at the end.
    """
    shown = table.columns.intersection(list(MEASURES), sort=False)
    shown = shown[table[shown].notna().any()]
    figure = new_figure(title, 10, 1.4 + 0.33 * len(table))
    panels = figure.subplots(1, len(shown), sharey=True, squeeze=False)[0]
    rows, marked = np.arange(len(table)), table.index.isin(np.atleast_1d(chosen))
    for axes, name in zip(panels, shown, strict=True):
        axes.scatter(table[name], rows, c=np.where(marked, WARN, ACCENT), zorder=3)
        axes.set(xlabel=MEASURES[name])
        axes.grid(axis="y")
        if name == "accuracy":
            style.percent(axes.xaxis)
    notes = ["clusters found", *table.n_clusters] if "n_clusters" in table else []
    if list(shown) == ["accuracy"] and not notes:
        notes = ["", *table.accuracy.map("{:.1%}".format)]
    for row, note in enumerate(notes, -1):
        axes.annotate(str(note), (1.04, row), xycoords=("axes fraction", "data"), va="center",
                      color=MUTED, annotation_clip=False)  # fmt: skip
    panels[0].set_yticks(rows, [str(name) for name in table.index])
    panels[0].set_ylim(len(table) - 0.5, -0.5)
    return figure
