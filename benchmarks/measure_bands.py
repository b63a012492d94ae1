"""Measure the bands of claims: run notebooks under several seeds and print what they record.

    .venv/bin/python benchmarks/measure_bands.py --data mnist --seeds 5 02 03

For each number, the last lines give the TOML that ``claims.toml`` wants. A band reaches past the
lowest and highest value seen by the spread between them, and by half a unit of the third digit.
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
    """Widen the range of values by itself on either side, then round outward."""
    low, high = min(values), max(values)
    if all(value == int(value) for value in values):
        margin = round((high - low) / 2)
        return low - margin, high + margin
    spread = max(high - low, 1e-3 * max(abs(high), 0.01))
    step = 10.0 ** math.floor(math.log10(spread) - 0.3)
    places = max(0, -round(math.log10(step)))
    return (
        round(math.floor((low - spread) / step) * step, places),
        round(math.ceil((high + spread) / step) * step, places),
    )


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
                low, high = band_of(values)
                measured = [min(values), sum(values) / len(values), max(values)]
                click.echo(f"[{name}.{data}]\nband = [{low:g}, {high:g}]\nseeds = {len(values)}")
                click.echo(f"measured = [{', '.join(f'{value:.6g}' for value in measured)}]\n")


if __name__ == "__main__":
    main()
