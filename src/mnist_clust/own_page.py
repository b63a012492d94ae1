"""The page that `cluster` writes: the map, what each cluster holds, and how well it fits labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import pandas as pd

from image_files.labels import UNLABELLED

PAGE = "index.html"
_MAX_CLASSES = 40  # more make a table that nobody reads
_STYLE = """
:root { color-scheme: light dark; --line: #8886; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 75rem; margin: 0 auto; padding: 1rem; }
img { max-width: 100%; height: auto; background: #fff; border-radius: .3rem; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
th, td { border: 1px solid var(--line); padding: .2rem .6rem; text-align: right; }
td span { display: block; margin: -.2rem -.6rem; padding: .2rem .6rem; }
td a { padding-left: .5rem; }
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
    numbers = {said: f"{summary[key]:,}" for key, said in _SUMMED.items() if key in summary}
    names = list(table.groupby("cluster").name.first().map(escape))
    parts = [
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{escape(title)}</h1>",
        *(f'<p class="notice">{escape(notice)}</p>' for notice in summary["notices"]),
        _html(pd.Series(numbers).to_frame(), header=False),
        "<h2>Map</h2><p>Images that look alike lie close together. Each is a dot in the colour of "
        "its cluster, and some are drawn in their places; its name stands above each cluster.</p>",
        '<img src="map.png" alt="Map of the images, named and coloured by cluster">',
        f"<h2>Clusters</h2>{_legend(table, names, colors)}",
        _confusion(table),
        "<h2>Contact sheets</h2><p>From the most typical images to the doubtful ones.</p>",
        *(
            f'<h3 id="cluster-{cluster}">{name} (cluster {cluster})</h3>'
            f'<img src="{sheets[cluster]}" loading="lazy" alt="Images of cluster {cluster}">'
            for cluster, name in enumerate(names)
        ),
        '<h2>Files</h2><p><a href="clusters.csv">clusters.csv</a> has a row for each image, '
        '<a href="summary.json">summary.json</a> these numbers. To place more images on this map: '
        "<code>python -m mnist_clust assign IMAGES --model FOLDER</code>, with this folder.</p>"
        "</body></html>\n",
    ]
    return "\n".join(parts).encode(errors="replace")  # a file's name need not be text


def _html(table: pd.DataFrame, **options: Any) -> str:
    """Write a table, whose cells may be HTML already."""
    return str(table.to_html(escape=False, border=0, **options))


def _legend(table: pd.DataFrame, names: Sequence[str], colors: Sequence[str]) -> str:
    """List the clusters in their colours, with their sizes and what they are made of."""
    clusters = table.groupby("cluster")
    links = [
        f'<a href="#cluster-{cluster}" style="border-left:1rem solid {color}">{name}</a>'
        for cluster, (name, color) in enumerate(zip(names, colors, strict=True))
    ]
    listed = pd.DataFrame({"name": links, "images": clusters.size()})
    listed["doubtful"] = clusters.doubtful.sum()
    if (pure := purity(table)) is not None:
        shares = pure.reindex(listed.index)
        listed["of that label"] = shares.map("{:.1%}".format).where(shares.notna(), "no labels")
    return _html(listed.rename_axis("cluster").reset_index(), index=False)


def _confusion(table: pd.DataFrame) -> str:
    """Show which labels ended up under which name, if there are labels, and not too many."""
    if "label" not in table:
        return ""
    known = table[table.label != UNLABELLED]
    counts = pd.crosstab(known.label, known.name.map(escape))
    if not counts.size or max(counts.shape) > _MAX_CLASSES:
        return ""
    counts = counts[sorted(counts, key=lambda name: (not name.isdecimal(), name.zfill(20)))]
    shares = counts.div(counts.sum(axis=1), axis=0).round(2).astype(str)
    cells = '<span style="background:rgb(63 144 218 / ' + shares + ')">' + counts.astype(str)
    return (
        "<h2>Confusion matrix</h2><p>Rows: the label that somebody wrote down. Columns: the name "
        "of the cluster that the image is in, which is the most frequent label there.</p>"
        + _html(cells + "</span>", index_names=False)
    )
