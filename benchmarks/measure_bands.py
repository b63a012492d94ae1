"""Measure the bands of claims: run notebooks under several seeds and print what they record.

    .venv/bin/python benchmarks/measure_bands.py --data mnist --seeds 5 02 03

For each number, the last lines give the TOML that ``claims.toml`` wants.
"""

from __future__ import annotations

import json
import math
import os
import tempfile
from pathlib import Path

import click
import papermill

from mnist_clust.report import find_notebooks


def band_of(values: list[float]) -> tuple[float, float]:
    """Widen the range of values on either side by nine tenths of itself; round outward."""
    low, high = min(values), max(values)
    if all(value == int(value) for value in values):
        margin = (high - low) // 2
        return low - margin, high + margin
    margin = max(0.9 * (high - low), 2e-3 * abs(high))  # another machine differs without seeds
    unit = 1e-4 if high < 0.1 else 1e-3
    return (
        round(math.floor((low - margin) / unit) * unit, 4),
        round(math.ceil((high + margin) / unit) * unit, 4),
    )


def print_band(name: str, data: str, values: list[float]) -> None:
    """Print what ``claims.toml`` wants."""
    low, high = band_of(values)
    measured = [min(values), sum(values) / len(values), max(values)]
    click.echo(f"[{name}.{data}]\nband = [{low:g}, {high:g}]\nseeds = {len(values)}")
    click.echo(f"measured = [{', '.join(f'{value:.6g}' for value in measured)}]\n")


def run_once(notebook: Path, data: str, seed: int) -> dict[str, float | None]:
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MNIST_CLUST_OUT"] = folder
        papermill.execute_notebook(
            notebook,
            None,
            {"DATA": data, "SEED": seed},
            kernel_name="python3",
            cwd=notebook.parent,
            progress_bar=False,
            extra_arguments=["--IPKernelApp.log_level=ERROR"],
        )
        recorded = Path(folder) / "metrics" / f"{notebook.stem}.json"
        return json.loads(recorded.read_text("utf-8"))["numbers"]


@click.command()
@click.option("--data", default="mnist", show_default=True)
@click.option("--seeds", default=5, show_default=True)
@click.argument("notebooks", nargs=-1)
def main(data: str, seeds: int, notebooks: tuple[str, ...]) -> None:
    """Run NOTEBOOKS under each seed; print every number, then bands."""
    for notebook in find_notebooks(notebooks):
        runs = []
        for seed in range(seeds):
            runs.append(run_once(notebook, data, seed))
            click.echo(f"# {notebook.stem} seed {seed}: {runs[-1]}")
        for name in runs[0]:
            values = [run[name] for run in runs if run[name] is not None]
            if values:
                print_band(name, data, values)


if __name__ == "__main__":
    main()
