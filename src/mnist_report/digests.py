"""Whether a run gave the bits of the committed run, stage by stage."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.cluster import KMeans

from mnist_clust import embed, project_root
from mnist_clust.cache import fit
from mnist_clust.data import Digits
from mnist_clust.numerics import OWN, in_force, processor

DIGESTS = Path("results/digests.json")
Digests = dict[str, str]  # SHA-256 by name of the stage


def digest_stages(digits: Digits, notebooks: Collection[str] = ("01", "04", "05", "08")) -> Digests:
    """Digest the stages that notebooks come through, from images to clusters, in order.

    `notebooks` holds their numbers. Stages are made anew or found in the cache.
    """
    return {name: _digest(arrays) for name, *arrays in _stages(digits, notebooks)}


def read_digests() -> dict[str, Digests]:
    """Return the digests of the committed run, by data set and stage."""
    path = project_root() / DIGESTS
    return json.loads(path.read_text("utf-8")) if path.is_file() else {}


def compare_with_committed(digits: Digits, digests: Digests) -> str | None:
    """Say whether a run gave the committed run's bits, or which stage is the first to differ.

    None for data of which nothing is committed.
    """
    committed = read_digests().get(digits.name)
    if committed is None or not digests:
        return None
    differing = [name for name, digest in digests.items() if committed.get(name) != digest]
    if not differing:
        return "The same bits as the committed run, in every stage."
    code = "its own code" if in_force() == OWN else f"the code for {in_force()}"
    return (
        f"Not the bits of the committed run: the first stage that differs is '{differing[0]}' "
        f"(on {processor()}, {code})."
    )


def _digest(arrays: Iterable[npt.NDArray[np.generic]]) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _stages(digits: Digits, notebooks: Collection[str]) -> Iterator[tuple[Any, ...]]:
    """Yield the name and the arrays of each stage."""
    images = digits.train_images
    if "01" in notebooks:
        yield "pixels", *digits.flatten()
    if "04" in notebooks:
        _, rows = embed.pixel_components(images)
        graph = embed.find_neighbors(rows)
        yield "components", rows
        yield "neighbors", graph.indices, graph.distances
        yield "plain map, 2-D", embed.plain_map(images).embedding
        yield "plain map, 3-D", embed.plain_map(images, 3).embedding
    if "05" in notebooks:
        kmeans = KMeans(n_clusters=10, n_init=10, random_state=0)
        yield "clusters of the plain map", fit(kmeans, embed.plain_map(images).embedding).labels_
    if "08" in notebooks:
        model = embed.sharp_map(images)
        yield "features", model.rows_
        yield "neighbors by features", model.neighbors_.indices, model.neighbors_.distances
        yield "sharp map", model.embedding_
        yield "clusters of the sharp map", model.labels_
