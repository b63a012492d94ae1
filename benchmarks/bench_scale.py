"""Cluster up to 8,100,000 deformed digits by Dask; measure seconds, memory and accuracy.

    python benchmarks/bench_scale.py --out results/scale.json --figure results/scale.png

A map is made of 60,000 of the digits in the process that asks; workers, one a core, place all.
Memory is the most that any one process held. Accuracy is that of the digits that were not fitted,
clusters being named one-to-one after the fitted ones; beside it, of those whose original no fitted
digit was made of, and of MNIST's own test digits on the same map. What many more would take on
many machines is reckoned from the rate of a core, and stands under "on_paper".
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
import joblib
import numpy as np
import psutil
from pyarrow import parquet
from surroundings import surroundings

from image_files.writing import to_json, write_atomically
from mnist_clust.data import load_digits
from mnist_clust.pipeline import ImageClusterer
from mnist_clust.plots import style
from mnist_clust.scores import name_one_to_one
from mnist_many.deform import labels_of_copies

EVERY = 0.05  # seconds between two looks at the memory
FITTED = 60_000
CORES = joblib.cpu_count()
PACKAGES = ("dask", "distributed", "numba", "numpy", "pyarrow", "scikit-learn")
BUSY = 3  # load above which seconds are an upper bound
ON_ONE_WORKER = 10**6  # images that one worker places, too: so many that starting counts little
MANY, WORKERS = (10**8, 10**9), (16, 64, 256)  # on paper


def run(*arguments):
    """Run a command; return seconds, CPU seconds, and the most MB one process held."""
    begin, before = time.perf_counter(), os.times()
    command = [sys.executable, "-m", "mnist_clust", *map(str, arguments)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    held = {}
    while process.poll() is None:
        try:
            watched = psutil.Process(process.pid)
            for one in (watched, *watched.children(recursive=True)):
                who = "client" if one.pid == process.pid else "worker"
                held[who] = max(held.get(who, 0), one.memory_info().rss)
        except psutil.NoSuchProcess:
            pass
        time.sleep(EVERY)
    if process.returncode:
        raise click.ClickException(f"{' '.join(command)} ended with {process.returncode}.")
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user
    return {
        "seconds": round(time.perf_counter() - begin, 1),
        "cpu_seconds": round(cpu - before.children_system, 1),
        "load": round(os.getloadavg()[0], 1),
        "peak_memory_mb": {who: round(most / 1024**2) for who, most in held.items()},
    }


def accuracy(folder, count, digits):
    """Score what was placed, with names from what was fitted."""
    table = parquet.read_table(folder / "clusters.parquet", columns=["cluster", "fitted", "far"])
    clusters, new = table["cluster"].to_numpy(), ~table["fitted"].to_numpy()
    labels = labels_of_copies(digits.train_labels, np.arange(count))
    names = name_one_to_one(clusters[~new], labels[~new], int(clusters.max()) + 1)
    right = names[clusters] == labels
    originals = np.arange(count) % len(digits.train_images)
    strange = np.flatnonzero(new & ~np.isin(originals, originals[~new]))
    of_test = names[ImageClusterer.load(folder).predict(digits.test_images)] == digits.test_labels
    return {
        "fitted": round(float(right[~new].mean()), 4),
        "placed": round(float(right[new].mean()), 4),
        "placed_without_original": round(float(right[strange].mean()), 4) if strange.size else None,
        "n_without_original": len(strange),
        "mnist_test": round(float(of_test.mean()), 4),
        "far": round(float(table["far"].to_numpy()[new].mean()), 4),
    }


def measure(count, folder, digits):
    """Make digits, cluster them, and score that."""
    data, out = folder / f"digits-{count}", folder / f"clusters-{count}"
    made = run("deform", "--count", count, "--out", data, "--workers", CORES)
    whole = run("cluster", data, "--out", out, "--fit-on", FITTED, "--workers", CORES)
    summary = json.loads((out / "summary.json").read_text("utf-8"))
    placing = summary["seconds"].pop("placing")
    found = {
        "images": count,
        "fitted": summary["n_fitted"],
        "deform": made,
        "cluster": whole,
        "fit_seconds": summary["seconds"],
        "placing_seconds": placing,
        "placed_a_second_and_core": round(count / placing / CORES),
        "output_bytes_an_image": round(sum(f.stat().st_size for f in out.glob("*/*")) / count, 1),
        "n_clusters": summary["n_clusters"],
        "accuracy": accuracy(out, count, digits),
    }
    click.echo(json.dumps(found, indent=1))
    return found, data, out


def by_workers(data, clusters, folder):
    """Return the seconds that placing takes by one worker, and by one a core."""
    seconds = {}
    for workers in (1, CORES):
        out = folder / f"assigned-{workers}"
        run("assign", data, "--model", clusters, "--out", out, "--workers", workers)
        summary = json.loads((out / "summary.json").read_text("utf-8"))
        seconds[f"{workers} worker{'s' * (workers > 1)}"] = summary["seconds"]["placing"]
        shutil.rmtree(out)
    return seconds


def on_paper(row, digits):
    """Reckon from a measured row what many more images would take: hours, and MB a second.

    What workers read and write grows with their number, and is what gives out first.
    """
    rate = row["placed_a_second_and_core"]
    size, written = digits.train_images[0].size, row["output_bytes_an_image"]
    return {
        "hours": {f"{n:,} images": {f"{w} workers": round(n / rate / w / 3600, 2) for w in WORKERS}
                  for n in MANY},
        "mb_read_a_second": {f"{w} workers": round(w * rate * size / 1e6) for w in WORKERS},
        "mb_written_a_second": {f"{w} workers": round(w * rate * written / 1e6) for w in WORKERS},
    }  # fmt: skip


@style.styled
def draw(rows):
    """Draw seconds against images, as measured, and as reckoned for more workers."""
    rate = rows[-1]["placed_a_second_and_core"]
    minutes = rows[-1]["placing_seconds"] / 60
    title = f"{CORES} cores place {rows[-1]['images']:,} images in {minutes:.0f} minutes"
    figure = style.new_figure(title, 9, 4.5)
    axes = figure.add_subplot()
    images = np.array([row["images"] for row in rows], float)
    seconds = [row["placing_seconds"] for row in rows]
    axes.loglog(images, seconds, "o-", color=style.ACCENT, label=f"placed by {CORES} workers")
    fitting = [sum(row["fit_seconds"].values()) for row in rows]
    axes.loglog(images, fitting, "s-", color=style.WARN, label=f"map of {FITTED:,} of them")
    beyond = np.array([10 * images[-1], MANY[-1]])
    for workers, line in zip(WORKERS, ("--", "-.", ":"), strict=True):
        reckoned = beyond / rate / workers
        axes.loglog(beyond, reckoned, line, color=style.MUTED, label=f"by {workers}, reckoned")
    axes.set(xlabel="images", ylabel="seconds")
    axes.set_ylim(None, 10 * axes.get_ylim()[1])  # room for the legend
    axes.legend(loc="upper left", ncols=2)
    return figure


@click.command()
@click.option("--sizes", default="100000,1000000,8100000", show_default=True)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--figure", type=click.Path(dir_okay=False, path_type=Path))
def main(sizes: str, out: Path | None, figure: Path | None) -> None:
    """Measure, and write it to a file."""
    digits = load_digits("mnist")
    counts = [int(count) for count in sizes.split(",")]
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        for count in counts:
            row, data, clusters = measure(count, Path(temporary), digits)
            if count == max((n for n in counts if n <= ON_ONE_WORKER), default=min(counts)):
                row["placing_seconds_assign"] = by_workers(data, clusters, Path(temporary))
            rows.append(row)
            shutil.rmtree(data)
    written = {
        "rows": rows,
        "on_paper": on_paper(rows[-1], digits),
        "busy": max(row["cluster"]["load"] for row in rows) > BUSY,
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        **surroundings(PACKAGES),
    }
    if out:
        write_atomically(out, to_json(written))
    if figure:
        draw(rows).savefig(figure, dpi=120)


if __name__ == "__main__":
    main()
