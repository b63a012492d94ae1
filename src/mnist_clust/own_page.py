"""The page that `cluster` writes: the map, what each cluster holds, and how well it fits labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import pandas as pd

from mnist_clust._labels import UNLABELLED

PAGE = "index.html"
_MAX_CLASSES = 40  # more make a table that nobody reads
_STYLE = """
:root { color-scheme: light dark; --line: #8886; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 75rem; margin: 0 auto; padding: 1rem; }
img { max-width: 100%; height: auto; background: #fff; border-radius: .3rem; }
table { border-collapse: collapse; }
th, td { border: 1px solid var(--line); padding: .2rem .6rem; text-align: right; }
th[scope=row] { text-align: left; }
.wide { overflow-x: auto; }
.swatch { display: inline-block; width: .9em; height: .9em; border-radius: 50%; }
.notice { border-left: .3rem solid #bd1f01; padding-left: .7rem; }
"""
_SUMMED = {
    "n_images": "images",
    "n_clusters": "clusters",
    "n_doubtful": "doubtful images",
    "silhouette": "mean silhouette",
    "accuracy": "correctly labelled, training images",
    "accuracy_test": "correctly labelled, test images",
    "ami": "adjusted mutual information",
    "ari": "adjusted Rand index",
}


def purity(table: pd.DataFrame) -> pd.Series | None:
    """Return the share of each cluster's labelled images that have its name, if any have labels."""
    if "label" not in table:
        return None
    known = table[table.label != UNLABELLED]
    return (known.label.astype(str) == known.name).groupby(known.cluster).mean()


def page(
    summary: Mapping[str, Any], table: pd.DataFrame, sheets: Sequence[str], colors: Sequence[str]
) -> bytes:
    """Lay results out as one page, which needs no network and no script.

    `table` is ``clusters.csv``; `sheets` are the files with each cluster's contact sheet, and
    `colors` the clusters' on the map. They lie beside the page.
    """
    title = f"{summary['data']}: {summary['n_images']:,} images in {summary['n_clusters']} clusters"
    numbers = [(said, summary[key]) for key, said in _SUMMED.items() if key in summary]
    parts = [
        f"<h1>{escape(title)}</h1>",
        *(f'<p class="notice">{escape(notice)}</p>' for notice in summary["notices"]),
        _table(["", ""], [[said, f"{value:,}"] for said, value in numbers]),
        "<h2>Map</h2><p>Images that look alike lie close together. Each is drawn in its place, in "
        "the colour of its cluster; its name stands above each cluster.</p>",
        '<img src="map.png" alt="Map of the images, named and coloured by cluster">',
        "<h2>Clusters</h2>",
        _legend(table, colors),
        *_confusion(table),
        "<h2>Contact sheets</h2><p>From the most typical images to the doubtful ones.</p>",
        *(
            f'<h3 id="cluster-{cluster}">{escape(name)} (cluster {cluster})</h3>'
            f'<img src="{sheets[cluster]}" loading="lazy" alt="Images of cluster {cluster}">'
            for cluster, name in enumerate(_names(table))
        ),
        '<h2>Files</h2><p><a href="clusters.csv">clusters.csv</a> has a row for each image, '
        '<a href="summary.json">summary.json</a> these numbers. To place more images on this map: '
        "<code>mnist-clust assign IMAGES --model FOLDER</code>.</p>",
    ]
    text = (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>\n"
        + "\n".join(parts)
        + "\n</body></html>\n"
    )
    return text.encode(errors="replace")  # a file's name need not be text


def _names(table: pd.DataFrame) -> list[str]:
    return list(table.groupby("cluster").name.first().sort_index())


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lay out rows, the first cell of each being its head; cells may be HTML."""
    lines = ["".join(f'<th scope="col">{name}</th>' for name in head)] if any(head) else []
    for first, *others in rows:
        written = (cell if cell.startswith("<td") else f"<td>{cell}</td>" for cell in others)
        lines.append(f'<th scope="row">{first}</th>' + "".join(written))
    return '<div class="wide"><table>' + "".join(f"<tr>{x}</tr>" for x in lines) + "</table></div>"


def _legend(table: pd.DataFrame, colors: Sequence[str]) -> str:
    """List the clusters in their colours, with their sizes and what they are made of."""
    pure = purity(table)
    clusters = table.groupby("cluster")
    sizes, doubtful = clusters.size(), clusters.doubtful.sum()
    rows = []
    for cluster, name in enumerate(_names(table)):
        swatch = f'<span class="swatch" style="background:{colors[cluster]}"></span>'
        row = [
            f'{swatch} <a href="#cluster-{cluster}">{escape(name)}</a>',
            str(cluster),
            f"{sizes[cluster]:,}",
            f"{doubtful[cluster]:,}",
        ]
        if pure is not None:
            row.append(f"{pure[cluster]:.1%}" if cluster in pure.index else "no labels")
        rows.append(row)
    head = ["name", "cluster", "images", "doubtful", "of that label"]
    return _table(head[: len(rows[0])], rows)


def _confusion(table: pd.DataFrame) -> list[str]:
    """Show which labels ended up under which name, if there are labels, and not too many."""
    if "label" not in table:
        return []
    known = table[table.label != UNLABELLED]
    counts = pd.crosstab(known.label, known.name)
    if max(counts.shape) > _MAX_CLASSES:
        return []
    order = sorted(counts, key=lambda name: (not name.lstrip("-").isdecimal(), name.zfill(20)))
    rows = [
        [
            escape(str(label)),
            *(
                f'<td style="background:rgb(63 144 218 / {count / max(row.sum(), 1):.2f})">'
                f"{count:,}</td>"
                for count in row[order]
            ),
        ]
        for label, row in counts.iterrows()
    ]
    return [
        "<h2>Confusion matrix</h2><p>Rows: the label that somebody wrote down. Columns: the name "
        "of the cluster that the image is in, which is the most frequent label there.</p>",
        _table(["label", *map(escape, order)], rows),
    ]
