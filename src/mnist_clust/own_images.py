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
from matplotlib.figure import Figure
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score

from mnist_clust import plots, scores
from mnist_clust._model_file import MODEL_FILE
from mnist_clust._write import (
    digest,
    read_record,
    remove_recorded,
    sole_writer,
    to_json,
    write_atomically,
    write_together,
)
from mnist_clust.data import Digits, Images, Labels, NewImages, known_only
from mnist_clust.pipeline import ImageClusterer, timed
from mnist_clust.silhouettes import map_silhouettes

SHOWN = 240  # images on a contact sheet
MOST_SHEETS = 100  # looked for, where nobody said how many clusters there will be
SUMMARY = "summary.json"


def cluster_images(
    digits: Digits, n_clusters: int | str, folder: str | os.PathLike[str]
) -> dict[str, Any]:
    """Cluster the training images, assign the test images, and write all of it to a folder.

    Parameters
    ----------
    digits : Digits
    n_clusters : int or "auto"
    folder : path
        Gets ``clusters.csv``, ``summary.json``, ``map.png``, a contact sheet of each cluster and
        ``model.npz``, all at the end and together. Of what lies there, only files that an earlier
        run recorded in ``summary.json`` are replaced or removed. While another run writes there,
        this one waits.

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
        seconds = dict(model.seconds_)
        with timed("new images", seconds, verbose=True):
            assigned = model.assign(digits.test_images)
            unlike = model.difference(digits.test_images)
        model.form_ = digits.form
        unseen = assigned.cluster.to_numpy()
        places = assigned[["x", "y"]].to_numpy(np.float32)
        known = map_silhouettes(model.embedding_, model.labels_)
        new = map_silhouettes(model.embedding_, model.labels_, (places, unseen))
        parts = [
            _table("train", digits.train_index, model.labels_, model.embedding_, known,
                   digits.train_labels),
            _table("test", digits.test_index, unseen, places, new, digits.test_labels),
        ]  # fmt: skip
        if digits.files:
            of_test = digits.test_index + (0 if digits.split else len(digits.train_images))
            for part, index in zip(parts, (digits.train_index, of_test), strict=True):
                part.insert(1, "file", _names([digits.files[i] for i in index]))
        with timed("pictures", seconds, verbose=True):
            files = _draw_pictures(digits.train_images, model, known)
        summary = summarise(digits, model, unseen, float(known.mean())) | {"seconds": seconds}
        summary["notices"] = [*digits.notices, *([f"Unseen images: {unlike}"] if unlike else [])]
        files["clusters.csv"] = _csv(pd.concat(parts))
        files[MODEL_FILE] = model.packed()
        record = {name: digest(content) for name, content in sorted(files.items())}
        stale = {name: known for name, known in earlier.items() if name not in record}
        # The record goes first: what a killed run leaves is then known for what it is.
        contents = {SUMMARY: to_json(summary | {"files": record | stale})} | files
        write_together({folder / name: content for name, content in contents.items()})
        if stale:
            remove_recorded(folder, stale)
            write_atomically(folder / SUMMARY, to_json(summary | {"files": record}))
        return summary


def _recorded(folder: Path) -> dict[str, str]:
    """Return the digests of the files that an earlier run wrote."""
    files = read_record(folder / SUMMARY, "digest", "n_clusters", "files").get("files")
    return files if isinstance(files, dict) else {}


def _refuse_others(folder: Path, n_clusters: int | str, earlier: Mapping[str, str]) -> None:
    """Refuse, before any work, to write over files that no earlier run wrote."""
    sheets = range(int(n_clusters) if n_clusters != "auto" else MOST_SHEETS)
    names = ["clusters.csv", "map.png", MODEL_FILE, *map(_sheet, sheets)]
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


def _names(files: Sequence[str]) -> pd.Series:
    return pd.Series(list(files), dtype=object)  # of text, which they need not be, pandas asks more


def _csv(table: pd.DataFrame) -> bytes:
    # A file's name need not be text: its bytes are then written as they are.
    return bytes(table.to_csv(index=False).encode(errors="surrogateescape"))


def _table(
    split: str,
    index: npt.NDArray[np.int64],
    clusters: npt.NDArray[np.integer],
    places: npt.NDArray[np.float32],
    silhouettes: npt.NDArray[np.float32],
    labels: Labels | None,
) -> pd.DataFrame:
    """Make the rows of one split."""
    columns = {
        "index": index,
        "split": split,
        "cluster": clusters,
        "x": places[:, 0].round(4),
        "y": places[:, 1].round(4),
        "silhouette": silhouettes.round(4),
    }
    return pd.DataFrame(columns if labels is None else columns | {"label": labels})


def summarise(
    digits: Digits,
    model: ImageClusterer,
    unseen: npt.NDArray[np.integer],
    silhouette: float,
) -> dict[str, Any]:
    """Sum a clustering up in numbers; those that need labels only where there are some.

    Parameters
    ----------
    digits : Digits
    model : ImageClusterer
        Fitted on the training images.
    unseen : ndarray of int, shape (n_test,)
        Clusters of the test images.
    silhouette : float
        Mean over the training images.

    Returns
    -------
    dict
    """
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
        names = scores.name_one_to_one(model.labels_, digits.train_labels, model.n_clusters_)
        accuracy = scores.accuracy(digits.train_labels, model.labels_, names)
        summary["accuracy"] = round(accuracy, 4)
        if digits.test_labels is not None:
            accuracy = scores.accuracy(digits.test_labels, unseen, names)
            summary["accuracy_test"] = round(accuracy, 4)
        pair = known_only(digits.train_labels, model.labels_)
        summary["ami"] = round(float(adjusted_mutual_info_score(*pair)), 4)
        summary["ari"] = round(float(adjusted_rand_score(*pair)), 4)
    return summary


def _draw_pictures(
    images: Images, model: ImageClusterer, silhouettes: npt.NDArray[np.float32]
) -> dict[str, bytes]:
    """Draw the map and a contact sheet of each cluster, by file name."""
    k = model.n_clusters_
    title = f"{len(images):,} images in {k} clusters"
    drawn = plots.map_of_images(images, model.embedding_, model.labels_, title=title)
    files = {"map.png": _png(drawn)}
    for cluster in range(k):
        members = np.flatnonzero(model.labels_ == cluster)
        # From the surest to the least sure, evenly: the end of a sheet shows the doubtful ones.
        members = members[np.argsort(-silhouettes[members], kind="stable")]
        chosen = members[np.linspace(0, len(members) - 1, min(SHOWN, len(members))).astype(int)]
        title = f"Cluster {cluster}: {len(members):,} images, the surest first"
        files[_sheet(cluster)] = _png(plots.contact_sheet(images[chosen], title=title))
    return files


def _png(figure: Figure) -> bytes:
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
        Columns ``index``, ``file`` (of pictures in a folder), ``cluster``, ``x``, ``y`` and
        ``confidence``.

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
    table = model.assign(new.images)
    table = table.round({"x": 4, "y": 4, "confidence": 4}).rename_axis("index").reset_index()
    if new.files:
        table.insert(1, "file", _names(new.files))
    unlike = model.difference(new.images)
    write_atomically(Path(file), _csv(table))
    return table, unlike
