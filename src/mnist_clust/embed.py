"""The two maps: the plain one, whose recipe this is, and the sharp one, of `ImageClusterer`.

What takes long is remembered on disk, so that notebooks, explorer, report and benchmarks share it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mnist_clust.cache import cached
from mnist_clust.components import Components
from mnist_clust.data import Images
from mnist_clust.features import flatten
from mnist_clust.pipeline import ImageClusterer
from numba_tsne import TSNE, NeighborGraph, Progress, nearest_neighbors
from numba_tsne.neighbors import NeighborIndex
from numba_tsne.transform import NEIGHBORS, place_points

Rows = npt.NDArray[np.float32]
FRAMES = (1, 50, 100, 250, 350, 750)  # iterations after which a map is looked at as it forms


@dataclass(frozen=True)
class Map:
    """A finished map.

    Attributes
    ----------
    embedding : ndarray of shape (n, n_components), float32
    kl_divergence : float
        How far the map's similarities are from the data's, in nats.
    frames : dict of int to ndarray
        The map as it was after the iterations `FRAMES`.
    """

    embedding: Rows
    kl_divergence: float
    frames: dict[int, Rows]


@cached
def pixel_components(images: Images, *, random_state: int = 0) -> tuple[Components, Rows]:
    """Find the 50 principal components of the pixels of images: the projection, and their rows."""
    rows = flatten(images)
    components = Components(50, random_state=random_state).fit(rows)
    return components, components.transform(rows)


@cached
def find_neighbors(rows: Rows, n_neighbors: int = 300) -> NeighborGraph:
    """Find the nearest neighbours of every row; fewer than asked if there are fewer rows.

    As many as the plain maps of notebook 04 need: three times their largest perplexity.
    """
    return nearest_neighbors(rows, min(n_neighbors, len(rows) - 1))


@cached
def make_map(
    rows: Rows,
    neighbors: NeighborGraph,
    n_components: int = 2,
    *,
    perplexity: float = 30.0,
    random_state: int = 0,
) -> Map:
    """Make a map by t-SNE with the engine's usual settings.

    Parameters
    ----------
    rows : ndarray of shape (n, n_features)
        The first principal components are where the map begins.
    neighbors : NeighborGraph
        Of the same rows.
    n_components : {1, 2, 3}, default 2
    perplexity : float, default 30
        Neighbours each point has in effect; less where the graph holds less than three times as
        many.
    random_state : int, default 0
    """
    frames: dict[int, Rows] = {}

    def keep(progress: Progress) -> None:
        if progress.iteration in FRAMES:
            frames[progress.iteration] = progress.embedding()

    tsne = TSNE(
        n_components,
        perplexity=min(perplexity, neighbors.n_neighbors / 3),
        random_state=random_state,
        callback=keep,
    )
    tsne.fit(rows, neighbors=neighbors)
    return Map(tsne.embedding_, tsne.kl_divergence_, frames)


def plain_map(images: Images, n_components: int = 2, *, random_state: int = 0) -> Map:
    """Make the usual map: of 50 components of the pixels, with perplexity 30.

    Parameters
    ----------
    images : ndarray of shape (n, height, width)
    n_components : {2, 3}, default 2
    random_state : int, default 0
    """
    _, rows = pixel_components(images, random_state=random_state)
    return make_map(rows, find_neighbors(rows), n_components, random_state=random_state)


@cached
def sharp_map(images: Images, *, random_state: int = 0) -> ImageClusterer:
    """Fit an `ImageClusterer` with its usual settings: the sharp map and its clusters."""
    return ImageClusterer(random_state=random_state).fit(images)


@cached
def sharp_space(images: Images) -> Rows:
    """Make the sharp map in three dimensions, of shape (n, 3)."""
    return sharp_map(images).embed(n_components=3)


@cached
def place_new(rows: Rows, embedding: Rows, new_rows: Rows) -> Rows:
    """Place new points on a finished map, which stays as it is.

    Parameters
    ----------
    rows : ndarray of shape (n, n_features)
        What the map was made of.
    embedding : ndarray of shape (n, n_components)
    new_rows : ndarray of shape (n_new, n_features)

    Returns
    -------
    ndarray of shape (n_new, n_components), float32
        As `TSNE.transform` gives them; each depends on that point alone.
    """
    neighbors = NeighborIndex(rows, "euclidean", None).nearest(new_rows, NEIGHBORS, None)
    return place_points(neighbors, embedding)


def nearest_on_map(embedding: Rows, places: Rows, n_neighbors: int) -> NeighborGraph:
    """Find the points of a map nearest to each place; fewer if there are fewer points."""
    return nearest_neighbors(embedding, min(n_neighbors, len(embedding)), queries=places)


def rows_without_clusters(rows: Rows, n: int = 10_000, *, random_state: int = 0) -> Rows:
    """Draw up to n rows from one normal distribution that spreads along each axis like others.

    A control: principal components do not correlate, and these form no clusters.
    """
    drawn = np.random.default_rng(random_state).normal(size=(min(n, len(rows)), rows.shape[1]))
    return np.asarray(drawn * rows.std(axis=0), np.float32)
