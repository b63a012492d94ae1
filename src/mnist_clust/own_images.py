"""Cluster somebody's images and write down what came of it; place more of them later."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.figure import Figure
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score

from mnist_clust import plots, scores
from mnist_clust._files import sole_writer, to_json, write_atomically, write_together
from mnist_clust.cluster import name_one_to_one
from mnist_clust.data import Digits, Images, Labels
from mnist_clust.pipeline import MODEL_FILE, ImageClusterer, timed
from mnist_clust.silhouettes import map_silhouettes

SHOWN = 240  # images on a contact sheet


def cluster_images(digits: Digits, n_clusters: int | str, folder: Path) -> dict[str, Any]:
    """Cluster the training images, assign the test images, and write all of it to a folder.

    Parameters
    ----------
    digits : Digits
    n_clusters : int or "auto"
    folder : Path
        Gets ``clusters.csv``, ``summary.json``, ``map.png``, a contact sheet of each cluster and
        ``model.npz``, all at the end and together. While another run writes there, this one waits.

    Returns
    -------
    dict
        What ``summary.json`` holds.
    """
    with sole_writer(folder):
        model = ImageClusterer(n_clusters, verbose=True).fit(digits.train_images)
        seconds = dict(model.seconds_)
        with timed("new images", seconds, verbose=True):
            newcomers = model.assign(digits.test_images)
        unseen = newcomers.cluster.to_numpy()
        places = newcomers[["x", "y"]].to_numpy(np.float32)
        known = map_silhouettes(model.embedding_, model.labels_)
        new = map_silhouettes(model.embedding_, model.labels_, (places, unseen))
        parts = [
            _table("train", digits.train_index, model.labels_, model.embedding_, known,
                   digits.train_labels),
            _table("test", digits.test_index, unseen, places, new, digits.test_labels),
        ]  # fmt: skip
        with timed("pictures", seconds, verbose=True):
            files = _draw_pictures(digits.train_images, model, known)
        summary = summarise(digits, model, unseen, float(known.mean())) | {"seconds": seconds}
        files["clusters.csv"] = pd.concat(parts).to_csv(index=False).encode()
        files[MODEL_FILE] = model.packed()
        files["summary.json"] = to_json(summary)
        write_together({folder / name: content for name, content in files.items()})
        for sheet in folder.glob("cluster_*.png"):
            if sheet.name not in files:
                sheet.unlink()
        return summary


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
        "silhouettes": {str(k): round(value, 4) for k, value in model.silhouettes_.items()},
    }
    if digits.train_labels is not None:
        names = name_one_to_one(model.labels_, digits.train_labels, model.n_clusters_)
        accuracy = scores.accuracy(digits.train_labels, model.labels_, names)
        summary["accuracy"] = round(accuracy, 4)
        if digits.test_labels is not None:
            accuracy = scores.accuracy(digits.test_labels, unseen, names)
            summary["accuracy_test"] = round(accuracy, 4)
        pair = digits.train_labels, model.labels_
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
        files[f"cluster_{cluster:02}.png"] = _png(plots.contact_sheet(images[chosen], title))
    return files


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120)
    return buffer.getvalue()


def assign_images(images: Images, model_folder: Path, file: Path) -> pd.DataFrame:
    """Place images on a saved map and write their clusters to a CSV file.

    Parameters
    ----------
    images : ndarray of uint8, shape (n, height, width)
    model_folder : Path
        What `cluster_images` wrote.
    file : Path
        Columns ``index``, ``cluster``, ``x``, ``y`` and ``sureness``.

    Returns
    -------
    DataFrame
        What the file holds.
    """
    table = ImageClusterer.load(model_folder).assign(images)
    table = table.round({"x": 4, "y": 4, "sureness": 4}).rename_axis("index").reset_index()
    write_atomically(file, table.to_csv(index=False).encode())
    return table
