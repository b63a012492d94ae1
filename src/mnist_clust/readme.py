"""Writes the README's tables from results/*.json, so that no number is copied by hand."""

from __future__ import annotations

import json
import re
from typing import Any

from mnist_clust._write import write_atomically
from mnist_clust.cache import project_root
from mnist_clust.published import published_results

_RAW = "Raw pixels → KMeans(10)"
_FLAT = "t-SNE map, 2-D → KMeans(10)"
_SPACE = "t-SNE map, 3-D → KMeans(10)"
_SHARP = "Sharp map, number of clusters found"
# Title; numbers for training, for unseen digits and of ten runs; what was published before.
_RESULTS = [
    (f"{_RAW}, by majority", "raw_accuracy_train", "raw_accuracy_test", "", "59.3% (test)"),
    (
        f"{_RAW}, one-to-one",
        *(f"raw_accuracy_one_to_one_{part}" for part in ("train", "test")),
        "",
        "",
    ),
    ("… from a single start, mean of ten, by majority", "raw_start_mean", "", "raw_start", ""),
    (f"{_FLAT}, by majority", "map_accuracy", "placed_accuracy", "plain", "82.3% (train)"),
    (f"{_FLAT}, one-to-one", "map_accuracy_one_to_one", "", "", ""),
    (f"{_SPACE}, by majority", "space_accuracy", "", "", ""),
    (f"{_SPACE}, one-to-one", "space_accuracy_one_to_one", "", "", ""),
    (f"{_SHARP}, by majority", "sharp_accuracy", "sharp_accuracy_test", "sharp", ""),
    (
        f"{_SHARP}, one-to-one",
        *(f"sharp_accuracy_one_to_one{part}" for part in ("", "_test")),
        "",
        "",
    ),
    ("… and a student taught by its clusters", "student_accuracy", "student_accuracy_test", "", ""),
]


def results_table(metrics: dict[str, Any]) -> str:
    """Make the table of results in Markdown.

    Parameters
    ----------
    metrics : dict
        What a run recorded; the content of its ``metrics.json``.

    Returns
    -------
    str
        A row for each result that the run has; the empty string if it has none. Published
        results stand beside those on full MNIST alone, which they were measured on.
    """
    numbers, rows = metrics["numbers"], []
    for title, train, test, runs, before in _RESULTS:
        scored = [_percent(numbers.get(name)) for name in (train, test)]
        ends = [_percent(numbers.get(f"{runs}_{end}")) for end in ("worst", "best")]
        if any(scored):
            published = before if metrics["data"] == "mnist" else ""
            rows.append([title, *scored, " to ".join(filter(None, ends)), published])
    what = "digits" if metrics["data"] in ("mnist", "sample") else "images"
    parts = [f"{metrics['n_train']:,} training {what}", f"{metrics['n_test']:,} unseen {what}"]
    return _table(["", *parts, "ten runs, training", "before"], rows)


def published_table(metrics: dict[str, Any]) -> str:
    """Make the table of results that others published, with this project's last, in Markdown.

    Parameters
    ----------
    metrics : dict
        Of a run on full MNIST.
    """
    rows = [
        [f"{name} ({row.source})", f"{row.accuracy:.1%}", "the 70,000 clustered", row.clusters]
        for name, row in published_results().iterrows()
    ]
    for part, what in (("", "the 60,000 clustered"), ("_test", "10,000 unseen")):
        accuracy = metrics["numbers"][f"sharp_accuracy_one_to_one{part}"]
        rows.append(["**here**, the sharp map", f"{accuracy:.1%}", what, "found"])
    return _table(["", "one-to-one", "scored on", "ten clusters"], rows)


def benchmark_table(benchmark: dict[str, Any]) -> str:
    """Make the table of the t-SNE engine's goals in Markdown.

    Parameters
    ----------
    benchmark : dict
        The content of ``results/benchmark.json``.
    """
    rows = []
    for name, other, ours, theirs, ratio, goal, reached in benchmark["goals"]:
        title = f"{name}, against {other}" if other else name
        pair = ["", ""] if ours is None else [f"{value:.4g}" for value in (ours, theirs)]
        bound = goal.replace(">=", "≥").replace("<=", "≤")
        rows.append([title, *pair, f"{ratio:.3g}", bound, "reached" if reached else "**missed**"])
    return _table(["", "this engine", "the other", "ratio", "goal", "reached?"], rows)


def _table(head: list[str], rows: list[list[str]]) -> str:
    """Write a table in Markdown, without columns that hold nothing."""
    if not rows:
        return ""
    kept = [i for i in range(len(head)) if any(row[i] for row in rows)]
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line[i] for i in kept)} |" for line in lines)


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.2%}"


def render_readme(text: str) -> str:
    """Return a README's text with its tables made anew.

    Parameters
    ----------
    text : str
        The README; each table stands between ``<!-- NAME -->`` and ``<!-- /NAME -->``.
    """
    tables = {
        "results": results_table(_read("metrics.json")),
        "published": published_table(_read("metrics.json")),
        "benchmark": benchmark_table(_read("benchmark.json")),
    }
    for name, table in tables.items():
        pattern = rf"(<!-- {name} -->\n).*?(\n<!-- /{name} -->)"
        text, found = re.subn(pattern, rf"\g<1>{table}\g<2>", text, flags=re.DOTALL)
        if found != 1:
            raise ValueError(f"README.md has {found} places for the table '{name}' instead of 1.")
    return text


def _read(name: str) -> Any:
    return json.loads((project_root() / "results" / name).read_text("utf-8"))


def update_readme() -> None:
    """Rewrite the README in place."""
    path = project_root() / "README.md"
    write_atomically(path, render_readme(path.read_text("utf-8")).encode())
