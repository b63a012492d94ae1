"""The t-SNE engine beside others."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from mnist_clust.plots.style import (
    ACCENT,
    MUTED,
    PALETTE,
    new_figure,
    styled,
)

_ENGINES = {
    "mnist_clust": ("this engine", ACCENT),
    "openTSNE": ("openTSNE", PALETTE[1]),
    "scikit-learn": ("scikit-learn", PALETTE[3]),
    "umap-learn": ("umap-learn", PALETTE[2]),
}
_TASKS = {
    "2-D": ("2-D", "o", "-"),
    "3-D": ("3-D", "s", "--"),
    "2-D uniform": ("2-D, 15 neighbours", "^", ":"),
    "whole": ("whole fit, 15 neighbours", "d", "-"),
}


@styled
def speed_by_size(times: pd.DataFrame, n_cores: int) -> Figure:
    """Show the time of an optimisation against the number of points, for several engines.

    Parameters
    ----------
    times : DataFrame
        Columns ``engine``, ``task``, ``points``, ``seconds`` and ``extrapolated``.
    n_cores : int
        Cores used.
    """
    low, high = times.points.min(), times.points.max()
    largest = times[times.points == high].set_index(["engine", "task"]).seconds
    ours, theirs = largest["mnist_clust", "3-D"], largest["openTSNE", "3-D"]
    title = f"{high:,} points in 3-D: {ours:.0f} s, and {theirs / 60:.0f} min with openTSNE"
    figure = new_figure(title, 9, 5)
    axes = figure.add_subplot()
    for (engine, task), line in times.groupby(["engine", "task"], sort=False):
        (name, color), (what, marker, style) = _ENGINES[engine], _TASKS[task]
        axes.plot(line.points, line.seconds, style, color=color)
        for extrapolated, part in line.groupby("extrapolated"):
            face = "white" if extrapolated else color
            axes.plot(part.points, part.seconds, marker, color=color, mfc=face, ms=7)
        last = line.iloc[-1]
        close = largest[(largest / last.seconds - 1).abs() < 0.35]  # make room for their labels
        shift = 0.0 if len(close) == 1 else 4.0 if last.seconds == close.max() else -4.0
        axes.annotate(f"{name}, {what}", (last.points, last.seconds), xytext=(8, shift),
                      va="center", textcoords="offset points", fontsize=9)  # fmt: skip
    axes.set(xscale="log", yscale="log", xlabel="points",
             ylabel=f"seconds on {n_cores} cores, 750 iterations")  # fmt: skip
    axes.set_title("hollow: extrapolated from fewer iterations", color=MUTED)
    axes.set_xticks(times.points.unique(), [f"{n:,}" for n in times.points.unique()])
    axes.minorticks_off()
    axes.set_xlim(None, high * (high / low) ** 0.75)
    axes.spines["bottom"].set_bounds(low, high)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    return figure
