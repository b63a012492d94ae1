"""Writes the README's tables from results/*.json, so that no number is copied by hand."""

from __future__ import annotations

import json
import re
from typing import Any

from mnist_clust._files import write_atomically
from mnist_clust.cache import project_root

# Title, the numbers for training and for unseen digits, and what was published before.
_RAW = "Raw pixels → KMeans(10)"
_FLAT = "t-SNE map, 2-D → KMeans(10)"
_SPACE = "t-SNE map, 3-D → KMeans(10)"
_SHARP = "Sharp map, number of clusters found"
_RESULTS = [
    (f"{_RAW}, by majority", "raw_accuracy_train", "raw_accuracy_test", "59.3% (test)"),
    (f"{_RAW}, one-to-one", "raw_accuracy_one_to_one_train", "raw_accuracy_one_to_one_test", ""),
    (f"{_FLAT}, by majority", "map_accuracy", "", "82.3% (train)"),
    (f"{_FLAT}, one-to-one", "map_accuracy_one_to_one", "", ""),
    (f"{_SPACE}, by majority", "space_accuracy", "", ""),
    (f"{_SPACE}, one-to-one", "space_accuracy_one_to_one", "", ""),
    (f"{_FLAT}, new digits placed on it", "", "placed_accuracy", ""),
    (f"{_SHARP}, by majority", "sharp_accuracy", "sharp_accuracy_test", ""),
    (f"{_SHARP}, one-to-one", "sharp_accuracy_one_to_one", "sharp_accuracy_one_to_one_test", ""),
    ("… and a pupil taught by its clusters", "pupil_accuracy", "pupil_accuracy_test", ""),
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
    full = metrics["data"] == "mnist"
    what = "digits" if metrics["data"] in ("mnist", "sample") else "images"
    head = [f"{metrics['n_train']:,} training {what}", f"{metrics['n_test']:,} unseen {what}"]
    rows = []
    for title, train, test, before in _RESULTS:
        shown = [_percent(metrics["numbers"].get(name)) for name in (train, test)]
        if any(shown):
            rows.append([title, *shown, *([before] if full else [])])
    if not rows:
        return ""
    head += ["before"] if full else []
    lines = [f"| | {' | '.join(head)} |", f"|{'---|' * (len(head) + 1)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def benchmark_table(benchmark: dict[str, Any]) -> str:
    """Make the table of the t-SNE engine's goals in Markdown.

    Parameters
    ----------
    benchmark : dict
        The content of ``results/benchmark.json``.
    """
    lines = ["| | this engine | the other | ratio | goal | |", "|---|---|---|---|---|---|"]
    for name, other, ours, theirs, ratio, goal, reached in benchmark["goals"]:
        title = f"{name}, against {other}" if other else name
        pair = ["", ""] if ours is None else [f"{value:.4g}" for value in (ours, theirs)]
        verdict = "reached" if reached else "**missed**"
        bound = goal.replace(">=", "≥").replace("<=", "≤")
        lines.append(f"| {title} | {' | '.join(pair)} | {ratio:.3g} | {bound} | {verdict} |")
    return "\n".join(lines)


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
