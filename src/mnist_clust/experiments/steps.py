"""Notebook 08: ways to come from images to clusters, tried side by side, without a label."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd
from joblib import delayed
from sklearn.metrics import adjusted_rand_score

from mnist_clust import scores
from mnist_clust.cache import cached
from mnist_clust.cluster import best_kmeans, counts_to_try
from mnist_clust.components import Components
from mnist_clust.data import Images, Labels
from mnist_clust.embed import rows_without_clusters
from mnist_clust.features import Deskew, NormalizeSize, OrientedGradients, describe
from mnist_clust.pipeline import ImageClusterer
from numba_tsne import TSNE, nearest_neighbors
from numba_tsne._parallel import side_by_side

Rows = npt.NDArray[np.float32]
SHARE_DRAWN = 0.8  # of the images in each subset
MOST_TRIED = 15  # clusters on each map; on maps of digits more have never been best
START_POINTS = 2_000  # of each map, on which KMeans looks for its starts
DEFAULT = ImageClusterer()  # whose settings are the chosen ones


@dataclass(frozen=True)
class Variant:
    """One way to come from images to a map; by default the chosen one.

    Attributes
    ----------
    name : str
    deskewed, one_size, gradients : bool
        Which steps describe an image; without gradients, its pixels do.
    n_components : int
        Principal components kept.
    n_neighbors : int or None
        A uniform graph of this many neighbours; None for perplexity 30.
    exaggeration : float
        Final exaggeration.
    n_dimensions : {2, 3}
        Of the map.
    """

    name: str
    deskewed: bool = True
    one_size: bool = True
    gradients: bool = True
    n_components: int = DEFAULT.n_components
    n_neighbors: int | None = DEFAULT.n_neighbors
    exaggeration: float = DEFAULT.exaggeration
    n_dimensions: int = 2

    def rows(self, images: Images) -> Rows:
        """Describe images, of shape (n, height, width), by rows of components."""
        chosen = {
            Deskew(): self.deskewed,
            NormalizeSize(): self.one_size,
            OrientedGradients(): self.gradients,
        }
        described = describe(images, [step for step, used in chosen.items() if used])
        return Components(self.n_components).fit_transform(described)  # type: ignore[no-any-return]

    def embed(self, rows: Rows, random_state: int) -> Rows:
        """Make the map of some rows."""
        graph = nearest_neighbors(rows, min(self.n_neighbors or 90, len(rows) - 1))
        tsne = TSNE(
            self.n_dimensions,
            perplexity=min(30, graph.n_neighbors / 3),
            n_neighbors=self.n_neighbors and graph.n_neighbors,
            exaggeration=self.exaggeration,
            random_state=random_state,
        )
        return np.asarray(tsne.fit_transform(rows, neighbors=graph))


SHARP = Variant("+ oriented gradients")
_WIDE = replace(SHARP, name="+ 100 components", gradients=False)
_UPRIGHT = replace(_WIDE, name="+ one size", n_components=50)
_SLANTED = replace(_UPRIGHT, name="+ graph of 15 neighbours", deskewed=False, one_size=False)
PLAIN = replace(_SLANTED, name="pixels, plain map", n_neighbors=None, exaggeration=1.0)
STEPS = (
    PLAIN,
    replace(_SLANTED, name="+ exaggeration 2.5", n_neighbors=None),
    _SLANTED,
    replace(_UPRIGHT, name="+ deskewed", one_size=False),
    _UPRIGHT,
    _WIDE,
    SHARP,
)
OTHERS = (
    replace(SHARP, name="without exaggeration", exaggeration=1.0),
    replace(SHARP, name="exaggeration 4", exaggeration=4.0),
    replace(SHARP, name="perplexity 30", n_neighbors=None),
    replace(SHARP, name="not deskewed", deskewed=False),
    replace(SHARP, name="not to one size", one_size=False),
    replace(SHARP, name="map in 3-D", n_dimensions=3),
)


@dataclass(frozen=True)
class Trial:
    """A variant's clustering of one subset, with the number of clusters of highest silhouette.

    Attributes
    ----------
    members : ndarray of int, shape (n,)
        Which images were drawn.
    clusters : ndarray of int32, shape (n,)
    silhouette : float
        Its mean.
    n_clusters : int
    """

    members: npt.NDArray[np.intp]
    clusters: npt.NDArray[np.int32]
    silhouette: float
    n_clusters: int


@cached
def try_variants(
    images: Images, variants: Sequence[Variant], *, n_trials: int = 3, seed: int = 0
) -> list[list[Trial]]:
    """Cluster random subsets of images in several ways.

    Parameters
    ----------
    images : ndarray of uint8, shape (n, height, width)
    variants : sequence of Variant
    n_trials : int, default 3
    seed : int, default 0
        Of the first subset and its map; the others count on.

    Returns
    -------
    list of list of Trial
        By variant.
    """
    ways = list(variants)
    described = {way: _described_as(way) for way in ways}
    different = list(dict.fromkeys(described.values()))
    made = side_by_side(delayed(way.rows)(images) for way in different)
    rows = dict(zip(different, made, strict=True))
    trials = side_by_side(
        delayed(_try_once)(rows[described[way]], way, seed + number)
        for way in ways
        for number in range(n_trials)
    )
    return [trials[start : start + n_trials] for start in range(0, len(trials), n_trials)]


def _described_as(way: Variant) -> Variant:
    """Leave of a variant what its rows hang on: equal ones are made once."""
    return replace(way, name="", n_neighbors=None, exaggeration=1, n_dimensions=2)


def _try_once(rows: Rows, variant: Variant, seed: int) -> Trial:
    rng = np.random.default_rng(seed)
    members = np.sort(rng.choice(len(rows), round(SHARE_DRAWN * len(rows)), replace=False))
    embedding = variant.embed(rows[members], seed)
    counts = [k for k in counts_to_try(len(embedding)) if k <= MOST_TRIED]
    silhouettes, clusters = best_kmeans(
        embedding, counts, random_state=seed, start_points=START_POINTS
    )
    return Trial(members, clusters, float(silhouettes.max()), int(silhouettes.idxmax()))


def agreement(trials: Sequence[Trial]) -> float:
    """Mean adjusted Rand index between trials on the images they share: 1 if all agree."""
    pairs = itertools.combinations(trials, 2)
    return float(np.mean([_adjusted_rand(one, other) for one, other in pairs]))


def _adjusted_rand(one: Trial, other: Trial) -> float:
    _, here, there = np.intersect1d(one.members, other.members, return_indices=True)
    return float(adjusted_rand_score(one.clusters[here], other.clusters[there]))


@cached
def silhouette_curve(embedding: Rows, *, random_state: int = 0) -> pd.Series:
    """Mean silhouette of a map for each number of clusters from 2 to 20; see `best_kmeans`."""
    return best_kmeans(embedding, random_state=random_state)[0]


@cached
def control_curve(rows: Rows, *, random_state: int = 0) -> pd.Series:
    """Ask the same of a map made with the chosen settings from data without any clusters."""
    control = rows_without_clusters(rows, random_state=random_state)
    return silhouette_curve(SHARP.embed(control, random_state), random_state=random_state)


def compare_variants(
    tried: Iterable[tuple[Variant, Sequence[Trial]]], labels: Labels | None
) -> pd.DataFrame:
    """Tell what each variant found, and, in the last column, what labels say to it.

    Parameters
    ----------
    tried : iterable of (Variant, sequence of Trial)
    labels : ndarray of int, shape (n,), or None
        Of the images that the subsets were drawn from.

    Returns
    -------
    DataFrame
        Indexed by name; columns ``silhouette``, ``agreement``, ``n_clusters`` (a tuple), and
        ``accuracy`` by majority, NaN without labels.
    """
    rows = {
        variant.name: {
            "silhouette": np.mean([trial.silhouette for trial in trials]),
            "agreement": agreement(trials),
            "n_clusters": tuple(trial.n_clusters for trial in trials),
            "accuracy": np.mean([_accuracy(trial, labels) for trial in trials]),
        }
        for variant, trials in tried
    }
    return pd.DataFrame.from_dict(rows, orient="index")


def _accuracy(trial: Trial, labels: Labels | None) -> float:
    if labels is None:
        return float("nan")
    truth = labels[trial.members]
    names = scores.name_by_majority(trial.clusters, truth, trial.n_clusters)
    return scores.accuracy(truth, trial.clusters, names)
