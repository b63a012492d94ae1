"""From images to clusters, without a label: features, neighbours, a sharp map, its islands."""

from __future__ import annotations

import os
from numbers import Integral, Real
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted

from image_files.pixels import Form
from image_files.writing import write_atomically
from mnist_clust.cluster import best_kmeans, letters
from mnist_clust.components import Components
from mnist_clust.data import Images
from mnist_clust.features import check_images, describe
from mnist_clust.islands import by_size, find_clusters, merge_islands, second_view, vote
from mnist_clust.likeness import Usual, difference
from mnist_clust.model_file import MODEL_FILE, SavedParts, no_map, pack, unpack
from mnist_clust.timed import timed
from numba_tsne import TSNE, NeighborGraph, nearest_neighbors
from numba_tsne.neighbors import NeighborIndex
from numba_tsne.transform import place_points

Rows = npt.NDArray[np.float32]
Clusters = npt.NDArray[np.integer]
ENOUGH_FOR_ISLANDS = 2_000  # images; the neighbours of fewer are too far away to judge islands by
NO_NEIGHBORS = "This has not been fitted, or was loaded, which keeps no neighbours: call 'fit'."
SAME_STROKES = 1e-3  # what rounding makes of equal strokes in other shades


class ImageClusterer(ClusterMixin, BaseEstimator):  # type: ignore[misc]
    """Cluster images of digits, or of other strokes, by what they show.

    Images are deskewed, brought to one size and described by oriented gradients, reduced to
    principal components and joined to their nearest neighbours. t-SNE with a final exaggeration
    makes a map of compact islands. Those that a second view, the centred pixels, knows as
    clusters are the clusters; the others join one. Fewer than 2,000 images are divided by KMeans,
    into the number of clusters with the highest silhouette. Notebook 08 shows what each step adds.

    Parameters
    ----------
    n_clusters : int or "auto", default "auto"
        "auto" finds it.
    n_components : int, default 100
        Principal components of the gradients.
    n_neighbors : int, default 15
        Neighbours of each image in either view; fewer where there are few images.
    exaggeration : float, default 2.5
        Final exaggeration of t-SNE.
    random_state : int, default 0
    verbose : bool, default False
        Print each step and the seconds it took.

    Attributes
    ----------
    embedding_ : ndarray of shape (n, 2), float32
        The map.
    labels_ : ndarray of int32, shape (n,)
        The cluster of each image. Clusters are numbered from the largest to the smallest.
    n_clusters_ : int
    names_ : list of str
        What each cluster is called: a letter, unless whoever fitted them knew more.
    islands_ : DataFrame
        What became of each island of the map; see `islands.merge_islands`.
    rows_ : ndarray of shape (n, n_components), float32
        What describes the images.
    neighbors_, pixel_neighbors_ : NeighborGraph
        By that, and by 50 components of the centred pixels; not kept in a saved map.
    image_shape_ : (int, int)
        Height and width of the images.
    form_ : Form
        How the images had been brought to grey levels, if whoever fitted them told.
    seconds_ : dict of str to float
        By step.

    Examples
    --------
    >>> from mnist_clust import load_digits
    >>> from mnist_clust.pipeline import ImageClusterer
    >>> digits = load_digits("sample")
    >>> model = ImageClusterer().fit(digits.train_images)          # doctest: +SKIP
    >>> model.n_clusters_, model.predict(digits.test_images)       # doctest: +SKIP
    """

    _parameter_constraints: ClassVar[dict[str, list[object]]] = {
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "exaggeration": [Interval(Real, 1e-4, 1e4, closed="both")],
        "random_state": [Interval(Integral, 0, 2**32 - 1, closed="both")],
        "verbose": ["boolean"],
    }

    def __init__(
        self,
        n_clusters: int | str = "auto",
        *,
        n_components: int = 100,
        n_neighbors: int = 15,
        exaggeration: float = 2.5,
        random_state: int = 0,
        verbose: bool = False,
    ) -> None:
        self.n_clusters = n_clusters
        self.n_components = n_components
        self.n_neighbors = n_neighbors
        self.exaggeration = exaggeration
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: Images, y: object = None) -> Self:
        """Cluster images.

        Parameters
        ----------
        X : ndarray of shape (n, height, width)
            At least two, not all equal.
        y : ignored

        Raises
        ------
        ValueError
            If a parameter is out of range, the number of clusters is impossible, or all images
            show the same.
        """
        self._validate_params()
        X = check_images(X)
        wanted = self._wanted(len(X))
        self.seconds_: dict[str, float] = {}
        with timed("features", self.seconds_, self.verbose):
            described = describe(X)
            if np.ptp(described, axis=0).max() < SAME_STROKES:
                raise ValueError(
                    "All images show the same strokes, at most in other shades: there is nothing "
                    "to cluster."
                )
            self._components = Components(self.n_components, random_state=self.random_state)
            self.rows_ = self._components.fit_transform(described)
        with timed("neighbours", self.seconds_, self.verbose):
            k = min(self.n_neighbors, len(X) - 1)
            self.neighbors_ = nearest_neighbors(self.rows_, k)
            self.pixel_neighbors_ = second_view(X, k, random_state=self.random_state)
        self.image_shape_ = (int(X.shape[1]), int(X.shape[2]))
        self._usual: Usual | None = Usual.of(X, self.neighbors_.distances[:, 0])
        self.form_ = Form()
        self._index = NeighborIndex(self.rows_, "euclidean", None)
        with timed("map", self.seconds_, self.verbose):
            self.embedding_ = self.embed()
        with timed("clusters", self.seconds_, self.verbose):
            self.labels_, self.islands_ = self.find_clusters(self.embedding_, wanted)
            self.n_clusters_ = int(self.labels_.max()) + 1
        self.names_ = letters(self.n_clusters_)
        return self

    def embed(self, n_components: int = 2) -> Rows:
        """Make the map of shape (n, n_components) from the neighbours found."""
        check_is_fitted(self, "neighbors_", msg=NO_NEIGHBORS)
        tsne = TSNE(
            n_components,
            n_neighbors=self.neighbors_.n_neighbors,
            exaggeration=self.exaggeration,
            random_state=self.random_state,
        )
        return np.asarray(tsne.fit_transform(self.rows_, neighbors=self.neighbors_), np.float32)

    def find_clusters(
        self, embedding: Rows, n_clusters: int | None = None
    ) -> tuple[npt.NDArray[np.int32], pd.DataFrame]:
        """Find clusters on a map of these images, as many as wanted; see `islands`."""
        if len(embedding) >= ENOUGH_FOR_ISLANDS:
            return find_clusters(embedding, self.neighbors_, self.pixel_neighbors_, n_clusters)
        counts = None if n_clusters is None else [n_clusters]
        _, clusters = best_kmeans(embedding, counts, random_state=self.random_state)
        clusters = by_size(clusters)
        return merge_islands(clusters, self.pixel_neighbors_, int(clusters.max()) + 1)

    def _wanted(self, n: int) -> int | None:
        count = self.n_clusters
        if count == "auto":
            return None
        if not isinstance(count, int | np.integer) or not 1 <= count <= n:
            raise ValueError(
                f'n_clusters={count!r} must be "auto" or an integer from 1 to the number of '
                f"images, {n}."
            )
        return int(count)

    def rows_of(self, X: Images) -> Rows:
        """Describe new images as those of the map are described.

        Parameters
        ----------
        X : ndarray of shape (n, height, width)
            Of the size of those fitted; ValueError if not.

        Returns
        -------
        ndarray of shape (n, n_components), float32
        """
        check_is_fitted(self, "embedding_")
        X = check_images(X)
        if X.shape[1:] != self.image_shape_:
            raise ValueError(
                f"These images have {X.shape[1]}×{X.shape[2]} pixels and those of the map "
                f"{self.image_shape_[0]}×{self.image_shape_[1]}: bring them to that size (--size)."
            )
        return self._components.transform(describe(X))

    def nearest(self, X: Images) -> NeighborGraph:
        """Find the training images nearest to new ones; the same for every seed."""
        rows = self.rows_of(X)
        return self._index.nearest(rows, self.n_neighbors, None)

    def vote(
        self, neighbors: NeighborGraph, labels: Clusters | None = None
    ) -> tuple[Clusters, npt.NDArray[np.float64]]:
        """Give each new image the cluster that most of its neighbours lie in, and their share.

        Parameters
        ----------
        neighbors : NeighborGraph
            From `nearest`.
        labels : ndarray of int, shape (n,), optional
            Other clusters of the training images than those found.
        """
        known = self.labels_ if labels is None else labels
        return vote(known[neighbors.indices], int(known.max()) + 1)

    def assign(self, X: Images, labels: Clusters | None = None) -> pd.DataFrame:
        """Place new images on the map and give each the cluster of most of its neighbours.

        Parameters
        ----------
        X : ndarray of shape (n, height, width)
            Of the size of those fitted; ValueError if not.
        labels : ndarray of int, shape (n,), optional
            Other clusters of the training images than those found.

        Returns
        -------
        DataFrame
            Columns ``cluster``, ``x``, ``y`` and ``confidence``, which is the share of the nearest
            training images that lie in that cluster.
        """
        neighbors = self.nearest(X)
        clusters, shares = self.vote(neighbors, labels)
        x, y = place_points(neighbors, self.embedding_).T
        return pd.DataFrame({"cluster": clusters, "x": x, "y": y, "confidence": shares})

    def predict(self, X: Images) -> Clusters:
        """Return the cluster of each new image; see `assign`."""
        return self.vote(self.nearest(X))[0]

    def difference(self, X: Images) -> str | None:
        """Say in one sentence how new images differ from those fitted, if they do.

        That they are nearer to those fitted when inverted, mirrored or turned; or far away in any
        case; or cut otherwise.
        """

        def distances(images: Images) -> npt.NDArray[np.floating]:
            return self._index.nearest(self.rows_of(images), 1, None).distances[:, 0]

        check_is_fitted(self, "embedding_")
        images = check_images(X)
        if images.dtype == bool:
            images = images.astype(np.float32)
        return None if self._usual is None else difference(images, self._usual, distances)

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write all that `assign` needs to ``model.npz``, as plain arrays; nothing is pickled."""
        write_atomically(Path(folder) / MODEL_FILE, self.packed())

    def packed(self) -> bytes:
        """Return what `save` writes."""
        check_is_fitted(self, "embedding_")
        parts = SavedParts(
            self._components, self.rows_, self.embedding_, self.labels_, self.image_shape_,
            self.form_, self._usual, self.names_,
        )  # fmt: skip
        return pack(parts, self.get_params())

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> ImageClusterer:
        """Read a map that this version saved or an older one.

        Raises
        ------
        DataError
            If there is none, it is damaged, or a newer version wrote it; the message says which
            and what to do.
        """
        file = Path(folder) / MODEL_FILE
        saved, parameters = unpack(file)
        try:
            model = cls(**parameters)
        except TypeError as error:
            raise no_map(file, error) from error
        model._components, model.rows_, model.embedding_ = saved[:3]
        model.labels_, model.image_shape_, model.form_, model._usual, names = saved[3:]
        model._index = NeighborIndex(model.rows_, "euclidean", None)
        model.n_clusters_ = int(model.labels_.max()) + 1
        model.names_ = names or letters(model.n_clusters_)
        return model
