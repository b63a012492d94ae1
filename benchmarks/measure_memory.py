"""Measure the most memory that each command holds at once, its kernels and helpers included.

    .venv/bin/python benchmarks/measure_memory.py --data mnist --out results/memory.json

The explorer's pages are opened without a browser, one after another in one process, as a server
would for a visitor who looks at every map.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
import psutil
from surroundings import surroundings

from image_files.writing import to_json, write_atomically
from mnist_clust.data import load_digits

EVERY = 0.02  # seconds between two looks
PACKAGES = ("numba", "numpy", "scipy", "scikit-learn", "matplotlib", "streamlit")
EXPLORE = """
import sys
from streamlit.testing.v1 import AppTest
from mnist_explorer import app
sys.argv = ["app.py", sys.argv[1]]
for kind in app.KINDS:
    for dimensions in ("2-D", "3-D"):
        page = AppTest.from_file(app.__file__, default_timeout=3600)
        page.query_params["map"], page.query_params["dimensions"] = kind, dimensions
        page.run()
        if page.exception:
            sys.exit(page.exception[0].message)
"""


def peak_of(command: list[str], environment: dict[str, str]) -> int:
    """Run a command; return the most MiB it held, all its processes together."""
    process = subprocess.Popen(command, env=os.environ | environment, stdout=subprocess.DEVNULL)
    watched = psutil.Process(process.pid)
    peak, ended = 0, 0
    while not ended:
        peak = max(peak, held_by(watched))
        time.sleep(EVERY)
        ended, status, usage = os.wait4(process.pid, os.WNOHANG)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 1):  # 1: a claim is broken, which is no matter here
        raise click.ClickException(f"{' '.join(command)} ended with status {process.returncode}.")
    # What the looks missed of a single process, the system has seen.
    alone = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return round(max(peak, alone) / 1024**2)


def held_by(watched: psutil.Process) -> int:
    """Sum the memory of a process and of all it started; pages they share count in each."""
    total = 0
    try:
        for process in (watched, *watched.children(recursive=True)):
            total += process.memory_info().rss
    except psutil.NoSuchProcess:  # it ended between two questions
        pass
    return total


def commands(data: str, folder: Path) -> dict[str, list[str]]:
    """Return what is measured, in an order in which each has what it needs."""
    ours = [sys.executable, "-m", "mnist_clust"]
    model = str(folder / "clusters")
    return {
        "cluster": [*ours, "cluster", data, "--out", model],
        "assign": [*ours, "assign", data, "--model", model, "--out", str(folder / "assigned.csv")],
        "report": [*ours, "report", "--data", data],
        "explore": [sys.executable, "-c", EXPLORE, data],
    }


@click.command()
@click.option("--data", default="auto", show_default=True)
@click.option("--only", multiple=True, help="Commands to measure; all if none is named.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="A JSON file.")
def main(data: str, only: tuple[str, ...], out: Path | None) -> None:
    """Measure every command from an empty cache, and say what each held."""
    digits = load_digits(data)
    data = digits.name if data == "auto" else data
    measured = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for name, command in commands(data, folder).items():
            if only and name not in only:
                continue
            environment = {
                "MNIST_CLUST_CACHE": str(folder / f"cache-{name}"),
                "MNIST_CLUST_OUT": str(folder / "report"),
            }
            measured[name] = {"peak_memory_mb": peak_of(command, environment)}
            click.echo(f"{name:8} {measured[name]['peak_memory_mb']:6,} MB")
    if out:
        written = {
            "data": digits.name,
            "digest": digits.digest,
            **surroundings(PACKAGES),
            "commands": measured,
        }
        write_atomically(out, to_json(written))


if __name__ == "__main__":
    main()
