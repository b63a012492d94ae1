"""Run this engine, openTSNE, scikit-learn and umap-learn on the same digits, one after the other.

    python benchmarks/bench_tsne.py --out results/benchmark.json --figure results/tsne_speed.png

Every engine uses all cores. Each run is a process of its own, which starts when the one before
has ended: its peak memory is its own, and whatever else the machine does hits all of them alike.
Rounds alternate between engines; tables show medians over rounds (runs that no goal is set
against take part in the first only). Compilation is done before the clock starts and reported by
itself. Input: pixels reduced to 50 principal components. All optimisations start at the same
place and use the same affinities, and all divergences are computed by the same function. What
would take too long is measured over a few iterations, and marked as extrapolated.

Full MNIST takes about half an hour on two cores; ``--quick`` a minute or two.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import joblib
import numpy as np
import pandas as pd

from mnist_clust.numerics import processor
from mnist_clust.plots import style

SIZES = [5_000, 20_000, 60_000]
QUICK_SIZES = [1_000, 2_000]
PERPLEXITY, NEIGHBORS = 30, 90
EARLY, LATE = 250, 500
SAMPLED = 8  # iterations of each phase, when an optimisation is extrapolated
FULL_3D = 5_000  # up to this size openTSNE and scikit-learn run all iterations
ENGINES = ["mnist_clust", "openTSNE", "scikit-learn", "umap-learn"]
CORES = joblib.cpu_count()

LOOKS = {  # name and colour of each engine
    "mnist_clust": ("this engine", style.ACCENT),
    "openTSNE": ("openTSNE", style.PALETTE[2]),
    "scikit-learn": ("scikit-learn", style.PALETTE[3]),
    "umap-learn": ("umap-learn", style.PALETTE[8]),
}
TASKS = {
    "2-D": ("2-D", "o", "-"),
    "3-D": ("3-D", "s", "--"),
    "2-D uniform": ("2-D, 15 neighbours", "^", ":"),
    "whole": ("whole fit, 15 neighbours", "d", "-"),
}

GOALS = [  # name, engine compared with, its key, our key, ratio to reach
    ("2-D optimisation", "openTSNE", "2-D", "2-D", 5),
    ("3-D optimisation", "openTSNE", "3-D", "3-D", 40),
    ("2-D optimisation, 15 neighbours", "openTSNE", "2-D", "2-D uniform", 8),
    ("whole fit, 15 neighbours", "umap-learn", "whole", "whole uniform", 1),
    ("neighbours and affinities", "openTSNE", "affinities", "affinities", 4),
    ("transform of 10,000", "openTSNE", "transform", "transform", 10),
]


def now(task, *args, **kwargs):
    """Seconds a call takes, and its result."""
    begin = time.perf_counter()
    result = task(*args, **kwargs)
    return time.perf_counter() - begin, result


def memory():
    """Peak of the memory of this process so far, in MB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return float("nan")


class Files:
    """Where runs leave what others need."""

    def __init__(self, folder, n):
        self.folder, self.n = Path(folder), n

    def rows(self):
        """Training rows of this size, and all test rows."""
        data = np.load(self.folder / "rows.npz")
        return data["train"][: self.n], data["test"]

    def path(self, name):
        """Where something of this size is; without a suffix."""
        return self.folder / f"{name}_{self.n}"

    def affinities(self, kind="perplexity"):
        """Affinities all engines share."""
        from scipy.sparse import load_npz

        return load_npz(f"{self.path(kind)}.npz")

    def start(self, d):
        """First positions all engines share."""
        X, _ = self.rows()
        return X[:, :d] / X[:, 0].std() * 1e-4


# Each of the following runs in a process of its own.


def run_mnist_clust(files, full):
    from scipy.sparse import save_npz

    from numba_tsne import TSNE, nearest_neighbors
    from numba_tsne._parallel import Pool
    from numba_tsne.affinities import perplexity_affinities, uniform_affinities

    X, T = files.rows()

    def compile_all():
        random = np.random.default_rng(0).normal(size=(400, 5))
        for d in (2, 3):
            TSNE(d, n_iter=60, early_exaggeration_iter=1).fit(random).transform(random)

    times, memories, maps = {}, {}, {}
    times["compilation"], _ = now(compile_all)
    with Pool() as pool:

        def both():
            graph = nearest_neighbors(X, NEIGHBORS)
            return graph, perplexity_affinities(graph, PERPLEXITY, pool)

        times["affinities"], (graph, P) = now(both)
        times["neighbours"], _ = now(nearest_neighbors, X, NEIGHBORS)
        uniform = uniform_affinities(graph.nearest(15))
        save_npz(f"{files.path('perplexity')}.npz", P)
        save_npz(f"{files.path('uniform')}.npz", uniform)
        for name, affinities, d in [("2-D", P, 2), ("3-D", P, 3), ("2-D uniform", uniform, 2)]:
            times[name], descent = now(descend, affinities, files.start(d), pool)
            maps[name] = descent.embedding()
            memories.setdefault("2-D", memory())
            if full:
                times[f"{name} steps"] = steps(descent, affinities, d)
    flat = TSNE().fit(X, neighbors=graph)
    times["transform"], places = now(flat.transform, T)
    np.save(f"{files.path('places mnist_clust')}.npy", places)
    np.save(f"{files.path('under places mnist_clust')}.npy", flat.embedding_)
    times["whole uniform"], maps["whole"] = now(TSNE(n_neighbors=15).fit_transform, X)
    times["whole"], _ = now(TSNE().fit_transform, X)
    return times, memories, maps


def descend(affinities, start, pool):
    from numba_tsne.optimizer import Descent, Phase, optimize

    n = len(start)
    descent = Descent(affinities, start, 0.8, pool)
    optimize(descent, [Phase("", EARLY, 12, n / 12, 0.5), Phase("", LATE, 1, n, 0.8)])
    return descent


def steps(descent, affinities, d):
    """How one late iteration divides, and what the machine would need at its best.

    Operations of a list entry are counted from the source: a product and a sum count as two.
    """
    repulsion, n = descent._repulsion, affinities.shape[0]
    points = descent._points
    move = statistics.median(now(repulsion.tree.move, points)[0] for _ in range(9))
    repel = statistics.median(now(repulsion.update, points)[0] for _ in range(9))
    from numba_tsne.optimizer import Phase

    rest = Phase("", 1, 1.0, 1e-9, 0.0)  # moves nothing, without denormal numbers
    whole = statistics.median(now(descent.step, rest)[0] for _ in range(9))
    return {
        "repulsion": repel,
        "of which tree": move,
        "attraction and update": whole - repel,
        "list length": float(repulsion._lengths.mean()),
        "repulsion operations": float(repulsion._lengths.mean()) * n * {2: 24, 3: 29}[d],
        "tree bytes": n * d * 4 * 4.0,
        "attraction bytes": affinities.nnz * 8.0 + n * d * 4 * 8.0,
    }


def run_opentsne(files, full):
    import openTSNE

    X, T = files.rows()
    times, memories, maps = {}, {}, {}
    openTSNE.affinity.PerplexityBasedNN(X[:2_000], n_jobs=CORES)  # imports and compiles
    times["affinities"], own = now(
        openTSNE.affinity.PerplexityBasedNN, X, perplexity=PERPLEXITY, n_jobs=CORES, random_state=0
    )
    own.P = files.affinities().astype(np.float64)
    times["2-D"], flat = now(descend_opentsne, own, files.start(2), EARLY, LATE)
    maps["2-D"] = np.asarray(flat)
    memories["2-D"] = memory()
    if files.n >= 2_000:
        times["transform"], places = now(flat.transform, T)
        np.save(f"{files.path('places openTSNE')}.npy", np.asarray(places))
        np.save(f"{files.path('under places openTSNE')}.npy", np.asarray(flat))
    if files.n <= FULL_3D:
        if full:
            times["3-D"], solid = now(descend_opentsne, own, files.start(3), EARLY, LATE)
            maps["3-D"] = np.asarray(solid)
    else:
        early, _ = now(descend_opentsne, own, files.start(3), SAMPLED, 0)
        ours = np.load(f"{files.path('map mnist_clust 3-D')}.npy")
        late, _ = now(descend_opentsne, own, ours, 0, SAMPLED)
        times["3-D extrapolated"] = (early * EARLY + late * LATE) / SAMPLED
    return times, memories, maps


def descend_opentsne(affinities, start, early, late):
    import openTSNE

    embedding = openTSNE.TSNEEmbedding(
        start.astype(np.float64),
        affinities,
        negative_gradient_method="bh" if start.shape[1] > 2 else "fft",
        n_jobs=CORES,
        random_state=0,
    )
    if early:
        embedding = embedding.optimize(early, exaggeration=12)
    if late:
        embedding = embedding.optimize(late)
    return embedding


def run_scikit_learn(files, full):
    from sklearn.manifold import TSNE
    from sklearn.manifold._t_sne import _kl_divergence_bh
    from sklearn.neighbors import NearestNeighbors

    X, _ = files.rows()
    times, memories, maps = {}, {}, {}
    search = NearestNeighbors(n_neighbors=NEIGHBORS, n_jobs=-1)
    times["neighbours"], _ = now(lambda: search.fit(X).kneighbors())
    if files.n <= FULL_3D:
        tsne = TSNE(
            init=files.start(2), learning_rate=files.n / 48, max_iter=EARLY + LATE, n_jobs=-1
        )
        times["whole"], maps["2-D"] = now(tsne.fit_transform, X)
        memories["2-D"] = memory()
        return times, memories, maps
    P = files.affinities()
    for d in (2, 3):
        ours = np.load(f"{files.path(f'map mnist_clust {d}-D')}.npy")
        gradient = []
        for start in (files.start(d), ours):
            flat = start.astype(np.float32).ravel()
            args = (flat, P, 1, files.n, d)
            seconds, _ = now(_kl_divergence_bh, *args, angle=0.5, num_threads=CORES)
            gradient.append(seconds)
        times[f"{d}-D extrapolated"] = gradient[0] * EARLY + gradient[1] * LATE
    return times, memories, maps


def run_umap_learn(files, full):
    import umap

    X, _ = files.rows()
    times, memories, maps = {}, {}, {}
    times["compilation"], _ = now(umap.UMAP().fit, X[:5_000])
    times["whole"], maps["whole"] = now(umap.UMAP().fit_transform, X)
    memories["whole"] = memory()
    return times, memories, maps


RUNS = dict(
    zip(ENGINES, [run_mnist_clust, run_opentsne, run_scikit_learn, run_umap_learn], strict=True)
)


def child(engine, folder, n, first):
    """Run one engine at one size and leave what it found in files."""
    files = Files(folder, n)
    times, memories, maps = RUNS[engine](files, first)
    for name, embedding in maps.items():
        np.save(f"{files.path(f'map {engine} {name}')}.npy", embedding.astype(np.float32))
    print(json.dumps({"times": times, "memory": memories}))


def machine():
    """Time one large matrix product and one large copy."""
    a = np.ones((3072, 3072), np.float32)
    flops = 2 * 3072**3 / min(now(np.matmul, a, a)[0] for _ in range(5))
    source, target = np.ones((2, 2**26), np.float32)
    copied = 2 * source.nbytes / min(now(np.copyto, target, source)[0] for _ in range(5))
    return {
        "platform": platform.platform(),
        "processor": processor(),
        "cores": CORES,
        "gflops": flops / 1e9,
        "gigabytes per second": copied / 1e9,
    }


def prepare(folder, source):
    """Leave the input for all runs in one file; return the labels."""
    from sklearn.decomposition import PCA

    from mnist_clust.data import load_digits

    digits = load_digits(source)
    train, test = digits.flatten()
    pca = PCA(50, random_state=0).fit(train)
    np.savez(
        Path(folder) / "rows.npz",
        train=pca.transform(train).astype(np.float32),
        test=pca.transform(test).astype(np.float32),
    )
    return digits.train_labels, digits.test_labels


def qualities(folder, n, train_labels, test_labels):
    """Divergence, neighbour recall and accuracy of all maps of a size."""
    from numba_tsne import nearest_neighbors
    from numba_tsne._parallel import Pool
    from numba_tsne.optimizer import Descent

    files = Files(folder, n)
    X, _ = files.rows()
    truth = nearest_neighbors(X, 10).indices
    found = {}
    for path in sorted(Path(folder).glob(f"map *_{n}.npy")):
        engine, name = path.stem.removeprefix("map ").rsplit("_", 1)[0].split(" ", 1)
        embedding = np.load(path)
        kind = "uniform" if "uniform" in name else "perplexity"
        with Pool() as pool:
            kl = Descent(files.affinities(kind), embedding, 0.8, pool).kl_divergence()
        near = nearest_neighbors(embedding, 10).indices
        kept = sum(len(np.intersect1d(a, b)) for a, b in zip(truth, near, strict=True))
        found.setdefault(engine, {})[name] = {"kl": kl, "recall": kept / truth.size}
    for path in sorted(Path(folder).glob(f"places *_{n}.npy")):
        engine = path.stem.removeprefix("places ").rsplit("_", 1)[0]
        embedding = np.load(path.with_name(f"under {path.name}"))
        found[engine]["transform"] = {
            "accuracy of new": accuracy(embedding, train_labels[:n], np.load(path), test_labels),
            "accuracy of known": accuracy(embedding, train_labels[:n]),
        }
    return found


def accuracy(embedding, labels, places=None, truth=None):
    """Share of points with the label of most of their ten neighbours on the map."""
    from numba_tsne import nearest_neighbors

    near = labels[nearest_neighbors(embedding, 10, queries=places).indices]
    votes = np.array([np.bincount(row, minlength=10).argmax() for row in near])
    return float((votes == (labels if truth is None else truth)).mean())


def measure(source, sizes, rounds):
    """Run everything; medians by size, engine and task."""
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        labels = prepare(folder, source)
        environment = {**os.environ, "NUMBA_CACHE_DIR": folder}  # so that compilation is seen once
        compilation = None
        for n in sizes:
            runs = {engine: [] for engine in ENGINES}
            for turn in range(rounds):
                for engine in ENGINES:
                    once = engine == "scikit-learn" or (engine == "umap-learn" and n < max(sizes))
                    if turn and once:
                        continue  # slow, or slow to compile, and no goal is set against it here
                    command = [sys.executable, __file__, "--child", engine, folder, str(n)]
                    command += ["first"] * (turn == 0)
                    done = subprocess.run(
                        command, capture_output=True, text=True, env=environment, check=False
                    )
                    if done.returncode:
                        sys.exit(f"{engine} failed at {n}:\n{done.stderr}")
                    run = json.loads(done.stdout.splitlines()[-1])
                    runs[engine].append(run)
                    brief = {k: round(v, 2) for k, v in run["times"].items() if "steps" not in k}
                    print(f"{n:>6} {engine:>12} round {turn + 1}: {brief}", flush=True)
            compilation = compilation or runs["mnist_clust"][0]["times"]["compilation"]
            quality = qualities(folder, n, *labels)
            results[n] = {
                engine: {
                    "times": medians([run["times"] for run in runs[engine]]),
                    "peak memory": medians([run["memory"] for run in runs[engine]]),
                    "quality": quality.get(engine, {}),
                    "rounds": [run["times"] for run in runs[engine]],
                }
                for engine in ENGINES
            }
    return results, compilation


def medians(runs):
    keys = dict.fromkeys(key for run in runs for key in run)
    return {
        key: statistics.median(values) if isinstance(values[0], float) else values[0]
        for key in keys
        for values in [[run[key] for run in runs if key in run]]
    }


def goals(results):
    """Compare with the other engines at the largest size, row by row."""
    sizes = list(results)
    n = sizes[-1]
    last = results[n]
    rows = []
    for name, engine, theirs, ours, goal in GOALS:
        times = last[engine]["times"]
        extrapolated = theirs not in times and f"{theirs} extrapolated" in times
        their_time = times.get(f"{theirs} extrapolated" if extrapolated else theirs)
        our_time = last["mnist_clust"]["times"][ours]
        if their_time is not None:
            ratio = their_time / our_time
            rows.append([name, engine, our_time, their_time, ratio, f">= {goal}", ratio >= goal])
            rows[-1][1] += " (extrapolated)" * extrapolated
    if len(sizes) > 1:
        growth = (
            last["mnist_clust"]["times"]["2-D"] / results[sizes[-2]]["mnist_clust"]["times"]["2-D"]
        )
        rows.append([f"growth from {sizes[-2]:,}", "", None, None, growth, "<= 3.6", growth <= 3.6])
    ours, theirs = (last[engine]["peak memory"]["2-D"] for engine in ("mnist_clust", "openTSNE"))
    rows.append(
        ["peak memory, MB", "openTSNE", ours, theirs, theirs / ours, ">= 1", ours <= theirs]
    )
    quality = {engine: last[engine]["quality"] for engine in ("mnist_clust", "openTSNE")}
    for name in ("2-D", "3-D"):
        m = n if name in quality["openTSNE"] else min(sizes)
        pair = [results[m][e]["quality"].get(name) for e in ("mnist_clust", "openTSNE")]
        if all(pair):
            ours, theirs = (one["kl"] for one in pair)
            label = f"divergence {name}, {m:,} points"
            rows.append([label, "openTSNE", ours, theirs, theirs / ours, ">= 1", ours <= theirs])
    if "transform" in quality["openTSNE"]:
        ours, theirs = (q["transform"]["accuracy of new"] for q in quality.values())
        rows.append(
            [
                "accuracy of transform",
                "openTSNE",
                ours,
                theirs,
                ours / theirs,
                ">= 1",
                ours >= theirs,
            ]
        )
    placed = quality["mnist_clust"]["transform"]
    gap = placed["accuracy of known"] - placed["accuracy of new"]
    rows.append(["new digits behind known ones", "", None, None, gap, "<= 0.005", gap <= 0.005])
    return rows


def limits(results, host):
    """For each step of ours: seconds, what the machine would need at its best, and the share."""
    rows = []
    rate, bandwidth = host["gflops"] * 1e9, host["gigabytes per second"] * 1e9
    for n, engines in results.items():
        times = engines["mnist_clust"]["times"]
        product = 2 * n * 51 / rate  # one row against all, as one column of a matrix product

        def add(step, seconds, best, bound, n=n):
            rows.append([n, step, seconds, best, bound])

        add(f"{NEIGHBORS} neighbours", times["neighbours"], product * n, "operations")
        edges = n * NEIGHBORS * 8.0  # an index and a number each
        weigh = times["affinities"] - times["neighbours"]
        add("affinities", weigh, 6 * edges / bandwidth, "bytes")
        for name in ("2-D", "3-D", "2-D uniform"):
            step = times[f"{name} steps"]
            add(f"tree {name}", step["of which tree"], step["tree bytes"] / bandwidth, "bytes")
            best = step["repulsion operations"] / rate
            add(f"repulsion {name}", step["repulsion"] - step["of which tree"], best, "operations")
            best = step["attraction bytes"] / bandwidth
            add(f"attraction {name}", step["attraction and update"], best, "bytes")
    return rows


def show(report):
    host = report["machine"]
    print(f"\n{host['processor']}, {host['cores']} cores: {host['gflops']:.0f} Gflop/s in matrix")
    print(f"products, {host['gigabytes per second']:.0f} GB/s in copies. {report['versions']}")
    print(f"Compilation, once per installation: {report['compilation']:.1f} s")
    for n, engines in report["results"].items():
        print(f"\n{n:,} points" + " " * 22 + "seconds  ratio to ours  divergence  recall")
        ours = engines["mnist_clust"]["times"]
        for engine, found in engines.items():
            for task, seconds in found["times"].items():
                if not isinstance(seconds, float):
                    continue
                mine = ours.get(task.removesuffix(" extrapolated"))
                if engine == "umap-learn" and task == "whole":
                    mine = ours["whole uniform"]
                quality = found["quality"].get(task, {})
                print(
                    f"{engine:>13} {task:<20} {seconds:8.2f}"
                    + (f"  {seconds / mine:13.1f}" if mine else " " * 15)
                    + (
                        f"  {quality['kl']:10.4f}  {quality['recall']:.3f}"
                        if "kl" in quality
                        else ""
                    )
                )
            peak = found["peak memory"]
            if peak:
                print(f"{engine:>13} peak memory {next(iter(peak.values())):.0f} MB")
    print(
        "\nWhat the machine allows, a call or iteration at the end" + " " * 4 + "ms  at best  share"
    )
    for n, step, seconds, best, bound in report["limits"]:
        print(
            f"{n:>6,} {step:<24} bound by {bound:<10} {seconds * 1e3:9.1f}"
            f" {best * 1e3:8.1f}  {best / seconds:5.0%}"
        )
    print("\ngoal" + " " * 32 + "ours   theirs    ratio   wanted")
    for name, engine, ours, theirs, ratio, wanted, reached in report["goals"]:
        numbers = f"{ours:9.3f} {theirs:9.3f}" if ours is not None else " " * 19
        verdict = "reached" if reached else "MISSED"
        print(f"{name:<32} {numbers} {ratio:8.3f} {wanted:>9}  {verdict}  {engine}")


def draw(results, path):
    """Time against size, one line an engine and task."""
    shown = [
        ("scikit-learn", "3-D"),
        ("openTSNE", "3-D"),
        ("scikit-learn", "2-D"),
        ("openTSNE", "2-D"),
        ("umap-learn", "whole"),
        ("mnist_clust", "3-D"),
        ("mnist_clust", "2-D"),
        ("mnist_clust", "2-D uniform"),
    ]
    rows = []
    for engine, task in shown:
        for n, engines in results.items():
            times = engines[engine]["times"]
            seconds = times.get(task, times.get(f"{task} extrapolated"))
            if seconds is not None:
                rows.append((engine, task, int(n), seconds, task not in times))
    columns = ["engine", "task", "points", "seconds", "extrapolated"]
    path.parent.mkdir(parents=True, exist_ok=True)
    speed_by_size(pd.DataFrame(rows, columns=columns), CORES).savefig(path, dpi=120)


@style.styled
def speed_by_size(times, n_cores):
    """Show times of an optimisation, by engine, task and number of points."""
    low, high = times.points.min(), times.points.max()
    at_most = times[times.points == high].set_index(["engine", "task"]).seconds
    ours, theirs = at_most["mnist_clust", "3-D"], at_most["openTSNE", "3-D"]
    title = f"{high:,} points in 3-D: {ours:.0f} s, and {theirs / 60:.0f} min with openTSNE"
    figure = style.new_figure(title, 9, 5)
    axes = figure.add_subplot()
    for (engine, task), line in times.groupby(["engine", "task"], sort=False):
        (name, color), (what, marker, dashes) = LOOKS[engine], TASKS[task]
        axes.plot(line.points, line.seconds, dashes, color=color)
        for extrapolated, part in line.groupby("extrapolated"):
            face = "white" if extrapolated else color
            axes.plot(part.points, part.seconds, marker, color=color, mfc=face, ms=7)
        last = line.iloc[-1]
        close = at_most[(at_most / last.seconds - 1).abs() < 0.35]  # make room for their labels
        shift = 0.0 if len(close) == 1 else 5.0 if last.seconds == close.max() else -5.0
        axes.annotate(f"{name}, {what}", (last.points, last.seconds), xytext=(8, shift),
                      va="center", textcoords="offset points")  # fmt: skip
    axes.set(xscale="log", yscale="log", xlabel="points",
             ylabel=f"seconds on {n_cores} cores, 750 iterations")  # fmt: skip
    axes.set_title("hollow: extrapolated from fewer iterations", color=style.MUTED)
    axes.set_xticks(times.points.unique(), [f"{n:,}" for n in times.points.unique()])
    axes.minorticks_off()
    axes.set_xlim(None, high * (high / low) ** 0.75)
    axes.spines["bottom"].set_bounds(low, high)
    axes.yaxis.set_major_formatter("{x:g}")
    return figure


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("results/benchmark.json"))
    parser.add_argument("--figure", type=Path, default=Path("results/tsne_speed.png"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--quick", action="store_true", help="a thousand digits, one round")
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        engine, folder, n, *first = options.child
        child(engine, folder, int(n), bool(first))
        return
    source, sizes, rounds = "mnist", options.sizes, options.rounds
    if options.quick:
        source, sizes, rounds = "sample", QUICK_SIZES, 1
    host = machine()
    results, compilation = measure(source, sizes, rounds)
    packages = ["numba", "numpy", "scipy", "scikit-learn", "openTSNE", "umap-learn"]
    report = {
        "machine": host,
        "versions": {name: version(name) for name in packages}
        | {"python": platform.python_version()},
        "compilation": compilation,
        "rounds": rounds,
        "results": results,
        "limits": limits(results, host),
        "goals": goals(results),
    }
    show(report)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(report, indent=1) + "\n")
    draw(results, options.figure)


if __name__ == "__main__":
    main()
