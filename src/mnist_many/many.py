"""Cluster millions of images: a map of a sample, and all others placed on it by Dask's workers."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from matplotlib.colors import to_hex
from pyarrow import parquet

from image_files.chunks import Chunk, Source, within
from image_files.pixels import Size, as_grey, fitted
from image_files.reading import MAX_BYTES, DataError, too_large
from image_files.writing import RUN, SUMMARY, digest, to_json, write_atomically, write_together
from mnist_clust import plots
from mnist_clust.data import Digits, Images
from mnist_clust.model_file import MODEL_FILE
from mnist_clust.own_images import DOUBTFUL, draw_pictures, png
from mnist_clust.pipeline import ImageClusterer
from mnist_clust.plots.style import cluster_colors
from mnist_clust.silhouettes import map_silhouettes
from mnist_clust.timed import timed
from mnist_many.deform import deform, labels_of_copies
from mnist_many.distributed import (
    Contents,
    Helpers,
    Job,
    begun,
    complete,
    connected,
    holds,
    run_record,
    sent_to_all,
    was_sent,
)
from numba_tsne._parallel import side_by_side
from numba_tsne.transform import place_points

PLACED = "clusters.parquet"
SEED = 0  # of the sample
PART = 50_000  # deformed digits in a file
GRID = 500  # cells of the density's picture, along each side

Numbers = npt.NDArray[np.int64]


def cluster_many(
    source: Source, folder: Path, helpers: Helpers, *, n_clusters: int | str, fit_on: int,
    size: Size | None,
) -> dict[str, Any]:  # fmt: skip
    """Cluster a seeded sample in this process, place all other images, and write all of it.

    Parameters
    ----------
    source : Source
    folder : Path
        Gets ``clusters.parquet``, a part for each chunk; ``summary.json``; ``map.png`` and contact
        sheets of the sample; ``density.png`` of all; and ``model.npz``. It must be empty, or a run
        with the same arguments have begun there, which is then gone on with.
    helpers : Helpers
    n_clusters : int or "auto"
    fit_on : int
        Images in the sample.
    size : (int, int), optional

    Returns
    -------
    dict
        What ``summary.json`` holds.

    Raises
    ------
    ValueError
        If the folder holds something else, or the images are none.
    DaskError
        If there are no workers, or they cannot work.
    """
    fit_on = min(fit_on, len(source))
    chosen = np.random.default_rng(SEED).choice(len(source), fit_on, replace=False)
    sample = np.sort(chosen)
    settings = {"source": source.mark, "fit_on": fit_on, "n_clusters": n_clusters, "size": size}
    with begun(folder, settings) as known:
        if not (fit := known.get("fit")) or not holds(folder, known["files"]):
            fit, files = _fit(source, sample, n_clusters, size)
            record = {name: digest(content) for name, content in files.items()}
            kept = to_json(run_record(settings) | {"fit": fit, "files": record})
            contents = {RUN: kept} | files  # the record goes first, to be known for what it is
            write_together({folder / name: content for name, content in contents.items()})
        saved = ImageClusterer.load(folder)  # as a later run will have it
        return _place_all(source, saved, folder, helpers, size, fit, sample)


def assign_many(
    source: Source, folder: Path, helpers: Helpers, *, model: Path, size: Size | None
) -> dict[str, Any]:
    """Place images on the map that `cluster` left in the folder ``model``; see `cluster_many`."""
    saved = ImageClusterer.load(model)
    size = size or (saved.image_shape_ if saved.form_.resized else None)
    first = source.chunks[0]
    _refuse_other_sizes(first.read_grey(saved.form_, size)[0], saved, first.path)
    settings = {"source": source.mark, "model": digest(saved.packed()), "size": size}
    with begun(folder, settings) as known:
        if not known:
            write_atomically(folder / RUN, to_json(run_record(settings)))
        return _place_all(source, saved, folder, helpers, size, {}, np.empty(0, np.int64))


def deform_many(
    digits: Digits, folder: Path, helpers: Helpers, *, count: int, seed: int
) -> dict[str, Any]:
    """Write deformed copies of the training digits, in parts, with their labels beside them."""
    parts = [(start, min(start + PART, count)) for start in range(0, count, PART)]
    settings = {"originals": digits.digest, "count": count, "seed": seed}
    with begun(folder, settings) as known:
        if not known:
            write_atomically(folder / RUN, to_json(run_record(settings)))
        sent = (digits.train_images, digits.train_labels)
        with connected(helpers) as client, sent_to_all(client, sent) as name:
            jobs = [
                Job(f"{number:05}", stop - start, (name, number, start, stop, seed))
                for number, (start, stop) in enumerate(parts)
            ]
            complete(client, folder, jobs, _deformed)
    return {"n_images": count, "n_parts": len(parts)}


def _fit(
    source: Source, sample: Numbers, n_clusters: int | str, size: Size | None
) -> tuple[dict[str, Any], Contents]:
    """Cluster the sample; return what is known of it, and the files that it makes."""
    notices: list[str] = []
    first = source.chunks[0].read(size)
    if len(sample) * first[0].nbytes > MAX_BYTES:
        raise too_large(source.origin, MAX_BYTES)
    (images,), form = as_grey([source.take(sample, size)], source.origin, notices.append)
    images = fitted(images, size)
    model = ImageClusterer(n_clusters, verbose=True).fit(images)
    model.form_ = replace(form, resized=size is not None)
    silhouettes = map_silhouettes(model.embedding_, model.labels_)
    with timed("pictures", model.seconds_, verbose=True):
        colors = list(map(to_hex, cluster_colors(None, model.n_clusters_)))
        files = draw_pictures(images, model, silhouettes, colors)
    files[MODEL_FILE] = model.packed()
    fit = {
        "n_fitted": len(images),
        "silhouette": round(float(silhouettes.mean()), 4),
        "form": asdict(model.form_),
        "notices": notices,
        "seconds": model.seconds_,
    }
    return fit, files


def _placed(sent: str, chunk: Chunk, size: Size | None, own: Numbers, rows: Numbers) -> Contents:
    """Place a chunk on the map that was sent, on one thread."""
    given = (was_sent(sent), chunk, size, own, rows)
    (content,) = side_by_side([joblib.delayed(_table)(*given)], n_jobs=1)
    return {_part(chunk): content}


def _part(chunk: Chunk) -> str:
    return f"{PLACED}/part-{chunk.first:012}.parquet"


def _table(
    model: ImageClusterer, chunk: Chunk, size: Size | None, own: Numbers, rows: Numbers
) -> bytes:
    """Describe and place images; those that the map was made of stay where they are on it."""
    images, notices = chunk.read_grey(model.form_, size)
    _refuse_other_sizes(images, model, chunk.path)
    near = model.nearest(images)
    clusters, shares = model.vote(near)
    places = place_points(near, model.embedding_)
    distances = near.distances[:, 0].copy()
    clusters[own], places[own], distances[own] = model.labels_[rows], model.embedding_[rows], 0
    columns = {
        "index": np.arange(chunk.first, chunk.first + len(chunk)),
        "cluster": clusters.astype(np.int32),
        "x": places[:, 0].round(4),
        "y": places[:, 1].round(4),
        "confidence": shares.round(4).astype(np.float32),
        "distance": distances.round(4),
        "far": distances > (model._usual.far if model._usual else np.inf),
        "fitted": np.isin(np.arange(len(chunk)), own),
    }
    if chunk.pictures:
        names = [os.fsencode(name).decode(errors="replace") for name in chunk.pictures]
        columns["file"] = np.array(names, object)
    table = pa.table(columns).replace_schema_metadata({"notices": json.dumps(notices)})
    parquet.write_table(table, written := io.BytesIO())
    return written.getvalue()


def _refuse_other_sizes(images: Images, model: ImageClusterer, path: Path) -> None:
    if images.shape[1:] != model.image_shape_:
        here, there = ("×".join(map(str, s)) for s in (images.shape[1:], model.image_shape_))
        raise DataError(
            f"{path} holds images of {here} pixels and the map was made of {there}: bring them to "
            "that size (--size)."
        )


def _deformed(sent: str, number: int, start: int, stop: int, seed: int) -> Contents:
    """Make a part of the deformed digits, on one thread."""
    images, labels = was_sent(sent)
    numbers = np.arange(start, stop)
    (copies,) = side_by_side([joblib.delayed(deform)(images, numbers, seed=seed)], n_jobs=1)
    arrays = {"images": copies}
    if labels is not None:
        small = labels.min() >= 0 and labels.max() <= np.iinfo(np.uint8).max
        kind = np.uint8 if small else np.int64
        arrays["labels"] = labels_of_copies(labels, numbers).astype(kind)
    files = {}
    for name, array in arrays.items():
        np.save(written := io.BytesIO(), array)
        files[f"{name}-{number:05}.npy"] = written.getvalue()
    return files


def _place_all(
    source: Source, model: ImageClusterer, folder: Path, helpers: Helpers, size: Size | None,
    fit: dict[str, Any], sample: Numbers,
) -> dict[str, Any]:  # fmt: skip
    """Let workers place every chunk; sum up what they found."""
    seconds = dict(fit.get("seconds", {}))
    with (
        timed("placing", seconds, verbose=False),
        connected(helpers) as client,
        sent_to_all(client, model) as name,
    ):
        jobs = []
        for chunk in source.chunks:
            own = within(sample, chunk)
            rows = np.searchsorted(sample, chunk.first) + np.arange(len(own))
            jobs.append(Job(_part(chunk), len(chunk), (name, chunk, size, own, rows)))
        complete(client, folder, jobs, _placed)
    summary = {"data": source.origin.name, **fit, **_sum_up(folder, jobs, model)}
    summary["seconds"] = seconds
    write_atomically(folder / SUMMARY, to_json(summary))
    return summary


def _sum_up(folder: Path, jobs: Sequence[Job], model: ImageClusterer) -> dict[str, Any]:
    """Count what the parts hold, one after the other, and draw where all images lie."""
    margin = 0.1 * np.ptp(model.embedding_, axis=0)  # new images may lie outside
    low, high = model.embedding_.min(axis=0) - margin, model.embedding_.max(axis=0) + margin
    edges = [np.linspace(low[axis], high[axis], GRID + 1) for axis in (0, 1)]
    grid = np.zeros((GRID, GRID), np.int64)
    sizes = np.zeros(model.n_clusters_, np.int64)
    doubtful = far = 0
    notices: list[str] = []
    for job in jobs:
        table = parquet.read_table(folder / job.name)
        notices += json.loads(table.schema.metadata[b"notices"])
        column = {name: table[name].to_numpy() for name in ("cluster", "x", "y", "confidence")}
        sizes += np.bincount(column["cluster"], minlength=len(sizes))
        places = np.stack([column["x"], column["y"]]).T.clip(low, high)
        grid += np.histogram2d(places[:, 0], places[:, 1], edges)[0].astype(np.int64)
        doubtful += int((column["confidence"] < DOUBTFUL).sum())
        far += int(table["far"].to_numpy().sum())
    n = int(sizes.sum())
    middles = {
        cluster: tuple(np.median(model.embedding_[model.labels_ == cluster], axis=0).tolist())
        for cluster in range(len(sizes))
    }
    extent = (low[0], high[0], low[1], high[1])
    figure = plots.density_map(
        grid, extent, middles, title=f"{n:,} images in {len(sizes)} clusters"
    )
    write_atomically(folder / "density.png", png(figure))
    return {
        "n_images": n,
        "n_clusters": len(sizes),
        "sizes": sizes.tolist(),
        "doubtful": doubtful,
        "far": far,
        "other_forms": notices,
    }
