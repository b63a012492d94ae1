"""Ways to come from images to clusters, tried side by side on samples, without a label."""

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
from mnist_clust.cluster import name_by_majority
from mnist_clust.data import Images, Labels
from mnist_clust.features import Deskew, NormalizeSize, OrientedGradients, principal_components
from mnist_clust.maps import rows_without_groups
from mnist_clust.pipeline import best_clustering, counts_to_try
from numba_tsne import TSNE, nearest_neighbors
from numba_tsne._parallel import side_by_side

SHARE = 0.8  # of the images in each subset


@dataclass(frozen=True)
class Variant:
    """One way to come from images to a map.

    Attributes
    ----------
    name : str
    deskewed : bool
    one_size : bool
        Bring the ink of all images to one size.
    gradients : bool
        Describe by oriented gradients; else by pixels.
    blur : float
        Of the gradients, in pixels.
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
    deskewed: bool = False
    one_size: bool = False
    gradients: bool = False
    blur: float = 1.5
    n_components: int = 50
    n_neighbors: int | None = 15
    exaggeration: float = 2.5
    n_dimensions: int = 2


@dataclass(frozen=True)
class Trial:
    """A variant's clustering of one sample.

    Attributes
    ----------
    members : ndarray of int, shape (n,)
        Which images were drawn.
    clusters : ndarray of int32, shape (n,)
        With the number of clusters that has the highest silhouette.
    silhouette : float
        Its mean.
    n_clusters : int
    """

    members: npt.NDArray[np.intp]
    clusters: npt.NDArray[np.int32]
    silhouette: float
    n_clusters: int


def describe_variant(images: Images, variant: Variant) -> npt.NDArray[np.float32]:
    """Make the rows of a variant.

    Parameters
    ----------
    images : ndarray of uint8, shape (n, height, width)
    variant : Variant

    Returns
    -------
    ndarray of shape (n, n_components), float32
    """
    pictures = images.astype(np.float32) / np.float32(255)
    if variant.deskewed:
        pictures = Deskew().transform(pictures)
    if variant.one_size:
        pictures = NormalizeSize().transform(pictures)
    if variant.gradients:
        pictures = OrientedGradients(blur=variant.blur).transform(pictures)
    return principal_components(pictures.reshape(len(pictures), -1), variant.n_components)


def try_variants(
    images: Images, variants: Iterable[Variant], *, n_trials: int = 3, seed: int = 0
) -> list[list[Trial]]:
    """Cluster random subsets of images in several ways, each subset with a seed of its own.

    Parameters
    ----------
    images : ndarray of uint8, shape (n, height, width)
    variants : iterable of Variant
    n_trials : int, default 3
    seed : int, default 0
        Of the first trial; the others count on.

    Returns
    -------
    list of list of Trial
        By variant.
    """
    ways = list(variants)
    described = {way: _described_as(way) for way in ways}
    kinds = list(dict.fromkeys(described.values()))
    made = side_by_side(delayed(describe_variant)(images, kind) for kind in kinds)
    rows = dict(zip(kinds, made, strict=True))
    trials = side_by_side(
        delayed(_try_once)(rows[described[way]], way, seed + number)
        for way in ways
        for number in range(n_trials)
    )
    return [trials[start : start + n_trials] for start in range(0, len(trials), n_trials)]


def _described_as(way: Variant) -> Variant:
    """Leave of a variant what its rows hang on: those of one kind are made once."""
    usual = Variant("rows")
    return replace(
        way,
        name=usual.name,
        n_neighbors=usual.n_neighbors,
        exaggeration=usual.exaggeration,
        n_dimensions=usual.n_dimensions,
    )


def _try_once(rows: npt.NDArray[np.float32], variant: Variant, seed: int) -> Trial:
    drawn = np.random.default_rng(seed).choice(len(rows), round(SHARE * len(rows)), replace=False)
    members = np.sort(drawn)
    embedding = _embed(rows[members], variant, seed)
    counts = counts_to_try(len(members))
    silhouettes, clusters = best_clustering(embedding, counts, random_state=seed)
    return Trial(members, clusters, float(silhouettes.max()), int(silhouettes.idxmax()))


def _embed(rows: npt.NDArray[np.float32], variant: Variant, seed: int) -> npt.NDArray[np.float32]:
    graph = nearest_neighbors(rows, min(variant.n_neighbors or 90, len(rows) - 1))
    tsne = TSNE(
        variant.n_dimensions,
        perplexity=min(30, graph.n_neighbors / 3),
        n_neighbors=variant.n_neighbors and graph.n_neighbors,
        exaggeration=variant.exaggeration,
        random_state=seed,
    )
    return np.asarray(tsne.fit_transform(rows, neighbors=graph))


def stability(trials: Sequence[Trial]) -> float:
    """Mean adjusted Rand index between the trials' clusterings of the images they share.

    Parameters
    ----------
    trials : sequence of Trial
        At least two.

    Returns
    -------
    float
        1 if all agree, 0 if no more than by chance.
    """
    return float(np.mean([_agreement(a, b) for a, b in itertools.combinations(trials, 2)]))


def silhouette_curve(embedding: npt.NDArray[np.float32], *, random_state: int = 0) -> pd.Series:
    """Mean silhouette of a map for each number of clusters from 2 to 20; see `best_clustering`."""
    counts = counts_to_try(len(embedding))
    return best_clustering(embedding, counts, random_state=random_state)[0]


def control_curve(rows: npt.NDArray[np.float32], *, random_state: int = 0) -> pd.Series:
    """Ask the same of a map made with the chosen settings from data without any groups.

    Parameters
    ----------
    rows : ndarray of shape (n, n_components)
        What the chosen map is made of; the control spreads like them.
    random_state : int, default 0

    Returns
    -------
    Series
        As from `silhouette_curve`.
    """
    control = rows_without_groups(rows, random_state=random_state)
    return silhouette_curve(_embed(control, SHARP, random_state), random_state=random_state)


def _agreement(first: Trial, second: Trial) -> float:
    _, here, there = np.intersect1d(first.members, second.members, return_indices=True)
    return float(adjusted_rand_score(first.clusters[here], second.clusters[there]))


def compare_variants(
    tried: Iterable[tuple[Variant, Sequence[Trial]]], labels: Labels | None
) -> pd.DataFrame:
    """Tell what each variant found, and, in the last columns, what labels say to it.

    Parameters
    ----------
    tried : iterable of (Variant, sequence of Trial)
    labels : ndarray of int, shape (n,), or None
        Of the images that the samples were drawn from.

    Returns
    -------
    DataFrame
        Indexed by name; columns ``silhouette``, ``lowest`` and ``highest`` over the trials,
        ``stability``, ``n_clusters`` (a tuple), and ``accuracy`` by majority, NaN without labels.
    """
    rows = {
        variant.name: {
            "silhouette": np.mean([trial.silhouette for trial in trials]),
            "lowest": min(trial.silhouette for trial in trials),
            "highest": max(trial.silhouette for trial in trials),
            "stability": stability(trials),
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
    names = name_by_majority(trial.clusters, truth, trial.n_clusters)
    return scores.accuracy(truth, trial.clusters, names)


PLAIN = Variant("pixels, plain map", n_neighbors=None, exaggeration=1.0)
SHARP = Variant(
    "+ oriented gradients", deskewed=True, one_size=True, gradients=True, n_components=100
)
STEPS = (
    PLAIN,
    Variant("+ exaggeration 2.5", n_neighbors=None),
    Variant("+ graph of 15 neighbours"),
    Variant("+ deskewed", deskewed=True),
    Variant("+ one size", deskewed=True, one_size=True),
    SHARP,
)
OTHERS = (
    replace(SHARP, name="without exaggeration", exaggeration=1.0),
    replace(SHARP, name="exaggeration 4", exaggeration=4.0),
    replace(SHARP, name="perplexity 30", n_neighbors=None),
    replace(SHARP, name="not deskewed", deskewed=False),
    replace(SHARP, name="not to one size", one_size=False),
    replace(SHARP, name="more blur", blur=2.0),
    replace(SHARP, name="map in 3-D", n_dimensions=3),
)
