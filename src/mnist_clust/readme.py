"""Writes the README's tables from results/*.json, so that no number is copied by hand."""

from __future__ import annotations

import json
import re
from typing import Any

from mnist_clust.cache import project_root
from mnist_clust.run import write_atomically

_RESULTS = [
    ("Raw pixels → KMeans(10), by majority", "raw_accuracy", "59.3% (test)"),
    ("Raw pixels → KMeans(10), one-to-one", "raw_accuracy_one_to_one", ""),
]


def results_table(metrics: dict[str, Any]) -> str:
    """Make the table of results in Markdown.

    Parameters
    ----------
    metrics : dict
        The content of ``results/metrics.json``.
    """
    numbers = metrics["numbers"]
    lines = [
        "| | 60,000 training digits | 10,000 unseen digits | before |",
        "|---|---|---|---|",
    ]
    for title, name, before in _RESULTS:
        shown = [_percent(numbers.get(f"{name}_{part}")) for part in ("train", "test")]
        lines.append(f"| {title} | {shown[0]} | {shown[1]} | {before} |")
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
    metrics = json.loads((project_root() / "results" / "metrics.json").read_text("utf-8"))
    for name, table in {"results": results_table(metrics)}.items():
        pattern = rf"(<!-- {name} -->\n).*?(\n<!-- /{name} -->)"
        text, found = re.subn(pattern, rf"\g<1>{table}\g<2>", text, flags=re.DOTALL)
        if found != 1:
            raise ValueError(f"README.md has {found} places for the table '{name}' instead of 1.")
    return text


def update_readme() -> None:
    """Rewrite the README in place."""
    path = project_root() / "README.md"
    write_atomically(path, render_readme(path.read_text("utf-8")).encode())
