"""The estimator: scikit-learn's conventions around the engine."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.decomposition import PCA
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from mnist_clust._parallel import Pool, one_thread
from mnist_clust.tsne.affinities import perplexity_affinities, uniform_affinities
from mnist_clust.tsne.graph import NeighborGraph
from mnist_clust.tsne.neighbors import NewcomerSearch, Scaling, nearest_neighbors
from mnist_clust.tsne.optimizer import Callback, Descent, Phase, Progress, optimize
from mnist_clust.tsne.repulsion import THETA
from mnist_clust.tsne.transform import NEIGHBORS, place_points

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray
    from sklearn.utils import Tags

START_SPREAD = 1e-4  # standard deviation of the first component before the first iteration
JITTER = 1e-6  # parts points that begin at the same place
SLOWEST = 200.0  # learning rate of a small map, as scikit-learn and FIt-SNE have it
REPORT_EVERY = 50
NUMBER = int | float | np.integer | np.floating


class TSNE(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """t-distributed stochastic neighbour embedding in one to three dimensions.

    Parameters
    ----------
    n_components : {1, 2, 3}, default=2
        Dimensions of the map.
    perplexity : float, default=30
        How many neighbours each point has in effect; at least 1 and below the number of other
        points. Three times as many are searched.
    n_neighbors : int, optional
        Weigh this many nearest neighbours equally, instead of by perplexity. 15 make nearly the
        map of perplexity 30, with a fifth of its edges.
    exaggeration : float, default=1.0
        Factor on the attraction after the early phase. Above 1 it pulls clusters together.
    early_exaggeration : float, default=12.0
        Factor on the attraction in the early phase.
    early_exaggeration_iter : int, default=250
        Iterations of the early phase.
    n_iter : int, default=500
        Iterations after it.
    learning_rate : float or "auto", default="auto"
        Step length; "auto" is the number of points divided by the exaggeration of the phase,
        but at least 200.
    theta : float, default=0.8
        Accuracy of the repulsion, from 0, which is exact and slow, to 1.
    init : {"pca", "random"} or array-like of shape (n_samples, n_components), default="pca"
        Where points begin. An array is taken as it is; the others are scaled to a standard
        deviation of 1e-4.
    metric : str, default="euclidean"
        Distance in the input space, by the name scikit-learn has for it.
    n_jobs : int or None, default=None
        Threads; None for all cores. The map does not depend on it.
    random_state : int, RandomState instance or None, default=None
        Seeds ``init="random"`` and the last digits of the others.
    verbose : bool, default=False
        Print the divergence every 50 iterations.
    callback : callable, optional
        Called as ``callback(progress)`` after each iteration, in the thread that fits, with a
        `Progress`: ``progress.iteration`` (from 1 to ``progress.n_iter``), ``progress.phase``
        (``"early exaggeration"`` or ``"optimization"``), and the methods
        ``progress.embedding()``, a copy of the map in the order of the data, and
        ``progress.kl_divergence()``. What is not asked for costs nothing. Its result is ignored;
        an exception it raises ends the fit and leaves the estimator as it was.

    Attributes
    ----------
    embedding_ : ndarray of shape (n_samples, n_components), float32
        The map, centred.
    kl_divergence_ : float
        Divergence between affinities and map, in nats, without exaggeration.
    n_iter_ : int
        Iterations done.
    affinities_ : csr_matrix of shape (n_samples, n_samples), float32
        Joint probabilities the map reproduces; symmetric, with a sum of one.
    n_features_in_ : int
        Number of features seen in `fit`.

    See Also
    --------
    nearest_neighbors : The neighbour graph that several fits can share.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from mnist_clust.tsne import TSNE, nearest_neighbors
    >>> flowers = load_iris().data
    >>> graph = nearest_neighbors(flowers, 90)
    >>> flat = TSNE(2, random_state=0).fit(flowers, neighbors=graph)
    >>> solid = TSNE(3, random_state=0).fit(flowers, neighbors=graph)
    >>> flat.embedding_.shape, solid.embedding_.shape, flat.transform(flowers[:5]).shape
    ((150, 2), (150, 3), (5, 2))
    """

    def __init__(
        self,
        n_components: int = 2,
        perplexity: float = 30,
        n_neighbors: int | None = None,
        exaggeration: float = 1.0,
        early_exaggeration: float = 12.0,
        early_exaggeration_iter: int = 250,
        n_iter: int = 500,
        learning_rate: float | str = "auto",
        theta: float = THETA,
        init: str | ArrayLike = "pca",
        metric: str = "euclidean",
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: bool = False,
        callback: Callback | None = None,
    ) -> None:
        self.n_components = n_components
        self.perplexity = perplexity
        self.n_neighbors = n_neighbors
        self.exaggeration = exaggeration
        self.early_exaggeration = early_exaggeration
        self.early_exaggeration_iter = early_exaggeration_iter
        self.n_iter = n_iter
        self.learning_rate = learning_rate
        self.theta = theta
        self.init = init
        self.metric = metric
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose
        self.callback = callback

    def fit(
        self, X: ArrayLike, y: object = None, *, neighbors: NeighborGraph | None = None
    ) -> Self:
        """Make a map of the rows of ``X``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            At least two rows, all values finite.
        y : ignored
        neighbors : NeighborGraph, optional
            The neighbours of the same rows, from `nearest_neighbors`, when they are known
            already: three times the perplexity of them, or `n_neighbors`; a graph with more is
            cut down.

        Returns
        -------
        TSNE
            The estimator. When a fit is interrupted, it stays as it was before.

        Raises
        ------
        ValueError
            If a parameter is out of range, there are too few points for it, all points are
            equal, or the neighbours are not those of this many points.
        """
        self._check_parameters()
        rows: NDArray[np.floating] = check_array(
            X, dtype=(np.float64, np.float32), ensure_min_samples=2, estimator=self
        )
        wanted = self._wanted_neighbors(len(rows))
        start = self._start(rows)
        neighbors = self._checked(neighbors, rows, wanted)
        with Pool(self.n_jobs) as pool:
            if self.n_neighbors is None:
                affinities = perplexity_affinities(neighbors, self.perplexity, pool)
            else:
                affinities = uniform_affinities(neighbors)
            descent = Descent(affinities, start, self.theta, pool)
            phases = self._phases(len(rows))
            optimize(descent, phases, self._callback())
            divergence = descent.kl_divergence()
            embedding = descent.embedding()
        search = NewcomerSearch(rows, self.metric, self.n_jobs)
        validate_data(self, X, skip_check_array=True)  # names and number of the features
        self.embedding_ = embedding
        self.kl_divergence_ = divergence
        self.n_iter_ = sum(phase.n_iter for phase in phases)
        self.affinities_ = affinities
        self._search = search
        self._n_features_out = self.n_components
        return self

    def fit_transform(
        self, X: ArrayLike, y: object = None, *, neighbors: NeighborGraph | None = None
    ) -> NDArray[np.float32]:
        """Make a map of the rows of ``X`` and return it.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            At least two rows, all values finite.
        y : ignored
        neighbors : NeighborGraph, optional
            As in `fit`.

        Returns
        -------
        ndarray of shape (n_samples, n_components), float32
        """
        return self.fit(X, y, neighbors=neighbors).embedding_

    def transform(self, X: ArrayLike) -> NDArray[np.float32]:
        """Place rows on the finished map, which does not move.

        Parameters
        ----------
        X : array-like of shape (n_new, n_features)
            All values finite.

        Returns
        -------
        ndarray of shape (n_new, n_components), float32
            The place of each row depends on that row alone, not on the others. A row that was
            among those of `fit` is put where that one is.
        """
        check_is_fitted(self)
        rows = validate_data(self, X, dtype=(np.float64, np.float32), reset=False)
        graph = self._search.nearest(rows, NEIGHBORS, self.n_jobs)
        return place_points(graph, self.embedding_, self.theta, self.n_jobs)

    def _check_parameters(self) -> None:
        """Refuse parameters that mean nothing, whatever the data."""
        given = self.get_params(deep=False)
        counts = {"n_components": (1, 3), "early_exaggeration_iter": (0, None), "n_iter": (0, None)}
        if given["n_neighbors"] is not None:
            counts["n_neighbors"] = (1, None)
        for name, (least, most) in counts.items():
            value = given[name]
            if not isinstance(value, int | np.integer) or value < least or (most and value > most):
                wanted = f"from {least} to {most}" if most else f"of at least {least}"
                raise ValueError(f"{name}={value!r} must be an integer {wanted}.")
        positive = ["exaggeration", "early_exaggeration"]
        if given["learning_rate"] != "auto":
            positive.append("learning_rate")
        for name in positive:
            if not isinstance(given[name], NUMBER) or not 0 < given[name] < np.inf:
                raise ValueError(f"{name}={given[name]!r} must be a positive number.")
        if not isinstance(given["theta"], NUMBER) or not 0 <= given["theta"] <= 1:
            raise ValueError(f"theta={self.theta!r} must be a number from 0 to 1.")
        if self.metric == "precomputed":
            raise ValueError("Pass known neighbours as fit(X, neighbors=...), not as a metric.")

    def _wanted_neighbors(self, n: int) -> int:
        """How many neighbours a point the affinities need."""
        if self.n_neighbors is not None:
            if self.n_neighbors >= n:
                raise ValueError(
                    f"n_neighbors={self.n_neighbors} must be below n_samples={n}; "
                    "choose fewer neighbours."
                )
            return int(self.n_neighbors)
        perplexity: object = self.perplexity
        if not isinstance(perplexity, NUMBER) or not 1 <= perplexity <= n - 1:
            raise ValueError(
                f"perplexity={perplexity!r} must be between 1 and n_samples - 1 = {n - 1}; "
                "a third of the number of points is already much."
            )
        return min(n - 1, int(np.ceil(3 * float(perplexity))))

    def _checked(
        self, neighbors: NeighborGraph | None, X: NDArray[np.floating], wanted: int
    ) -> NeighborGraph:
        """Find the neighbours, or make sure that those given can be those of ``X``."""
        n = len(X)
        if neighbors is None:
            return nearest_neighbors(X, wanted, metric=self.metric, n_jobs=self.n_jobs)
        if len(neighbors.indices) != n:
            raise ValueError(
                f"The neighbours are those of {len(neighbors.indices)} points and X has {n}; "
                "build them from the same rows."
            )
        if neighbors.indices.min() < 0 or neighbors.indices.max() >= n:
            raise ValueError(f"The indices of the neighbours must be between 0 and {n - 1}.")
        return neighbors.nearest(wanted)

    def _start(self, X: NDArray[np.floating]) -> NDArray[np.floating]:
        """Where the points begin."""
        if np.array_equal(X.min(axis=0), X.max(axis=0)):
            raise ValueError("All rows of X are equal, so there is nothing to map.")
        random = check_random_state(self.random_state)
        shape = (len(X), int(self.n_components))
        if not isinstance(self.init, str):
            start = np.array(self.init, dtype=np.float64)
            if start.shape != shape or not np.isfinite(start).all():
                raise ValueError(
                    f"init must be finite and of shape {shape}, one row for each row of X; "
                    f"its shape is {start.shape}."
                )
            return start
        if self.init == "random":
            return np.asarray(random.normal(scale=START_SPREAD, size=shape))
        if self.init != "pca":
            raise ValueError(f'init={self.init!r} must be "pca", "random" or an array.')
        start = np.asarray(random.normal(scale=JITTER, size=shape))
        components = min(shape[1], *X.shape)
        # One thread, so that no bit depends on how many there are.
        with one_thread("blas"):
            scores = PCA(components, random_state=random).fit_transform(Scaling.of(X).apply(X))
        start[:, :components] += scores * (START_SPREAD / scores[:, 0].std())
        return start

    def _phases(self, n: int) -> list[Phase]:
        """Early exaggeration and what follows."""

        def rate(exaggeration: float) -> float:
            auto = isinstance(self.learning_rate, str)
            return max(SLOWEST, n / exaggeration) if auto else float(self.learning_rate)

        early, late = self.early_exaggeration, self.exaggeration
        return [
            Phase("early exaggeration", self.early_exaggeration_iter, early, rate(early), 0.5),
            Phase("optimization", self.n_iter, late, rate(late), 0.8),
        ]

    def _callback(self) -> Callback | None:
        """Join the caller's callback and the printing of `verbose`."""
        if not self.verbose:
            return self.callback
        began = time.perf_counter()

        def report(progress: Progress) -> None:
            if progress.iteration % REPORT_EVERY == 0:
                print(
                    f"{progress.phase}: iteration {progress.iteration} of {progress.n_iter}, "
                    f"divergence {progress.kl_divergence():.4f}, "
                    f"{time.perf_counter() - began:.1f} s"
                )
            if self.callback is not None:
                self.callback(progress)

        return report

    def __sklearn_tags__(self) -> Tags:
        tags: Any = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []
        return tags
