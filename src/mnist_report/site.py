"""A run's numbers into the pages of ``docs/`` and the tables of the README."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from image_files.reading import FailureError
from image_files.writing import read_record, to_json, write_atomically
from mnist_clust import project_root
from mnist_clust.claims import published_results

KEYS = ("digest", "numbers", "verdicts", "notebooks")  # by which a report's metrics are known
_CONTENT = "content.json"  # lists the files of a site
_NOTE_STYLE = (
    "margin: 0; padding: .4em 1em; color: #fff; background: #8a1c1c; "
    "font: bold 16px/1.4 system-ui, sans-serif"
)
# jsonschema would build a grammar, which takes longer than all pages, for a format not used here.
# The checkout is looked for before Sphinx changes the folder.
_SPHINX = """
import sys
sys.modules["rfc3987_syntax"] = None
from mnist_clust import project_root
project_root()
from sphinx.cmd.build import main
sys.exit(main(sys.argv[1:]))
"""


class SiteError(FailureError):
    """The pages could not be built; the message holds what Sphinx said."""


def build_site(folder: Path, notebooks: Sequence[Path]) -> Path:
    """Build the pages of a report into its ``site/``, of executed notebooks in reading order.

    Returns the page to open first. Whatever fails, the pages before stay as they were.
    """
    site = folder / "site"
    whole = site.resolve()  # it may be a link
    if whole.exists() and not is_site(whole):
        raise SiteError(f"{site} holds what no report wrote: move it away.")
    work = whole.with_name(".mnist-clust-site")
    before = work / "before"
    _put_back(before, whole)  # what a run left that was killed between two names
    shutil.rmtree(work, ignore_errors=True)
    source, built = work / "source", work / "site"
    try:
        _add_sources(source, folder, notebooks)
        _run_sphinx(source, built)
        _carry_over(whole, built)
        if whole.exists():
            whole.rename(before)
        built.rename(whole)
    finally:
        _put_back(before, whole)
        shutil.rmtree(work, ignore_errors=True)
    return site / "index.html"


def _put_back(before: Path, whole: Path) -> None:
    if before.exists() and not whole.exists():
        before.rename(whole)


def is_site(folder: Path) -> bool:
    """Tell whether a folder holds the pages of a report, or nothing."""
    return folder.is_dir() and (
        bool(read_record(folder / "metrics.json", *KEYS)) or not any(folder.iterdir())
    )


def _carry_over(before: Path, built: Path) -> None:
    """Record what was built, and take along what somebody has put beside the pages before."""
    made = sorted(p.relative_to(built).as_posix() for p in built.rglob("*") if p.is_file())
    earlier = read_record(before / _CONTENT, "files").get("files", [])
    (built / _CONTENT).write_bytes(to_json({"files": made}))
    known = {_CONTENT, *earlier, *made}
    for path in before.rglob("*") if earlier else ():
        name = path.relative_to(before).as_posix()
        if name not in known and (path.is_symlink() or not path.is_dir()):
            (built / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, built / name, follow_symlinks=False)


def _add_sources(source: Path, folder: Path, notebooks: Sequence[Path]) -> None:
    """Copy ``docs/``, and put a run beside it: notebooks, and what the site holds as it is."""
    docs, copied = project_root() / "docs", source / "copied"
    for name in ("_static", "copied/figures", "copied/interactive"):
        (source / name).mkdir(parents=True)
    for path in (*docs.glob("*.*"), *docs.glob("_static/*")):
        shutil.copy(path, source / path.relative_to(docs))
    for path in notebooks:
        shutil.copy(path, source)
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    for name in ("metrics.json", *metrics["files"]):
        shutil.copy(folder / name, copied / name)
    shutil.copy(project_root() / "results" / "tsne_speed.png", copied / "figures")
    if note := announcement(metrics):
        for page in (copied / "interactive").glob("*.html"):
            header = f'<body><header style="{_NOTE_STYLE}">{note}</header>'
            text = page.read_text(encoding="utf-8").replace("<body>", header, 1)
            page.write_text(text, encoding="utf-8")


def _run_sphinx(source: Path, built: Path) -> None:
    options = ["-q", "-W", "--keep-going", "-b", "html"]
    done = subprocess.run(
        [sys.executable, "-c", _SPHINX, *options, source, built],
        env=os.environ | {"TMPDIR": str(built.parent)},  # where it leaves what went wrong
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode and (full := os.strerror(errno.ENOSPC)) in done.stdout:  # for each file
        raise OSError(errno.ENOSPC, full, str(built))
    if done.returncode:
        raise SiteError(f"the report's pages could not be built: {done.stdout.strip()}")
    for leftover in (built / ".doctrees", built / "_sources"):
        shutil.rmtree(leftover, ignore_errors=True)
    for template in (built / "_static").rglob("*.html"):  # the theme's own, no page of ours
        template.unlink()


def announcement(metrics: dict[str, Any]) -> str:
    """Say on every page what a run was on, unless on full MNIST; as HTML."""
    own = f"These pages were made from {metrics['data']}: the text speaks of full MNIST."
    said = [own] if metrics["data"] not in ("mnist", "sample") else []
    return escape(" ".join([*said, *metrics["notices"]]))


# --- tables, in Markdown -------------------------------------------------------------------------


def results_table(metrics: dict[str, Any]) -> str:
    """Make the table of results, a row for each of ``docs/results.csv`` that the run has.

    Published results stand beside those on full MNIST alone, which they were measured on.
    """
    numbers, rows = metrics["numbers"], []
    listed = pd.read_csv(project_root() / "docs" / "results.csv", keep_default_na=False)
    for row in listed.itertuples():
        scored = [_percent(numbers.get(name)) for name in (row.train, row.test)]
        ends = [_percent(numbers.get(f"{row.ten_runs}_{end}")) for end in ("worst", "best")]
        if any(scored):
            before = row.before if metrics["data"] == "mnist" else ""
            rows.append([row.title, *scored, " to ".join(filter(None, ends)), before])
    what = "digits" if metrics["data"] in ("mnist", "sample") else "images"
    parts = [f"{metrics['n_train']:,} training {what}", f"{metrics['n_test']:,} unseen {what}"]
    return _table(["", *parts, "ten runs, training", "an earlier project"], rows)


def published_table(metrics: dict[str, Any], all_digits: dict[str, Any]) -> str:
    """Make the table of results that others published, with ours last.

    Ours are those of a run on full MNIST, and ``results/all_digits.json``.
    """
    rows = [
        [
            f"{name} ({row.source})",
            f"ARI {row.ari:.3f}" if np.isnan(row.accuracy) else f"{row.accuracy:.1%}",
            "the digits clustered, mostly 70,000",
            row.clusters,
        ]
        for name, row in published_results().iterrows()
    ]
    numbers, part = metrics["numbers"], "sharp_accuracy_one_to_one"
    runs = pd.DataFrame(all_digits["runs"])
    ours = [
        (f"mean of {len(runs)} seeds", runs["one_to_one"].mean(),
         f"the {all_digits['digits']:,} clustered",
         f"found by {(runs['n_clusters'] == 10).sum()} of {len(runs)}"),
        ("seed 0", numbers[part], "the 60,000 clustered", "found"),
        ("seed 0", numbers[f"{part}_test"], "10,000 unseen", "found"),
    ]  # fmt: skip
    for which, accuracy, what, found in ours:
        rows.append([f"**here**, the sharp map, {which}", f"{accuracy:.1%}", what, found])
    return _table(["", "one-to-one (or ARI)", "scored on", "ten clusters"], rows)


def tell_all_digits(all_digits: dict[str, Any]) -> str:
    """Say what runs on all digits gave, and how often they and samples found ten clusters."""
    runs, samples = (pd.DataFrame(all_digits[part]) for part in ("runs", "samples"))
    found, shown = ((part["n_clusters"] == 10).sum() for part in (runs, samples))
    scores, drawn = runs["one_to_one"], samples["one_to_one"]
    least = np.floor(runs["ari"].min() * 1000) / 1000  # "or more" must not be rounded up
    return (
        f"On all {all_digits['digits']:,} digits, {found} of {len(runs)} seeds found ten clusters; "
        f"one-to-one all gave {scores.min():.2%} to {scores.max():.2%}, and an adjusted "
        f"Rand index (ARI) of {least:.3f} or more. Of {len(samples)} samples of "
        f"{all_digits['sample_size']:,} digits, {shown} showed ten, with {drawn.min():.2%} to "
        f"{drawn.max():.2%}."
    )


def benchmark_table(benchmark: dict[str, Any]) -> str:
    """Make the table of the t-SNE engine beside others, from ``results/benchmark.json``."""
    rows = [
        [name, f"{ours:.4g}", f"{theirs:.4g}", other, f"{ratio:.3g}"]
        for name, other, ours, theirs, ratio, _, _ in benchmark["goals"]
        if ours is not None
    ]
    return _table(["", "this engine", "the other", "which other", "ratio"], rows)


def million_table(million: dict[str, Any]) -> str:
    """Make the table of a million points, ``results/million.json``: a row a map."""

    def took(step: dict[str, Any]) -> str:
        return f"{step['seconds']:.0f} ({step['cpu_seconds']:.0f})"

    def beside(row: dict[str, Any]) -> list[str]:
        shares = ("same_label_nearest", "same_original_nearest", "neighbors_kept")
        return [f"{row[share]:.1%}" for share in shares]

    rows = [
        [
            f"{million['points']:,} digits, {name}",
            took(million["steps"]["neighbours"]),
            took(row),
            f"{row['memory_beside_rows'] / 1e9:.1f} ({row['estimated_memory'] / 1e9:.1f})",
            f"{million['recall']:.4f}",
            *beside(row),
        ]
        for name, row in million["maps"].items()
    ]
    placed = million["placed"]
    what = f"{placed['fitted']:,} of them, 2-D, all others placed"
    rows.append([what, "", took(placed), "", "", *beside(placed)])
    head = ["", "neighbours, s (CPU s)", "map, s (CPU s)", "memory, GB (estimated)", "recall",
            "same digit beside", "copy of the same digit beside", "neighbours kept"]  # fmt: skip
    return _table(head, rows)


def scale_table(scale: dict[str, Any]) -> str:
    """Make the table of many images, ``results/scale.json``: a row a number of images."""
    rows = []
    for row in scale["rows"]:
        memory = max(row["cluster"]["peak_memory_mb"].values())
        scored = row["accuracy"]
        seconds = [sum(row["fit_seconds"].values()), row["placing_seconds"]]
        rows.append(
            [
                f"{row['images']:,}",
                *(f"{each:,.0f}" for each in seconds),
                f"{row['placed_a_second_and_core']:,}",
                f"{memory / 1000:.1f}",
                str(row["n_clusters"]),
                *(_percent(scored[part]) for part in ("placed_without_original", "mnist_test")),
            ]
        )
    head = ["deformed digits", "map of 60,000, s", "all placed, s", "images a second and core",
            "GB a process", "clusters", "placed correctly", "MNIST's test digits"]  # fmt: skip
    return _table(head, rows)


def _table(head: list[str], rows: list[list[str]]) -> str:
    """Write a table, without columns that hold nothing; the empty string if there are no rows."""
    if not rows:
        return ""
    kept = [i for i in range(len(head)) if any(row[i] for row in rows)]
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line[i] for i in kept)} |" for line in lines)


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.2%}"


def render_readme(text: str) -> str:
    """Return a README with the tables between ``<!-- NAME -->`` and ``<!-- /NAME -->`` renewed."""
    results = project_root() / "results"
    metrics, benchmark, million, all_digits, scale = (
        json.loads((results / f"{name}.json").read_text("utf-8"))
        for name in ("metrics", "benchmark", "million", "all_digits", "scale")
    )
    tables = {
        "results": results_table(metrics),
        "published": published_table(metrics, all_digits),
        "all_digits": tell_all_digits(all_digits),
        "benchmark": benchmark_table(benchmark),
        "million": million_table(million),
        "scale": scale_table(scale),
    }
    for name, table in tables.items():
        pattern = rf"(<!-- {name} -->\n).*?(\n<!-- /{name} -->)"
        text, found = re.subn(pattern, rf"\g<1>{table}\g<2>", text, flags=re.DOTALL)
        if found != 1:
            raise ValueError(f"README.md has {found} places for the table '{name}' instead of 1.")
    return text


def update_readme() -> None:
    """Rewrite the README's tables in place."""
    path = project_root() / "README.md"
    write_atomically(path, render_readme(path.read_text("utf-8")).encode())
