"""Measure the bands of claims over seeds and over numerics, and write them into claims.toml.

    .venv/bin/python benchmarks/measure_bands.py run --data mnist --log runs.jsonl 02 03
    .venv/bin/python benchmarks/measure_bands.py write --log runs.jsonl

``run`` executes notebooks with several seeds by the fixed numerical code and with the first seed by
others, and adds what each run records to the log; ``write`` makes bands of all that is logged.
"""

from __future__ import annotations

import json
import math
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import papermill
from scipy.stats import binomtest

from mnist_clust import numerics, project_root
from mnist_report.report import find_notebooks

Numbers = dict[str, float | None]
CLAIMS = project_root() / "src" / "mnist_clust" / "claims.toml"
COUNTS_OF_TEN = ("sharp_finds_ten", "samples_find_ten")
# Shares of the test digits that hang on a map or on a border, where runs may agree by chance.
SHARES_OF_TEST = (
    "sharp_surest_accuracy", "sharp_accuracy_test", "sharp_accuracy_one_to_one_test",
    "student_accuracy_test", "ceiling_accuracy_test",
)  # fmt: skip
TWO_DIGITS = {"mnist": 2 / 10_000, "sample": 2 / 1_000}


def band_of(name: str, values: list[float], data: str) -> tuple[float, float]:
    """Widen the range of what was measured by itself, on either side.

    A further run lies outside of the range of seven with a chance of one in four, and outside of
    three times that hardly ever. What holds no chance gets the rounding of six digits, a count of
    successes what a binomial distribution leaves possible, and a share of the test digits that no
    run moved two digits on either side: a further run may move one.
    """
    low, high = min(values), max(values)
    if name in COUNTS_OF_TEN:
        return tuple(round(10 * end) for end in _binomial(low, high))
    if all(value == int(value) for value in values):
        margin = (high - low) // 2
        return low - margin, high + margin
    margin = max(high - low, TWO_DIGITS[data] if name in SHARES_OF_TEST else 0)
    unit = 10.0 ** (math.floor(math.log10(margin or 1e-5 * abs(high))) - 1)
    digits = max(0, round(-math.log10(unit)))
    below = round(math.floor((low - margin) / unit) * unit, digits)
    below = max(below, 0) if low >= 0 else below
    above = round(math.ceil((high + margin) / unit) * unit, digits)
    return below, min(above, 1) if high <= 1 and "ratio" not in name else above


def _binomial(low: float, high: float) -> tuple[float, float]:
    return (
        binomtest(int(low), 10).proportion_ci().low,
        binomtest(int(high), 10).proportion_ci().high,
    )


@contextmanager
def surroundings(choice: str, **variables: str) -> Iterator[None]:
    """Let kernels inherit other numerics."""
    before = dict(os.environ)
    try:
        chosen = numerics.environment(choice)
        os.environ.clear()
        os.environ.update(chosen, **variables)
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def run_once(notebook: Path, data: str, seed: int, choice: str, cache: Path) -> Numbers:
    with (
        tempfile.TemporaryDirectory() as folder,
        surroundings(choice, MNIST_CLUST_OUT=folder, MNIST_CLUST_CACHE=str(cache / choice)),
    ):
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


def write_down(log: Path, **entry: object) -> None:
    with log.open("a", encoding="utf-8") as file:
        file.write(json.dumps(entry) + "\n")


def bands(entries: list[dict[str, Any]], name: str, data: str) -> dict[str, str] | None:
    """Make the lines of one claim's table."""
    told = [e for e in entries if e["data"] == data and e["numbers"].get(name) is not None]
    if name in COUNTS_OF_TEN:  # what is drawn from ten runs tells nothing more of their count
        told = [entry for entry in told if not str(entry["seed"]).startswith("set")]
    if not told:
        return None
    values = [entry["numbers"][name] for entry in told]
    measured = [min(values), sum(values) / len(values), max(values)]
    low, high = band_of(name, values, data)
    return {
        "band": f"[{low:.12g}, {high:.12g}]",
        "seeds": "10" if name in COUNTS_OF_TEN else str(len({entry["seed"] for entry in told})),
        "numerics": str(len({entry["numerics"] for entry in told})),
        "measured": f"[{', '.join(f'{value:.9g}' for value in measured)}]",
    }


def with_bands(text: str, entries: list[dict[str, Any]]) -> str:
    """Renew the tables of claims.toml for which there are runs; keep their sentences."""

    def renewed(match: re.Match[str]) -> str:
        lines = bands(entries, match["name"], match["data"])
        if lines is None:
            return match[0]
        kept = [line for line in match["body"].splitlines() if line.startswith("sentence")]
        made = [f"{key} = {value}" for key, value in lines.items()]
        return "\n".join([match["head"], *kept, *made, "", ""])

    table = (
        r"(?P<head>\[(?P<name>\w+)\.(?P<data>\w+)\])\n(?P<body>(?:(?!\[\w).*\n)*?)\n?(?=\[\w|\Z)"
    )
    return re.sub(table, renewed, text).rstrip() + "\n"


def moved(entries: list[dict[str, Any]]) -> Iterator[str]:
    """Tell which numbers other numerics move, with the first seed."""
    by_run: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for entry in entries:
        by_run.setdefault((entry["data"], entry["notebook"]), []).append(entry)
    for (data, notebook), runs in by_run.items():
        fixed = [run for run in runs if run["numerics"] == numerics.FIXED]
        others = [run for run in runs if run not in fixed and run["seed"] == fixed[0]["seed"]]
        for name, value in fixed[0]["numbers"].items() if fixed else ():
            found = {run["numerics"]: run["numbers"].get(name) for run in others}
            told = [
                f"{code} {other:.6g}" for code, other in found.items() if other not in (value, None)
            ]
            if told and value is not None:
                yield f"{data} {notebook[:2]} {name}: {value:.6g}; {', '.join(told)}"


def read_log(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text("utf-8").splitlines()]


@click.group()
def main() -> None:
    """Measure bands."""


log_option = click.option("--log", type=click.Path(path_type=Path), required=True)


@main.command()
@click.option("--data", default="mnist", show_default=True)
@click.option("--seeds", default=5, show_default=True)
@click.option("--numerics", "choices", multiple=True, default=("haswell", "own", "nehalem"))
@log_option
@click.argument("notebooks", nargs=-1)
def run(
    data: str, seeds: int, choices: tuple[str, ...], log: Path, notebooks: tuple[str, ...]
) -> None:
    """Run NOTEBOOKS, and log what they record."""
    with tempfile.TemporaryDirectory() as cache:
        for choice in choices:
            for seed in range(seeds if choice == numerics.FIXED else 1):
                for notebook in find_notebooks(notebooks):
                    found = run_once(notebook, data, seed, choice, Path(cache))
                    write_down(log, data=data, notebook=notebook.stem, seed=seed,
                               numerics=choice, numbers=found)  # fmt: skip
                    click.echo(f"{data} {notebook.stem}, seed {seed}, {choice}")


@main.command()
@log_option
def write(log: Path) -> None:
    """Make the bands of claims.toml from all runs logged, and tell what numerics moved."""
    entries = read_log(log)
    CLAIMS.write_text(with_bands(CLAIMS.read_text("utf-8"), entries), encoding="utf-8")
    click.echo("\n".join(moved(entries)) or "No number hangs on the numerics.")


if __name__ == "__main__":
    main()
