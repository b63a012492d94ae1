"""Measure the bands of notebook 09: draw its runs again and again, instead of making more.

    .venv/bin/python -m mnist_clust.numerics benchmarks/resample_luck.py --log runs.jsonl

The notebook's cells are run, and find what they make in its cache; then ten sets of ten runs are
drawn with replacement, and the cells that sum runs up are run on each. More runs would be better,
and take an hour and a half.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import matplotlib as mpl
import nbformat
import numpy as np
import pandas as pd
from measure_bands import log_option, write_down

from mnist_clust.numerics import in_force
from mnist_report.report import find_notebooks

SETS = 10
RUNS = ("scored", "leads", "found", "islands")  # tables of runs of several kinds


class Recorder:
    """Takes the place of the notebook's run, and keeps what is recorded."""

    def __init__(self) -> None:
        self.numbers: dict[str, float] = {}

    def record(self, **numbers: float) -> None:
        """Keep numbers."""
        self.numbers |= {name: float(value) for name, value in numbers.items()}

    def show(self, *_: object, **__: object) -> None:
        """Draw nothing."""

    check = show


def drawn(table: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Draw as many runs of each kind as there are, each with all its rows."""
    table = table.reset_index(drop=True)
    runs = table["run"] if "run" in table else pd.Series(table.index)
    chosen = []
    for _, own in runs.groupby(table["kind"], sort=False):
        picked = rng.choice(own.unique(), own.nunique())
        chosen += [table[runs == run] for run in picked]
    return pd.concat(chosen, ignore_index=True)


@click.command()
@click.option("--data", default="mnist", show_default=True)
@log_option
def main(data: str, log: Path) -> None:
    """Log each set as a run of its own."""
    mpl.use("agg")
    (path,) = find_notebooks(["09"])
    cells = [c for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"]
    names: dict[str, Any] = {}
    for cell in cells:
        exec(cell.source, names)
        if "parameters" in cell.metadata.get("tags", ()):
            names["DATA"] = data
        if "digits" in names:
            names["run"] = Recorder()
    made = {name: names[name] for name in RUNS}
    rng = np.random.default_rng(0)
    for number in range(SETS):
        names |= {name: drawn(table, rng) for name, table in made.items()}
        names["run"] = Recorder()
        for cell in cells:
            if "hide-input" in cell.metadata.get("tags", ()):
                exec(cell.source, names)
        write_down(log, data=data, notebook=path.stem, seed=f"set {number}",
                   numerics=in_force(), numbers=names["run"].numbers)  # fmt: skip


if __name__ == "__main__":
    main()
