"""Run everything again from nothing, on other numbers of threads: the same bits, or say where not.

    .venv/bin/python benchmarks/reproduce.py --data sample 1 2

Each run has caches of its own, of results and of compiled kernels, and as many threads as told.
What is compared: every array of every result that the notebooks and ``cluster`` make, every number
and verdict they record, every figure and interactive page.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import click
import joblib
import numpy as np
import pandas as pd

# What sets the threads of OpenMP, of the libraries for linear algebra, of Numba and of joblib.
THREADS = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS",
    "NUMBA_NUM_THREADS", "LOKY_MAX_CPU_COUNT",
)  # fmt: skip
# What is no result: times, and how many threads there were.
NO_RESULT = {"seconds", "seconds_", "peak_memory_mb", "_n_threads"}


@dataclass(frozen=True)
class Found:
    """What was found under one name.

    Attributes
    ----------
    name : str
    content : ndarray or bytes
        Bytes are a file's.
    """

    name: str
    content: np.ndarray | bytes

    @property
    def digest(self) -> str:
        """SHA-256 of all that counts."""
        if isinstance(self.content, bytes):
            return hashlib.sha256(self.content).hexdigest()
        head = f"{self.content.dtype.str}{self.content.shape}".encode()
        return hashlib.sha256(head + np.ascontiguousarray(self.content).tobytes()).hexdigest()


def run(folder: Path, data: str, notebooks: tuple[str, ...], threads: int) -> None:
    """Run the pipeline and the notebooks from nothing."""
    environment = {
        **os.environ,
        **dict.fromkeys(THREADS, str(threads)),
        "MNIST_CLUST_CACHE": str(folder / "cache"),
        "NUMBA_CACHE_DIR": str(folder / "kernels"),
        "MNIST_CLUST_OUT": str(folder / "report"),
    }
    source = available(data)
    for arguments in (
        ["cluster", source, "--out", str(folder / "clusters")],
        ["report", "--data", source, "--", *notebooks],
    ):
        command = [sys.executable, "-m", "mnist_clust", *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode and not (folder / "report" / "metrics.json").exists():
            raise click.ClickException(f"{' '.join(command)}: {done.stdout}{done.stderr}")


def available(data: str) -> str:
    """Settle what 'auto' is, once for all runs."""
    from mnist_clust.data import load_digits

    return load_digits("auto").name if data == "auto" else data


def look_through(folder: Path) -> Iterator[Found]:
    """Find all that a run made, in an order that does not hang on what it made."""
    yield from files(folder)
    entries = (folder / "cache").rglob("output.pkl")
    times: dict[str, int] = {}
    # As they were made: their names hang on the arguments.
    for entry in sorted(entries, key=lambda path: path.stat().st_mtime_ns):
        function = ".".join(entry.relative_to(folder).parts[4:-2])  # below the state and joblib/
        times[function] = times.get(function, 0) + 1
        yield from arrays(f"{function} {times[function]}", joblib.load(entry), set())


def files(folder: Path) -> Iterator[Found]:
    with np.load(folder / "clusters" / "model.npz") as model:
        for name in model.files:
            yield Found(f"cluster: {name}", model[name])
    table = pd.read_csv(folder / "clusters" / "clusters.csv")
    for name in table.columns:
        for split, rows in table.groupby("split"):
            if name != "split":
                values = rows[name].to_numpy()
                text = values.dtype == object  # whose bytes are addresses
                yield Found(f"cluster: {name} of {split}", values.astype("U") if text else values)
    yield from numbers("cluster", read_json(folder / "clusters" / "summary.json"))
    yield from numbers("report", read_json(folder / "report" / "metrics.json"))
    for part in ("clusters", "report/figures", "report/interactive"):
        for path in sorted((folder / part).rglob("*")):
            if path.is_file() and path.suffix not in (".json", ".npz", ".csv"):
                yield Found(str(path.relative_to(folder)), path.read_bytes())


def read_json(path: Path) -> dict[str, object]:
    return json.loads(path.read_text("utf-8"))


def numbers(name: str, tree: object) -> Iterator[Found]:
    if isinstance(tree, Mapping):
        for key, value in tree.items():
            if key not in NO_RESULT:
                yield from numbers(f"{name}: {key}", value)
    else:
        yield Found(name, json.dumps(tree).encode())


def arrays(name: str, thing: object, seen: set[int]) -> Iterator[Found]:
    """Walk through a result down to its arrays and numbers."""
    if isinstance(thing, np.ndarray) and thing.dtype != object:
        yield Found(name, thing)
    elif isinstance(thing, bool | int | float | np.generic):
        yield Found(name, np.asarray(thing))
    elif isinstance(thing, pd.DataFrame | pd.Series):
        frame = thing.to_frame() if isinstance(thing, pd.Series) else thing
        for column in frame:
            yield Found(f"{name}[{column}]", frame[column].to_numpy())
    elif thing is None or isinstance(thing, str | type) or id(thing) in seen:
        return
    else:
        for key, value in parts(thing):
            yield from arrays(f"{name}{key}", value, seen | {id(thing)})


def parts(thing: object) -> Iterator[tuple[str, object]]:
    if isinstance(thing, Mapping):
        yield from ((f"[{key}]", value) for key, value in thing.items() if key not in NO_RESULT)
    elif isinstance(thing, list | tuple):
        yield from ((f"[{place}]", value) for place, value in enumerate(thing))
    else:
        held = sorted(getattr(thing, "__dict__", {}).items())
        yield from ((f".{key}", value) for key, value in held if key not in NO_RESULT)


def difference(first: Found, second: Found) -> str:
    """Say how far apart two contents of one name are."""
    a, b = first.content, second.content
    if isinstance(a, bytes) or isinstance(b, bytes):
        short = isinstance(a, bytes) and isinstance(b, bytes) and max(len(a), len(b)) < 60
        return f"{a.decode()} and {b.decode()}" if short else "other bytes"
    if a.shape != b.shape or a.dtype != b.dtype:
        return f"{a.dtype}{a.shape} and {b.dtype}{b.shape}"
    if a.dtype.kind not in "biuf":
        return "other values"
    apart = np.abs(a.astype(float) - b.astype(float))
    largest = np.nanmax(np.abs(a.astype(float)), initial=0)
    share = np.mean(apart > 0)
    return f"{share:.2%} of the values, by at most {np.nanmax(apart):.3g} of {largest:.3g}"


@click.command()
@click.option("--data", default="auto", show_default=True)
@click.option(
    "--notebook", "notebooks", multiple=True, help="The beginning of a name; all if none."
)
@click.option("--keep", type=click.Path(file_okay=False, path_type=Path), help="A folder for all.")
@click.argument("threads", nargs=-1, type=click.IntRange(1))
def main(
    data: str, notebooks: tuple[str, ...], keep: Path | None, threads: tuple[int, ...]
) -> None:
    """Make a run on each number of THREADS, by default 1 and 2; compare all with the first."""
    with tempfile.TemporaryDirectory() as temporary:
        root = (keep or Path(temporary)).resolve()
        folders = []
        for number, count in enumerate(threads or (1, 2), 1):
            folders.append(root / f"{number}")
            started = time.monotonic()
            click.echo(f"# run {number}, threads: {count} …", nl=False)
            run(folders[-1], data, notebooks, count)
            click.echo(f" {time.monotonic() - started:.0f} s")
        first = {found.name: found.digest for found in look_through(folders[0])}
        for name, digest in first.items():
            click.echo(f"{digest}  {name}")
        together = hashlib.sha256("".join(first.values()).encode()).hexdigest()
        click.echo(f"{together}  all {len(first)} of run 1")
        apart = [line for other in folders[1:] for line in compare(first, folders[0], other)]
    for line in apart:
        click.echo(line)
    if apart:
        raise click.ClickException(f"{len(apart)} of {len(first)} arrays and numbers differ.")
    click.echo(
        f"The same bits in {len(first)} arrays, numbers and pictures of {len(folders)} runs."
    )


def compare(first: dict[str, str], folder: Path, other: Path) -> list[str]:
    """Name all that differs in another run."""
    second = {found.name: found.digest for found in look_through(other)}
    differing = {name for name, digest in first.items() if second.get(name, digest) != digest}
    before = {found.name: found for found in look_through(folder) if found.name in differing}
    lines = [f"run {other.name} lacks: {name}" for name in first.keys() - second.keys()]
    lines += [f"run {other.name} has beside: {name}" for name in second.keys() - first.keys()]
    for found in look_through(other):
        if found.name in differing:
            how = difference(before[found.name], found)
            lines.append(f"run {other.name} differs in {found.name}: {how}")
    return lines


if __name__ == "__main__":
    main()
