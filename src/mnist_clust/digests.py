"""A digest of each stage, from images to clusters: whether a run gave the committed run's bits."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mnist_clust import embed
from mnist_clust.cache import cached, project_root
from mnist_clust.cluster import fit_kmeans
from mnist_clust.data import Digits
from mnist_clust.machine import processor
from mnist_clust.numerics import OWN, in_force

Stages = Iterator[tuple[Any, ...]]  # of (name, array, …)
FILE = Path("results/digests.json")
DATA_SETS = ("mnist", "sample")  # of which digests are committed
NOTEBOOKS = ("01", "04", "05", "08")


def digest_stages(digits: Digits, notebooks: Collection[str] = NOTEBOOKS) -> dict[str, str]:
    """Digest the stages that notebooks come through, made anew or found in the cache.

    Parameters
    ----------
    digits : Digits
    notebooks : collection of str
        Numbers of notebooks; all by default.

    Returns
    -------
    dict of str to str
        SHA-256 by name of the stage, in order.
    """
    stages = itertools.chain.from_iterable(
        make(digits) for number, make in _STAGES.items() if number in notebooks
    )
    return {name: _digest(arrays) for name, *arrays in stages}


def compare_with_committed(digits: Digits, digests: dict[str, str]) -> str | None:
    """Say whether a run gave the committed run's bits, or which stage is the first to differ.

    Parameters
    ----------
    digits : Digits
    digests : dict of str to str
        From `digest_stages`.

    Returns
    -------
    str or None
        A sentence; None for data of which nothing is committed.
    """
    committed = read_committed().get(digits.name)
    if committed is None or not digests:
        return None
    differing = [name for name, digest in digests.items() if committed.get(name) != digest]
    if not differing:
        return "The same bits as the committed run, in every stage."
    code = {OWN: "its own code"}.get(in_force(), f"the code for {in_force()}")
    return (
        f"Not the bits of the committed run: the first stage that differs is '{differing[0]}' "
        f"(on {processor()}, {code})."
    )


def read_committed() -> dict[str, dict[str, str]]:
    """Return the digests of the committed run, by data set and stage."""
    path = project_root() / FILE
    return json.loads(path.read_text("utf-8")) if path.is_file() else {}


def _digest(arrays: Iterable[npt.NDArray[np.generic]]) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _pixels(digits: Digits) -> Stages:
    yield "pixels", *digits.flatten()


def _plain_maps(digits: Digits) -> Stages:
    images = digits.train_images
    _, rows = embed.pixel_components(images)
    graph = embed.find_neighbors(rows)
    yield "components", rows
    yield "neighbors", graph.indices, graph.distances
    yield "plain map, 2-D", embed.plain_map(images).embedding
    yield "plain map, 3-D", embed.plain_map(images, 3).embedding


def _plain_clusters(digits: Digits) -> Stages:
    plane = embed.plain_map(digits.train_images).embedding
    yield "clusters of the plain map", cached(fit_kmeans)(plane, 10, random_state=0).labels_


def _sharp(digits: Digits) -> Stages:
    model = embed.sharp_map(digits.train_images)
    yield "features", model.rows_
    yield "neighbors by features", model.neighbors_.indices, model.neighbors_.distances
    yield "sharp map", model.embedding_
    yield "clusters of the sharp map", model.labels_


_STAGES = {"01": _pixels, "04": _plain_maps, "05": _plain_clusters, "08": _sharp}
