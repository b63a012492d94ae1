"""Notebook 09: what other seeds and other samples would have given."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, MultipleLocator, PercentFormatter

from mnist_clust.plots.style import (
    ACCENT,
    HEAT,
    INK,
    MUTED,
    WARN,
    new_figure,
    styled,
    without_labels,
)

BEST = 3  # kinds of runs that lie too close to tell apart on one axis


@styled
def scores_by_seed(tables: Mapping[str, pd.DataFrame], published: Mapping[str, float]) -> Figure:
    """Show each run as a dot, a row a kind of run.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        From :func:`mnist_clust.repeats.accuracies`; columns ``train`` and ``test``.
    published : mapping of str to float
        What the works this starts from report, by kind of run.
    """
    runs = max(map(len, tables.values()))
    title = f"{runs} runs each: what luck could have made of the results"
    if all(table.train.isna().all() for table in tables.values()):
        return without_labels(title)
    figure = new_figure(title, 11, 1.2 + 0.75 * len(tables))
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=[1.8, 1])
    rng = np.random.default_rng(0)
    for row, (name, table) in enumerate(tables.items()):
        for column, color, shift in (("train", ACCENT, -0.15), ("test", WARN, 0.15)):
            values = table[column].dropna()
            height = row + shift + rng.uniform(-0.06, 0.06, len(values))
            for axes in (left, right):
                axes.plot(values, height, "o", ms=5, alpha=0.7, color=color)
        if name in published:
            left.plot([published[name]] * 2, [row - 0.35, row + 0.35], color=INK, lw=1.5, ls="--")
            left.annotate("published ", (published[name], row - 0.3), ha="right", fontsize=9)
    best = pd.concat(list(tables.values())[-BEST:])[["train", "test"]].stack()
    margin = 0.05 * (best.max() - best.min()) + 1e-4
    right.set_xlim(best.min() - margin, best.max() + margin)
    left.plot([], [], "o", color=ACCENT, label="digits clustered")
    left.plot([], [], "o", color=WARN, label="unseen digits")
    left.set_yticks(range(len(tables)), list(tables))
    left.invert_yaxis()
    left.set(xlabel="digits named rightly, by majority")
    right.set(xlabel=f"the last {BEST}, enlarged")
    left.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    right.xaxis.set_major_formatter(PercentFormatter(1, decimals=1))
    right.xaxis.set_major_locator(MaxNLocator(4))
    for axes in (left, right):
        axes.grid(axis="x", alpha=0.25)
    figure.legend(loc="outside lower right", ncols=2)
    return figure


@styled
def counts_found(found: Mapping[str, list[int]]) -> Figure:
    """Show how often each number of clusters was found.

    Parameters
    ----------
    found : mapping of str to list of int
        By kind of run.
    """
    counts = range(2, 21)
    table = np.array([[values.count(count) for count in counts] for values in found.values()])
    runs = [len(values) for values in found.values()]
    last = list(found.values())[-1]
    usual = max(set(last), key=last.count)
    figure = new_figure(
        f"On the sharp map {last.count(usual)} of {len(last)} samples find {usual} clusters", 10,
        1.2 + 0.6 * len(found),
    )  # fmt: skip
    axes = figure.add_subplot()
    axes.imshow(table / np.array(runs)[:, None], cmap=HEAT, vmin=0, vmax=1, aspect="auto")
    for (row, column), times in np.ndenumerate(table):
        if times:
            axes.text(column, row, f"{times}×", ha="center", va="center",
                      color="white" if times > runs[row] / 2 else INK)  # fmt: skip
    axes.set_xticks(range(len(counts)), [str(count) for count in counts])
    axes.set_yticks(range(len(found)), list(found))
    axes.set_xlabel("clusters found, where the silhouette is highest")
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    return figure


@styled
def by_perplexity(table: pd.DataFrame) -> Figure:
    """Show what a plain map gives with several perplexities.

    Parameters
    ----------
    table : DataFrame
        Indexed by perplexity; a row a run; columns ``train`` (accuracy, or NaN) and ``found``.
    """
    scored = table.train.notna().any()
    title = "Perplexity moves the number of clusters that the plain map suggests"
    if scored:
        means = table.train.groupby(level=0).mean()
        worst, best = means.idxmin(), means.idxmax()
        title = f"On the plain map perplexity matters: {means[worst]:.0%} at {worst}, "
        title += f"{means[best]:.0%} at {best}"
    figure = new_figure(title, 9, 3.6)
    panels = figure.subplots(1, 2 if scored else 1, squeeze=False)[0]
    panels[-1].plot(table.index, table.found, "o", color=MUTED)
    panels[-1].set(ylabel="clusters found")
    if scored:
        panels[0].plot(table.index, table.train, "o", color=ACCENT)
        panels[0].plot(means.index, means, color=ACCENT, lw=1)
        panels[0].set(ylabel="digits named rightly, k = 10")
        panels[0].yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        panels[0].yaxis.set_major_locator(MultipleLocator(0.05))
    for axes in panels:
        axes.set_xscale("log")
        ticks = sorted(set(table.index))
        axes.set_xticks(ticks, [f"{value:g}" for value in ticks])
        axes.minorticks_off()
        axes.set_xlabel("perplexity")
    return figure
