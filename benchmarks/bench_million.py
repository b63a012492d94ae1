"""Map a million deformed digits with the engine; measure seconds, recall and memory.

    python benchmarks/bench_million.py --out results/million.json

Row ``i`` is copy ``i`` of `mnist_many.deform`, by 50 principal components of the pixels, which are
those of MNIST's 60,000 training digits. 15 neighbours a point, found in cells; recall is against
comparing 1,000 of the points with all. The 2-D and the 3-D map weigh those neighbours equally.
Memory is the most that the process held in a step (VmHWM) beside what it held before the first, to
be compared with `numba_tsne.estimate_memory`. Beside the 2-D map of all stands one of 60,000 of the
points, on which the others are placed. A quarter of an hour on two cores.
"""

from __future__ import annotations

import ctypes
import os
import time
from pathlib import Path

import click
import numpy as np
from surroundings import surroundings

from image_files.writing import to_json, write_atomically
from mnist_clust.components import Components
from mnist_clust.data import load_digits
from mnist_many.deform import deform, labels_of_copies
from numba_tsne import TSNE, estimate_memory, nearest_neighbors
from numba_tsne._parallel import Pool
from numba_tsne.cells import approximate_neighbors

COMPONENTS, NEIGHBORS, SEED = 50, 15, 0
CHUNK = 20_000  # digits at a time
SAMPLE = 1_000  # points whose neighbours are compared
SHOWN = 100_000  # points whose neighbours on a map are looked at
FITTED = 60_000  # points of the map on which all others are placed
BUSY = 3  # load above which seconds are an upper bound
PACKAGES = ("numba", "numpy", "scipy", "scikit-learn")


def memory(key):
    """Return this process's memory in bytes: VmRSS, now; VmHWM, the most since `Step` began."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key):
            return 1024 * int(line.split()[1])
    raise click.ClickException("This needs Linux, whose /proc tells a process's memory.")


class Step:
    """Measure what stands in a ``with``: seconds, CPU seconds, load of the machine, memory."""

    def __init__(self, name, into):
        self.name, self.into = name, into

    def __enter__(self):
        Path("/proc/self/clear_refs").write_text("5")  # VmHWM begins anew
        self.begin = time.perf_counter(), time.process_time()

    def __exit__(self, *error):
        seconds, cpu = time.perf_counter() - self.begin[0], time.process_time() - self.begin[1]
        self.into[self.name] = found = {
            "seconds": round(seconds, 1),
            "cpu_seconds": round(cpu, 1),
            "load": round(os.getloadavg()[1], 1),  # over five minutes
            "peak_memory": memory("VmHWM"),
        }
        click.echo(f"{self.name:12} {found}")


def components(n):
    """Make n deformed digits, chunk by chunk: their components, labels, and of how many made."""
    digits = load_digits("mnist")
    pca = Components(COMPONENTS).fit(digits.flatten()[0])
    rows = np.empty((n, COMPONENTS), np.float32)
    for start in range(0, n, CHUNK):
        numbers = np.arange(start, min(start + CHUNK, n))
        images = deform(digits.train_images, numbers, seed=SEED)
        rows[numbers] = pca.transform(images.reshape(len(images), -1) / np.float32(255))
    return rows, labels_of_copies(digits.train_labels, np.arange(n)), len(digits.train_labels)


def compile_kernels(rows):
    """Let every kernel be compiled before a clock starts."""
    few = rows[:3_000]
    with Pool() as pool:
        approximate_neighbors(few, NEIGHBORS, pool)
    for dimensions in (2, 3):
        TSNE(dimensions, n_neighbors=NEIGHBORS, n_iter=1, early_exaggeration_iter=1).fit(few)


def recall_of(graph, rows):
    """Compare with all rows those of a sample; return the share of their neighbours found."""
    chosen = np.random.default_rng(SEED).choice(len(rows), SAMPLE, replace=False)
    exact = nearest_neighbors(rows, NEIGHBORS + 1, queries=rows[chosen]).without_own(chosen)
    found = [
        len(np.intersect1d(*pair))
        for pair in zip(exact.indices, graph.indices[chosen], strict=True)
    ]
    return float(np.mean(found)) / NEIGHBORS


def look(embedding, labels, graph, n_originals):
    """Tell how often the nearest on the map is of one kind, and which neighbours are still near."""
    chosen = np.random.default_rng(SEED).choice(len(labels), min(SHOWN, len(labels)), replace=False)
    found = nearest_neighbors(embedding, NEIGHBORS + 1, queries=embedding[chosen])
    beside = found.without_own(chosen).indices
    kept = (beside[:, :, None] == graph.indices[chosen][:, None, :]).any(axis=1)
    return {
        "same_label_nearest": round(float(np.mean(labels[beside[:, 0]] == labels[chosen])), 4),
        "same_original_nearest": round(
            float(np.mean(beside[:, 0] % n_originals == chosen % n_originals)), 4
        ),
        "neighbors_kept": round(float(kept.mean()), 4),
    }


def fit_and_place(rows):
    """Map some of the points and place the others; return the map of all."""
    fitted = np.random.default_rng(SEED).choice(len(rows), min(FITTED, len(rows)), replace=False)
    tsne = TSNE(n_neighbors=NEIGHBORS, random_state=SEED).fit(rows[fitted])
    embedding = np.empty((len(rows), 2), np.float32)
    others = np.setdiff1d(np.arange(len(rows)), fitted)
    for start in range(0, len(others), CHUNK):
        part = others[start : start + CHUNK]
        embedding[part] = tsne.transform(rows[part])
    embedding[fitted] = tsne.embedding_
    return embedding


@click.command()
@click.option("--count", default=1_000_000, show_default=True)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path))
def main(count: int, out: Path | None) -> None:
    """Measure, and write it to a file."""
    steps, maps = {}, {}
    compile_kernels(np.random.default_rng(SEED).normal(size=(3_000, COMPONENTS)).astype("f4"))
    with Step("digits", steps):
        rows, labels, n_originals = components(count)
    ctypes.CDLL(None).malloc_trim(0)  # what is free is not to be counted as held
    before = memory("VmRSS")
    with Step("neighbours", steps):
        graph = nearest_neighbors(rows, NEIGHBORS)
    with Step("recall", steps):
        recall = recall_of(graph, rows)
    click.echo(f"recall {recall:.4f}")
    for dimensions in (2, 3):
        name = f"{dimensions}-D map"
        with Step(name, steps):
            tsne = TSNE(dimensions, n_neighbors=NEIGHBORS, random_state=SEED)
            tsne.fit(rows, neighbors=graph)
        peak = max(steps[step]["peak_memory"] for step in ("neighbours", name))
        maps[f"{dimensions}-D"] = {
            **steps[name],
            "memory_beside_rows": peak - before,
            "estimated_memory": estimate_memory(
                count, COMPONENTS, dimensions, n_neighbors=NEIGHBORS
            ),
            "kl_divergence": round(float(tsne.kl_divergence_), 4),
            **look(tsne.embedding_, labels, graph, n_originals),
        }
        click.echo(f"{maps[f'{dimensions}-D']}")
        del tsne
    with Step("placed", steps):
        embedding = fit_and_place(rows)
    placed = {"fitted": FITTED, **steps["placed"], **look(embedding, labels, graph, n_originals)}
    click.echo(f"{placed}")
    written = {
        "points": count,
        "made": f"copies 0 to {count - 1} of mnist_many.deform of MNIST's training digits, seed "
        f"{SEED}; {COMPONENTS} principal components of the pixels, fitted on the originals",
        "n_neighbors": NEIGHBORS,
        "recall": round(recall, 4),
        "recall_sample": SAMPLE,
        "memory_before": before,
        "busy": max(step["load"] for step in steps.values()) > BUSY,
        "steps": steps,
        "maps": maps,
        "placed": placed,
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        **surroundings(PACKAGES),
    }
    if out:
        write_atomically(out, to_json(written))


if __name__ == "__main__":
    main()
