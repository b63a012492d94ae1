"""Cluster somebody's images and write down what came of it; place more of them later."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.colors import to_hex, to_rgba_array
from matplotlib.figure import Figure
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score

from image_files.writing import (
    SUMMARY,
    digest,
    read_record,
    remove_recorded,
    sole_writer,
    to_json,
    write_atomically,
    write_together,
)
from mnist_clust import plots, scores
from mnist_clust.cluster import letters
from mnist_clust.data import Digits, Images, Labels, NewImages, known_only
from mnist_clust.islands import agreement
from mnist_clust.model_file import MODEL_FILE
from mnist_clust.own_page import PAGE, page, purity
from mnist_clust.pipeline import ImageClusterer
from mnist_clust.plots.style import cluster_colors
from mnist_clust.scores import UNNAMED, name_by_majority, name_one_to_one
from mnist_clust.silhouettes import map_silhouettes
from mnist_clust.timed import timed

SHOWN = 240  # images on a contact sheet
DOUBTFUL = 0.5  # less confidence than this
MAP_CELLS = 36  # along each side of the map, with an image in each
BADGE: Any = {
    "ha": "center", "va": "bottom", "color": "white", "weight": "bold",
    "bbox": {"boxstyle": "round,pad=0.3", "fc": "#1f2933", "ec": "white"},
}  # fmt: skip
MOST_SHEETS = 100  # looked for, where nobody said how many clusters there will be


def cluster_images(
    digits: Digits, n_clusters: int | str, folder: str | os.PathLike[str]
) -> dict[str, Any]:
    """Cluster the training images, assign the test images, and write all of it to a folder.

    Parameters
    ----------
    digits : Digits
    n_clusters : int or "auto"
    folder : path
        Gets ``index.html``, which shows ``map.png`` and a contact sheet of each cluster;
        ``clusters.csv``, ``summary.json`` and ``model.npz``; all at the end and together. Of what
        lies there, only files that an earlier run recorded in ``summary.json`` are replaced or
        removed. While another run writes there, this one waits.

    Returns
    -------
    dict
        What ``summary.json`` holds.

    Raises
    ------
    ValueError
        If somebody else's files are in the way, or nothing can be clustered.
    """
    folder = Path(folder)
    with sole_writer(folder):
        earlier = _recorded(folder)
        _refuse_others(folder, n_clusters, earlier)
        model = ImageClusterer(n_clusters, verbose=True).fit(digits.train_images)
        _refuse_others(folder, model.n_clusters_, earlier)  # where it found more than looked for
        model.form_ = digits.form
        model.names_ = name_clusters(model, digits.train_labels)
        table, summary = _found(digits, model)
        with timed("pictures", summary["seconds"], verbose=True):
            colors = _colors(table)
            silhouettes = table[table.split == "train"].silhouette.to_numpy()
            files = draw_pictures(digits.train_images, model, silhouettes, colors, purity(table))
        files[PAGE] = page(summary, table, [*map(_sheet, range(len(colors)))], colors)
        files["clusters.csv"] = _csv(table)
        files[MODEL_FILE] = model.packed()
        _replace(folder, summary, files, earlier)
        return summary


def _found(digits: Digits, model: ImageClusterer) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Say of each image, and of all of them, what was found."""
    seconds = dict(model.seconds_)
    with timed("new images", seconds, verbose=True):
        new = model.assign(digits.test_images)
        unlike = model.difference(digits.test_images)
    x, y = model.embedding_.T
    confidence = agreement(model.labels_, model.neighbors_)
    known = {"cluster": model.labels_, "x": x, "y": y, "confidence": confidence}
    silhouettes = map_silhouettes(model.embedding_, model.labels_)
    placed = new[["x", "y"]].to_numpy(np.float32), new.cluster.to_numpy()
    new["silhouette"] = map_silhouettes(model.embedding_, model.labels_, placed)
    table = pd.concat([
        _table(digits, "train", pd.DataFrame(known).assign(silhouette=silhouettes), model.names_),
        _table(digits, "test", new, model.names_),
    ])  # fmt: skip
    summary = summarise(digits, model, placed[1], float(silhouettes.mean()))
    summary |= {"n_doubtful": int(table.doubtful.sum()), "seconds": seconds}
    summary["notices"] = [*digits.notices, *([f"Unseen images: {unlike}"] if unlike else [])]
    return table, summary


def _replace(
    folder: Path, summary: dict[str, Any], files: dict[str, bytes], earlier: Mapping[str, str]
) -> None:
    """Write all files together, and remove those of the run before that this one has not."""
    record = {name: digest(content) for name, content in sorted(files.items())}
    stale = {name: known for name, known in earlier.items() if name not in record}
    # The record goes first: what a killed run leaves is then known for what it is.
    contents = {SUMMARY: to_json(summary | {"files": record | stale})} | files
    write_together({folder / name: content for name, content in contents.items()})
    if stale:
        remove_recorded(folder, stale)
        write_atomically(folder / SUMMARY, to_json(summary | {"files": record}))


def _recorded(folder: Path) -> dict[str, str]:
    """Return the digests of the files that an earlier run wrote."""
    files = read_record(folder / SUMMARY, "digest", "n_clusters", "files").get("files")
    return files if isinstance(files, dict) else {}


def _refuse_others(folder: Path, n_clusters: int | str, earlier: Mapping[str, str]) -> None:
    """Refuse to write over files that no earlier run wrote."""
    sheets = range(int(n_clusters) if n_clusters != "auto" else MOST_SHEETS)
    names = [PAGE, "clusters.csv", "map.png", MODEL_FILE, *map(_sheet, sheets)]
    if not earlier:
        names.append(SUMMARY)
    for name in names:
        path = folder / name
        if name not in earlier and (path.is_dir() or (path.is_file() and path.stat().st_size)):
            raise ValueError(
                f"{folder} holds {name}, which 'cluster' did not write and would write over: give "
                "another folder, or move that away."
            )


def _sheet(cluster: int) -> str:
    return f"cluster_{cluster:02}.png"


def name_clusters(model: ImageClusterer, labels: Labels | None) -> list[str]:
    """Name each cluster by its most frequent label, or by a letter where there is none."""
    n = model.n_clusters_
    if labels is None:
        return letters(n)
    found = name_by_majority(model.labels_, labels, n).tolist()
    return [x if name == UNNAMED else str(name) for name, x in zip(found, letters(n), strict=True)]


def _table(digits: Digits, split: str, found: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Add to what was found of one split's images where they come from and what they are."""
    train = split == "train"
    index = digits.train_index if train else digits.test_index
    labels = digits.train_labels if train else digits.test_labels
    table = found[["cluster", "x", "y", "silhouette", "confidence"]]
    table = table.round({"x": 4, "y": 4, "silhouette": 4, "confidence": 4})
    table["doubtful"] = found.confidence < DOUBTFUL
    table.insert(1, "name", np.array(names, object)[found.cluster])
    table.insert(0, "index", index)
    if digits.files:
        start = 0 if train or digits.split else len(digits.train_images)
        table.insert(1, "file", _names([digits.files[start + i] for i in index]))
    table.insert(2 if digits.files else 1, "split", split)
    return table if labels is None else table.assign(label=labels)


def _names(files: Sequence[str]) -> pd.Series:
    return pd.Series(list(files), dtype=object)  # of text, which they need not be, pandas asks more


def _csv(table: pd.DataFrame) -> bytes:
    # A file's name need not be text: its bytes are then written as they are.
    return bytes(table.to_csv(index=False).encode(errors="surrogateescape"))


def summarise(
    digits: Digits, model: ImageClusterer, unseen: npt.NDArray[np.integer], silhouette: float
) -> dict[str, Any]:
    """Sum a clustering up in numbers; those that need labels only where there are some."""
    summary: dict[str, Any] = {
        "data": digits.name,
        "digest": digits.digest,
        "n_images": len(digits.train_images) + len(digits.test_images),
        "n_clusters": model.n_clusters_,
        "silhouette": round(silhouette, 4),
        "islands": model.islands_.round({"share": 4}).to_dict("records"),
        "form": asdict(digits.form),
    }
    if digits.train_labels is not None:
        names = name_one_to_one(model.labels_, digits.train_labels, model.n_clusters_)
        pair = known_only(digits.train_labels, model.labels_)
        scored = {"accuracy": scores.accuracy(digits.train_labels, model.labels_, names)}
        if digits.test_labels is not None:
            scored["accuracy_test"] = scores.accuracy(digits.test_labels, unseen, names)
        scored |= {"ami": adjusted_mutual_info_score(*pair), "ari": adjusted_rand_score(*pair)}
        summary |= {name: round(float(score), 4) for name, score in scored.items()}
    return summary


def _colors(table: pd.DataFrame) -> list[str]:
    """Give clusters the colours of the labels they are named after, if they are."""
    names = pd.to_numeric(table.groupby("cluster").name.first(), errors="coerce")
    labelled = "label" in table and names.notna().any()
    numbers = names.fillna(UNNAMED).to_numpy(np.int64) if labelled else None
    return list(map(to_hex, cluster_colors(numbers, len(names))))


def draw_pictures(
    images: Images, model: ImageClusterer,
    silhouettes: npt.NDArray[np.floating], colors: Sequence[str], pure: pd.Series | None = None,
) -> dict[str, bytes]:  # fmt: skip
    """Draw the map, named, and a contact sheet of each cluster, by file name."""
    title = f"{len(images):,} images in {model.n_clusters_} clusters"
    drawn = plots.map_of_images(
        images, model.embedding_, None, title=title,
        cells=MAP_CELLS, colors=to_rgba_array(colors)[model.labels_, :3],
    )  # fmt: skip
    scaled = model.embedding_ - model.embedding_.min(axis=0)
    scaled *= MAP_CELLS / scaled.max()
    files = {}
    for cluster, name in enumerate(model.names_):
        members = np.flatnonzero(model.labels_ == cluster)
        x, top = np.quantile(scaled[members], [0.5, 0.95], axis=0).ravel()[[0, 3]]
        drawn.axes[0].text(x, top + 1, name, **BADGE)
        # From the surest to the least sure, evenly: the end of a sheet shows the doubtful ones.
        order = np.argsort(-silhouettes[members], kind="stable")
        chosen = members[order[_evenly(len(members), SHOWN)]]
        shown = f"{len(chosen):,} of " if len(chosen) < len(members) else ""
        title = f"{name} (cluster {cluster}): {shown}{len(members):,} images, most typical first"
        if pure is not None and cluster in pure.index:
            title += f"; {pure[cluster]:.1%} have this label"
        files[_sheet(cluster)] = png(plots.contact_sheet(images[chosen], title=title))
    return {"map.png": png(drawn)} | files


def _evenly(n: int, most: int) -> npt.NDArray[np.intp]:
    return np.linspace(0, n - 1, min(most, n)).astype(np.intp)


def png(figure: Figure) -> bytes:
    """Return a figure as the file that it is written as."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120)
    return buffer.getvalue()


def assign_images(
    new: NewImages | Images, model: ImageClusterer | str | os.PathLike[str],
    file: str | os.PathLike[str],
) -> tuple[pd.DataFrame, str | None]:  # fmt: skip
    """Place images on a saved map and write their clusters to a CSV file.

    Parameters
    ----------
    new : NewImages or ndarray of uint8, shape (n, height, width)
    model : ImageClusterer or path
        What `cluster_images` wrote.
    file : path
        Columns ``index``, ``file`` (of pictures in a folder), ``cluster``, its ``name``, ``x``,
        ``y``, ``confidence``, and ``doubtful`` where that is low.

    Returns
    -------
    table : DataFrame
        What the file holds.
    unlike : str or None
        In one sentence, how the images differ from those of the map, if they do.
    """
    if not isinstance(new, NewImages):
        new = NewImages(new)
    if not isinstance(model, ImageClusterer):
        model = ImageClusterer.load(model)
    found = model.assign(new.images)
    table = found.round({"x": 4, "y": 4, "confidence": 4}).rename_axis("index").reset_index()
    table.insert(2, "name", np.array(model.names_, object)[found.cluster])
    table["doubtful"] = found.confidence < DOUBTFUL
    if new.files:
        table.insert(1, "file", _names(new.files))
    unlike = model.difference(new.images)
    write_atomically(Path(file), _csv(table))
    return table, unlike
