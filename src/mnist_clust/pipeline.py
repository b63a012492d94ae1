"""From images to clusters, without a label: features, neighbours, a sharp map, KMeans on it."""

from __future__ import annotations

import copy
import io
import json
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import astuple
from numbers import Integral, Real
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted

from mnist_clust._pixels import Form
from mnist_clust._read import DataError, read_npz
from mnist_clust._write import write_atomically
from mnist_clust.cluster import fit_counts
from mnist_clust.data import Images
from mnist_clust.features import (
    Deskew,
    NormalizeSize,
    OrientedGradients,
    fit_components,
    project,
)
from mnist_clust.islands import rejoin_islands
from mnist_clust.likeness import Usual, difference
from mnist_clust.silhouettes import map_silhouettes
from numba_tsne import TSNE, NeighborGraph, nearest_neighbors
from numba_tsne._parallel import one_thread
from numba_tsne.neighbors import NeighborIndex
from numba_tsne.transform import place_points

Rows = npt.NDArray[np.float32]
MODEL_FILE = "model.npz"
FORMAT = 2  # of that file; before 2 it held less, and before 1 no number
SAMPLE = 10_000  # points that tell the number of clusters; more tell the same, more slowly
MOST = 20  # clusters looked for
SMALLEST = 16  # side of images worth resampling: in smaller ones it blurs strokes of one pixel
SAME = 1e-3  # what rounding makes of equal strokes in other shades
_ARRAYS = ("mean", "components", "rows", "embedding", "clusters", "image_shape")


class ImageClusterer(ClusterMixin, BaseEstimator):  # type: ignore[misc]
    """Cluster images of digits, or of other strokes, by what they show.

    Images are deskewed, brought to one size and described by oriented gradients, reduced to
    principal components and joined to their nearest neighbours. t-SNE with a final exaggeration
    makes a map on which groups are compact and apart, KMeans finds them there, and the number of
    clusters is the one with the highest silhouette. Islands that a border separates from their
    own are brought back. Notebook 08 shows what each step adds.

    Parameters
    ----------
    n_clusters : int or "auto", default "auto"
        "auto" tries 2 to `max_clusters`.
    max_clusters : int, default 20
    n_components : int, default 100
        Principal components kept.
    n_neighbors : int, default 15
        Neighbours of each image; fewer where there are few images.
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
    rows_ : ndarray of shape (n, n_components), float32
        What describes the images.
    neighbors_ : NeighborGraph
        Of the rows; not kept in a saved map.
    silhouettes_ : Series
        Mean silhouette by number of clusters, for those tried.
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
        "max_clusters": [Interval(Integral, 2, None, closed="left")],
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
        max_clusters: int = MOST,
        n_components: int = 100,
        n_neighbors: int = 15,
        exaggeration: float = 2.5,
        random_state: int = 0,
        verbose: bool = False,
    ) -> None:
        self.n_clusters = n_clusters
        self.max_clusters = max_clusters
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
            At least five, not all equal.
        y : ignored

        Returns
        -------
        ImageClusterer

        Raises
        ------
        ValueError
            If a parameter is out of range, the number of clusters is impossible, or all images
            show the same.
        """
        self._validate_params()
        X = _stacked(X)
        self.seconds_: dict[str, float] = {}
        candidates = self._candidates(len(X))
        with timed("features", self.seconds_, self.verbose):
            described = describe(X)
            if np.ptp(described, axis=0).max() < SAME:
                raise ValueError(
                    "All images show the same strokes, at most in other shades: there is nothing "
                    "to cluster."
                )
            self._pca = fit_components(described, self.n_components, random_state=self.random_state)
            rows = project(described, self._pca)
        with timed("neighbours", self.seconds_, self.verbose):
            graph = nearest_neighbors(rows, min(self.n_neighbors, len(X) - 1))
        self.image_shape_ = (int(X.shape[1]), int(X.shape[2]))
        self._usual: Usual | None = Usual.of(X, graph.distances[:, 0])
        self.form_ = Form()
        self.rows_, self.neighbors_ = rows, graph
        self._search = NeighborIndex(rows, "euclidean", None)
        return self._make_map(candidates)

    def _make_map(self, candidates: range) -> Self:
        graph = self.neighbors_
        with timed("map", self.seconds_, self.verbose):
            tsne = TSNE(
                n_neighbors=graph.n_neighbors,
                exaggeration=self.exaggeration,
                random_state=self.random_state,
            )
            self.embedding_ = tsne.fit_transform(self.rows_, neighbors=graph)
        with timed("clusters", self.seconds_, self.verbose):
            self.silhouettes_, clusters = best_clustering(
                self.embedding_, candidates, random_state=self.random_state
            )
            clusters = rejoin_islands(self.embedding_, clusters, graph)
            self.labels_ = by_size(clusters)
            self.n_clusters_ = int(self.labels_.max()) + 1
        return self

    def reseeded(self, random_state: int) -> ImageClusterer:
        """Make the map and the clusters anew, with another seed.

        Features and neighbours hold no chance and are shared.

        Parameters
        ----------
        random_state : int

        Returns
        -------
        ImageClusterer
            Another one; this one stays as it is.
        """
        check_is_fitted(self, "seconds_", msg="Fit it first: a loaded map cannot be made anew.")
        other = copy.copy(self)
        other.random_state = random_state
        other.seconds_ = {}
        return other._make_map(self._candidates(len(self.rows_)))

    def _candidates(self, n: int) -> range:
        if self.n_clusters == "auto":
            return counts_to_try(n, self.max_clusters)
        count = self.n_clusters
        if not isinstance(count, int | np.integer) or not 1 <= count <= n:
            raise ValueError(
                f'n_clusters={count!r} must be "auto" or an integer from 1 to the number of '
                f"images, {n}."
            )
        return range(int(count), int(count) + 1)

    def rows_of(self, X: Images) -> Rows:
        """Describe new images as those of the map are described.

        Parameters
        ----------
        X : ndarray of shape (n, height, width)
            Of the size of those fitted.

        Returns
        -------
        ndarray of shape (n, n_components), float32

        Raises
        ------
        ValueError
            If the images have another size.
        """
        check_is_fitted(self, "embedding_")
        X = _stacked(X)
        if X.shape[1:] != self.image_shape_:
            raise ValueError(
                f"These images have {X.shape[1]}×{X.shape[2]} pixels and those of the map "
                f"{self.image_shape_[0]}×{self.image_shape_[1]}: bring them to that size."
            )
        return project(describe(X), self._pca)

    def nearest(self, X: Images) -> NeighborGraph:
        """Find the nearest training images of new ones, by what describes them.

        Parameters
        ----------
        X : ndarray of shape (n, height, width)
            Of the size of those fitted.

        Returns
        -------
        NeighborGraph
            `n_neighbors` for each. A reseeded map has the same.

        Raises
        ------
        ValueError
            If the images have another size.
        """
        return self._search.nearest(self.rows_of(X), self.n_neighbors, None)

    def vote(
        self, neighbors: NeighborGraph
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """Give each new image the cluster that most of its neighbours lie in.

        Parameters
        ----------
        neighbors : NeighborGraph
            From `nearest`.

        Returns
        -------
        clusters : ndarray of int64, shape (n,)
        shares : ndarray of shape (n,)
            Of the neighbours that lie in that cluster.
        """
        votes = np.zeros((len(neighbors.indices), self.n_clusters_), np.int32)
        for column in self.labels_[neighbors.indices].T:
            votes[np.arange(len(votes)), column] += 1
        return votes.argmax(axis=1), votes.max(axis=1) / neighbors.n_neighbors

    def assign(self, X: Images) -> pd.DataFrame:
        """Place new images on the map and give each the cluster of most of its neighbours.

        Parameters
        ----------
        X : ndarray of shape (n, height, width)
            Of the size of those fitted.

        Returns
        -------
        DataFrame
            Columns ``cluster``, ``x``, ``y`` and ``confidence``, which is the share of the nearest
            training images that lie in that cluster.

        Raises
        ------
        ValueError
            If the images have another size.
        """
        neighbors = self.nearest(X)
        clusters, shares = self.vote(neighbors)
        x, y = place_points(neighbors, self.embedding_).T
        return pd.DataFrame({"cluster": clusters, "x": x, "y": y, "confidence": shares})

    def difference(self, X: Images) -> str | None:
        """Say in one sentence how new images differ from those fitted, if they do.

        Parameters
        ----------
        X : ndarray of shape (n, height, width)
            Of the size of those fitted.

        Returns
        -------
        str or None
            That they are nearer to those fitted when inverted, mirrored or turned; or far away in
            any case; or cut otherwise.
        """

        def distances(images: Images) -> npt.NDArray[np.floating]:
            return self._search.nearest(self.rows_of(images), 1, None).distances[:, 0]

        return None if self._usual is None else difference(np.asarray(X), self._usual, distances)

    def predict(self, X: Images) -> npt.NDArray[np.int64]:
        """Return the cluster of each new image; see `assign`."""
        return self.vote(self.nearest(X))[0]

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write all that `assign` needs, as plain arrays.

        Parameters
        ----------
        folder : path
            Gets a file ``model.npz``; nothing in it is pickled.
        """
        write_atomically(Path(folder) / MODEL_FILE, self.packed())

    def packed(self) -> bytes:
        """Return what `save` writes."""
        check_is_fitted(self, "embedding_")
        buffer = io.BytesIO()
        parameters = json.dumps(self.get_params(), default=lambda value: value.item())
        np.savez(
            buffer,
            mean=self._pca.mean_,
            components=self._pca.components_,
            rows=self.rows_,
            embedding=self.embedding_,
            clusters=self.labels_,
            image_shape=np.array(self.image_shape_),
            form=np.array(astuple(self.form_), float),
            parameters=np.frombuffer(parameters.encode(), np.uint8),
            format=np.array(FORMAT),
            usual=np.array(self._usual or ()),
        )
        return buffer.getvalue()

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> ImageClusterer:
        """Read a map that this version saved or an older one.

        Parameters
        ----------
        folder : path
            Where `save` wrote it.

        Returns
        -------
        ImageClusterer
            Ready to `assign`.

        Raises
        ------
        DataError
            If there is none, it is damaged, or a newer version wrote it; the message says which
            and what to do.
        """
        path = Path(folder) / MODEL_FILE
        if not path.is_file():
            raise DataError(f"{folder} holds no {MODEL_FILE}: give the folder 'cluster' wrote.")
        arrays = read_npz(path)
        if arrays.get("format", np.array(0)).max() > FORMAT:
            raise DataError(f"{path} was written by a newer version of mnist-clust: install that.")
        try:
            model = cls(**json.loads(arrays["parameters"].tobytes()))
            mean, components, rows, embedding, clusters, shape = (arrays[a] for a in _ARRAYS)
            usual = arrays.get("usual", np.empty(0))
            full, inverted, resized = arrays.get("form", np.array(astuple(Form()), float)).tolist()
            n, features = rows.shape
            if embedding.shape != (n, 2) or clusters.shape != (n,) or shape.shape != (2,):
                raise ValueError("arrays of different lengths")
            if components.shape != (features, *mean.shape):
                raise ValueError("components of another shape")
            if usual.shape not in ((3,), (0,)) or not 0 < full <= 255:
                raise ValueError("no likeness")
            numbers = (mean, components, rows, embedding, usual)
            if not all(np.isfinite(array).all() for array in numbers):
                raise ValueError("values that are not finite")
            if not all(np.issubdtype(array.dtype, np.integer) for array in (clusters, shape)):
                raise ValueError("numbers that are not whole")
            if clusters.min() < 0 or clusters.max() >= n:
                raise ValueError("clusters of other images")
            if not isinstance(model.n_neighbors, int) or model.n_neighbors < 1:
                raise ValueError("no neighbours")
        except (KeyError, ValueError, TypeError, RecursionError) as error:
            raise DataError(
                f"{path} is not a saved map ({error}): run 'cluster' again to make one."
            ) from error
        model._pca = PCA(features, svd_solver="covariance_eigh")
        model._pca.mean_, model._pca.components_, model._pca.whiten = mean, components, False
        model.image_shape_ = (int(shape[0]), int(shape[1]))
        # Formats up to 1 knew neither what is usual nor how images were brought to grey.
        model._usual = Usual(*usual.tolist()) if usual.size else None
        model.form_ = Form(full, bool(inverted), bool(resized))
        model.rows_, model._search = rows, NeighborIndex(rows, "euclidean", None)
        model.embedding_, model.labels_ = embedding, clusters
        model.n_clusters_ = int(clusters.max()) + 1
        return model


def fit_clusterer(images: Images, *, random_state: int = 0) -> ImageClusterer:
    """Fit an `ImageClusterer` with its usual settings, as a function that can be cached.

    Parameters
    ----------
    images : ndarray of shape (n, height, width)
    random_state : int, default 0

    Returns
    -------
    ImageClusterer
    """
    return ImageClusterer(random_state=random_state).fit(images)


def _stacked(images: npt.ArrayLike) -> Images:
    """Take images also as a list of them, and in any layout."""
    stacked = np.ascontiguousarray(images)
    if stacked.ndim != 3:
        raise ValueError(
            f"Images of shape (n, height, width) are needed, and these have {stacked.shape}."
        )
    return stacked


def counts_to_try(n: int, most: int = MOST) -> range:
    """Return the numbers of clusters to choose among for n images.

    Parameters
    ----------
    n : int
        At least three.
    most : int, default 20

    Returns
    -------
    range
        From 2 to ``most``, or as far as every cluster could hold two images.
    """
    return range(2, max(2, min(most, n // 2)) + 1)


@contextmanager
def timed(step: str, seconds: dict[str, float], verbose: bool) -> Iterator[None]:
    """Note how long a step takes; if verbose, print its name and then the seconds."""
    started = time.monotonic()
    if verbose:
        print(f"{step} …", end=" ", flush=True)
    yield
    seconds[step] = round(time.monotonic() - started, 2)
    if verbose:
        print(f"{seconds[step]:.0f} s", flush=True)


def describe(images: Images) -> Rows:
    """Describe images by the oriented gradients of their upright form, brought to one size.

    Images of fewer than 16 pixels a side keep their size.

    Parameters
    ----------
    images : ndarray of shape (n, height, width)

    Returns
    -------
    ndarray of shape (n, n_features), float32
    """
    upright = Deskew().transform(images)
    if min(images.shape[1:]) >= SMALLEST:
        upright = NormalizeSize().transform(upright)
    return np.asarray(OrientedGradients().transform(upright))


def best_clustering(
    embedding: Rows, candidates: Iterable[int], *, random_state: int = 0
) -> tuple[pd.Series, npt.NDArray[np.int32]]:
    """Cluster a map into several numbers of clusters; keep the one with the best silhouette.

    Large maps are tried out on a sample of their points; only the number found is fitted to all.

    Parameters
    ----------
    embedding : ndarray of shape (n, 2)
    candidates : iterable of int
        Numbers of clusters.
    random_state : int, default 0

    Returns
    -------
    silhouettes : Series
        Mean silhouette over the points tried, by number of clusters.
    clusters : ndarray of int32, shape (n,)
        The best one's.
    """
    some = embedding
    if len(embedding) > SAMPLE:
        chosen = np.random.default_rng(random_state).choice(len(embedding), SAMPLE, replace=False)
        some = embedding[chosen]
    exact = some.astype(float)  # scikit-learn is twice as quick to choose seeds among those
    found = fit_counts(exact, candidates, n_init=10, random_state=random_state)
    silhouettes = pd.Series(
        {count: map_silhouettes(some, model.labels_).mean() for count, model in found.items()},
        name="silhouette",
        dtype=float,
    ).rename_axis("n_clusters")
    best = found[silhouettes.idxmax()]
    with one_thread():
        model = KMeans(best.n_clusters, init=best.cluster_centers_, n_init=1).fit(embedding)
    return silhouettes, model.labels_


def by_size(clusters: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """Renumber clusters from the largest to the smallest, without gaps."""
    sizes = np.bincount(clusters)
    rank = np.empty(len(sizes), np.int32)
    rank[np.argsort(-sizes, kind="stable")] = np.arange(len(sizes), dtype=np.int32)
    return np.asarray(rank[clusters])
