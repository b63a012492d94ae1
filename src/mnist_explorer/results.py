"""What the explorer shows of a data set: maps, clusterings and scores, made when first asked for.

The maps are made by the very calls of notebooks 02, 04, 05 and 08, so a report's results are found
in the cache. Nothing here knows of Streamlit.
"""

from __future__ import annotations

import string
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar, cast

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.cluster import KMeans

from mnist_clust import embed, scores
from mnist_clust.cache import fit
from mnist_clust.data import UNLABELLED, Digits, Images, Labels, known_only
from mnist_clust.interactive import sheet_files
from mnist_clust.islands import by_size
from mnist_clust.pipeline import ImageClusterer
from mnist_clust.scores import UNNAMED, name_by_majority
from mnist_clust.silhouettes import map_silhouettes
from numba_tsne import NeighborGraph

Rows = npt.NDArray[np.float32]
Say = Callable[[str, float], None]
_T = TypeVar("_T")

PIXELS, PLAIN, SHARP = "raw pixels", "plain map", "sharp map"
KINDS = (PLAIN, SHARP, PIXELS)
COUNTS = range(2, 21)  # numbers of clusters to choose from
SEED = 0  # as the maps have
STARTS = 3  # of KMeans for other numbers than ten, which is a second on a map of 60,000
NEAREST = 10  # neighbours shown
MOST = 200_000  # images that are sent to the browser, some 100 bytes each


@dataclass(frozen=True, eq=False)
class Clustering:
    """One clustering of all images, and how well it agrees with itself and with the labels.

    Attributes
    ----------
    clusters : ndarray of uint8, shape (n,)
        Numbered from the largest to the smallest.
    n_clusters : int
    embedding : ndarray of shape (n, 2 or 3), float32
        The map that they are shown on.
    labels : ndarray of int64, shape (n,), or None
    """

    clusters: npt.NDArray[np.uint8]
    n_clusters: int
    embedding: Rows
    labels: Labels | None

    @cached_property
    def silhouettes(self) -> Rows:
        """Silhouette of each image's point on the map shown; seconds for 60,000."""
        return map_silhouettes(self.embedding, self.clusters)

    @cached_property
    def names(self) -> npt.NDArray[np.int64] | None:
        """The most frequent digit of each cluster; None without labels."""
        if self.labels is None:
            return None
        return name_by_majority(self.clusters, self.labels, self.n_clusters)

    @cached_property
    def classes(self) -> tuple[list[str], npt.NDArray[np.intp]]:
        """The labels that there are, in words, and each image's place among them; none without."""
        if self.labels is None:
            return [], np.empty(0, np.intp)
        values, codes = np.unique(self.labels, return_inverse=True)
        return ["unknown" if v == UNLABELLED else str(v) for v in values.tolist()], codes

    def label_of(self, index: int) -> str:
        """Say an image's label; a dash without labels."""
        words, codes = self.classes
        return words[codes[index]] if words else "-"

    @cached_property
    def letters(self) -> list[str]:
        """A letter for each cluster.

        The largest that stands for the first digit is A, for the second B, and so on, whatever the
        map; all others follow by size.
        """
        free = list(string.ascii_uppercase)
        known = [] if self.labels is None else np.unique(known_only(self.labels)[0]).tolist()
        names = [UNNAMED] * self.n_clusters if self.names is None else self.names.tolist()
        if len(known) + self.n_clusters - len({*names} & {*known}) > len(free):
            return free[: self.n_clusters]
        own = dict(zip(known, free, strict=False))
        others = iter(free[len(known) :])
        return [own.pop(name, None) or next(others) for name in names]

    @cached_property
    def titles(self) -> list[str]:
        """The letter of each cluster, and the digit that it stands for, if it has any."""
        if self.names is None:
            return self.letters
        names = np.where(self.names != UNNAMED, self.names.astype(str), "no digit")
        return [f"{letter}: {name}" for letter, name in zip(self.letters, names, strict=True)]

    @cached_property
    def sizes(self) -> npt.NDArray[np.intp]:
        """Images in each cluster."""
        return np.bincount(self.clusters, minlength=self.n_clusters)

    @cached_property
    def right(self) -> npt.NDArray[np.bool_] | None:
        """Whether each image's cluster stands for its digit; None without labels."""
        return None if self.names is None else self.names[self.clusters] == self.labels

    @cached_property
    def metrics(self) -> dict[str, float]:
        """Scores by name: the silhouette always, the others only with labels."""
        known = {"silhouette": float(self.silhouettes.mean())}
        part = (self.labels, self.clusters)
        return known | dict(scores.score_clustering(part, (None, part[1]), self.n_clusters).train)

    @cached_property
    def confusion(self) -> pd.DataFrame | None:
        """True digits against named ones; None without labels."""
        if self.labels is None or self.names is None:
            return None
        return scores.confusion(self.labels, self.clusters, self.names)

    @cached_property
    def mistakes(self) -> pd.DataFrame:
        """Images in a cluster that stands for another digit, the deepest inside first.

        Columns ``label``, ``named``, ``margin`` (the silhouette) and ``cluster``, by image.
        """
        named = self.clusters if self.names is None else self.names[self.clusters]
        table = scores.find_mistakes(self.labels, named, self.silhouettes)
        return table.assign(cluster=self.clusters[table.index])


class Atlas:
    """All maps and clusterings of one data set; what was made once is kept.

    Parameters
    ----------
    digits : Digits
        The maps show its training images; labels only name, colour and score.
    """

    def __init__(self, digits: Digits) -> None:
        self.digits = digits
        self._kept: dict[tuple[object, ...], object] = {}
        self._lock = threading.RLock()  # two visitors shall not make the same map twice

    def sheets(self) -> tuple[list[bytes], tuple[int, int]]:
        """Return all images on PNG sheets, and the size of one; no sheets of very many images."""
        images = self.digits.train_images
        few = len(images) <= MOST
        files, size = self._keep(("sheets",), lambda: sheet_files(images if few else images[:1]))
        return list(files.values()) if few else [], size

    def embedding(self, kind: str, dimensions: int, say: Say) -> Rows:
        """Return the place of each training image on a map.

        Parameters
        ----------
        kind : one of `KINDS`
            Clusters of raw pixels are shown on the plain map.
        dimensions : {2, 3}
        say : callable
            Told each step and the share of the work done before it.

        Returns
        -------
        ndarray of shape (n, dimensions), float32
        """
        if kind != SHARP:
            return self._keep(("plain", dimensions), lambda: self._plain(dimensions, say))
        if dimensions == 2:
            return self.model(say).embedding_
        return self._keep(("sharp", 3), lambda: self._sharp_in_space(say))

    def model(self, say: Say) -> ImageClusterer:
        """Return the sharp map, which places new images."""

        def fit() -> ImageClusterer:
            say("Sharpening: gradients, neighbours, a map and its clusters", 0.1)
            return embed.sharp_map(self.digits.train_images)

        return self._keep(("model",), fit)

    def neighbors(self, say: Say) -> npt.NDArray[np.int32]:
        """Return the indices of the images most alike to each, of shape (n, up to 10).

        They are nearest in the 50 principal components that the plain map is made of.
        """
        return self._keep(("nearest",), lambda: self._nearest(self._graph(say)))

    def clustering(self, kind: str, dimensions: int, n_clusters: int, say: Say) -> Clustering:
        """Cluster by KMeans: the raw pixels, or the points of a map.

        Parameters
        ----------
        kind, dimensions, say
            As for `embedding`.
        n_clusters : int

        Returns
        -------
        Clustering
        """
        return self._keep(
            ("clusters", kind, dimensions, n_clusters),
            lambda: self._cluster(kind, dimensions, n_clusters, say),
        )

    def place(
        self, images: Images, n_clusters: int, say: Say
    ) -> tuple[pd.DataFrame, npt.NDArray[np.int32], str | None]:
        """Place new images on the sharp map.

        Parameters
        ----------
        images : ndarray of uint8, shape (m, height, width)
            Of the size of the others.
        n_clusters : int
            The clustering of the sharp map that they are assigned to.
        say : callable

        Returns
        -------
        places : DataFrame
            As from :meth:`ImageClusterer.assign`.
        near : ndarray of int, shape (m, up to 10)
            The training images nearest to each place.
        unlike : str or None
            How the images differ from those of the map, if they do.
        """
        known = self.clustering(SHARP, 2, n_clusters, say)
        model = self.model(say)
        places = model.assign(images, known.clusters)  # its own are those of one count only
        near = embed.nearest_on_map(model.embedding_, places[["x", "y"]].to_numpy(), NEAREST)
        return places, near.indices, model.difference(images)

    def _keep(self, key: tuple[object, ...], make: Callable[[], _T]) -> _T:
        if key not in self._kept:  # what is kept is there at once, whatever is being made
            with self._lock:
                if key not in self._kept:
                    self._kept[key] = make()
        return cast(_T, self._kept[key])

    def _components(self, say: Say) -> Rows:
        say("Reducing the pixels to 50 components", 0.02)
        return embed.pixel_components(self.digits.train_images)[1]

    def _graph(self, say: Say) -> NeighborGraph:
        rows = self._components(say)
        say("Finding the nearest neighbours of every image", 0.1)
        return embed.find_neighbors(rows)

    def _plain(self, dimensions: int, say: Say) -> Rows:
        graph = self._graph(say)
        say(f"Making the map in {dimensions} dimensions", 0.5)
        self._keep(("nearest",), lambda: self._nearest(graph))
        return embed.plain_map(self.digits.train_images, dimensions).embedding

    def _nearest(self, graph: NeighborGraph) -> npt.NDArray[np.int32]:
        return np.array(graph.indices[:, :NEAREST], np.int32)

    def _sharp_in_space(self, say: Say) -> Rows:
        self.model(say)
        say("Making the sharp map in 3 dimensions", 0.6)
        return embed.sharp_space(self.digits.train_images)

    def _cluster(self, kind: str, dimensions: int, n_clusters: int, say: Say) -> Clustering:
        embedding = self.embedding(kind, dimensions, say)
        slow = kind == PIXELS and len(embedding) > 10_000
        say(f"Clustering into {n_clusters}" + (", a minute for raw pixels" if slow else ""), 0.8)
        if kind == SHARP:
            found, _ = self.model(say).find_clusters(embedding, n_clusters)
        else:
            rows = self.digits.flatten()[0] if kind == PIXELS else embedding
            starts = 10 if n_clusters == 10 else STARTS
            way = "elkan" if kind == PIXELS else "lloyd"  # as in notebooks 02 and 05
            kmeans = KMeans(n_clusters, n_init=starts, algorithm=way, random_state=SEED)
            found = fit(kmeans, rows).labels_
        clusters = by_size(found).astype(np.uint8)
        return Clustering(clusters, n_clusters, embedding, self.digits.train_labels)
