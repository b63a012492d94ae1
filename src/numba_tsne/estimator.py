"""The estimator: scikit-learn's conventions around the engine."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data

from numba_tsne import saved
from numba_tsne._parallel import Pool
from numba_tsne.affinities import perplexity_affinities, uniform_affinities
from numba_tsne.graph import NeighborGraph
from numba_tsne.neighbors import NeighborIndex, as_rows, known_neighbors, nearest_neighbors
from numba_tsne.optimizer import Callback, Descent, Phase, Progress, optimize
from numba_tsne.repulsion import THETA
from numba_tsne.start import given_start, principal_start, random_start, spectral_start
from numba_tsne.transform import NEIGHBORS, place_points

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray
    from scipy.sparse import csr_matrix
    from sklearn.utils import Tags

    from numba_tsne.neighbors import Rows

SLOWEST = 200.0  # learning rate of a small map, as scikit-learn and FIt-SNE have it
REPORT_EVERY = 50


class TSNE(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """t-distributed stochastic neighbour embedding in one to three dimensions.

    Parameters
    ----------
    n_components : {1, 2, 3}, default=2
        Dimensions of the map.
    perplexity : float, default=30
        How many neighbours each point has in effect; at least 1 and at most the number of other
        points. Three times as many are searched.
    n_neighbors : int, optional
        Weigh this many nearest neighbours equally, instead of by perplexity. 15 make nearly the
        map of perplexity 30, with a fifth of its edges.
    exaggeration : float, default=1.0
        Factor on the attraction after the early phase. Above 1 it pulls clusters together.
    early_exaggeration : float, default=12.0
        Factor on the attraction in the early phase. This one and the other from 1e-4 to 1e4.
    early_exaggeration_iter : int, default=250
        Iterations of the early phase. It ends before where it draws the whole map into a point, as
        it does where there are no clusters.
    n_iter : int, default=500
        Iterations after it.
    learning_rate : float or "auto", default="auto"
        Step length, from 1e-6 to 1e8; "auto" is the number of points divided by the exaggeration
        of the phase, but at least 200.
    theta : float, default=0.8
        Accuracy of the repulsion, from 0, which is exact and slow, to 1.
    init : {"pca", "random"} or array-like of shape (n_samples, n_components), default="pca"
        Where points begin. An array is taken as it is, and may reach 100,000 from its centre; the
        others are scaled to a standard deviation of 1e-4. Where there are no features, the
        leading eigenvectors of the affinities take the place of principal components.
    metric : str, default="euclidean"
        Distance in the input space, by the name scikit-learn has for it; "precomputed" if ``X`` is
        a matrix of distances.
    n_jobs : int or None, default=None
        Threads; None for all cores. The map does not depend on it.
    random_state : int, RandomState instance or None, default=None
        Seeds ``init="random"`` and the last digits of the others.
    verbose : bool or int, default=False
        Show a bar in a notebook or on a terminal, and on it the divergence every 50 iterations.
    callback : callable, optional
        Called as ``callback(progress)`` after each iteration, in the thread that fits, with a
        `Progress`: ``progress.iteration`` (from 1 to ``progress.n_iter``), ``progress.phase``
        (``"early exaggeration"`` or ``"optimization"``), and the methods
        ``progress.embedding()``, a copy of the map in the order of the data, and
        ``progress.kl_divergence()``. What is not asked for costs nothing. If it returns True, the
        map stays as it is then; an exception it raises ends the fit and leaves the estimator as it
        was.
    keep_interrupted : bool, default=False
        Keep the last whole map when the optimisation is interrupted from the keyboard, before the
        interrupt goes on its way. Otherwise the estimator stays as it was.

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
        Number of features seen in `fit`, unless there was no ``X``.

    See Also
    --------
    nearest_neighbors : The neighbour graph that several fits can share.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from numba_tsne import TSNE, nearest_neighbors
    >>> flowers = load_iris().data
    >>> graph = nearest_neighbors(flowers, 90)
    >>> flat = TSNE(2, random_state=0).fit(flowers, neighbors=graph)
    >>> solid = TSNE(3, random_state=0).fit(flowers, neighbors=graph)
    >>> flat.embedding_.shape, solid.embedding_.shape, flat.transform(flowers[:5]).shape
    ((150, 2), (150, 3), (5, 2))
    """

    # Bounds keep every number that kernels meet within float32.
    _parameter_constraints: ClassVar[dict[str, list[object]]] = {
        "n_components": [Interval(Integral, 1, 3, closed="both")],
        "perplexity": [Interval(Real, 0, None, closed="neither")],  # and in bounds set by the data
        "n_neighbors": [Interval(Integral, 1, None, closed="left"), None],
        "exaggeration": [Interval(Real, 1e-4, 1e4, closed="both")],
        "early_exaggeration": [Interval(Real, 1e-4, 1e4, closed="both")],
        "early_exaggeration_iter": [Interval(Integral, 0, None, closed="left")],
        "n_iter": [Interval(Integral, 0, None, closed="left")],
        "learning_rate": [Interval(Real, 1e-6, 1e8, closed="both"), StrOptions({"auto"})],
        "theta": [Interval(Real, 0, 1, closed="both")],
        "init": [StrOptions({"pca", "random"}), "array-like"],
        "metric": [str],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
        "callback": [callable, None],
        "keep_interrupted": ["boolean"],
    }

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
        keep_interrupted: bool = False,
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
        self.keep_interrupted = keep_interrupted

    def fit(
        self,
        X: ArrayLike | None = None,
        y: object = None,
        *,
        neighbors: NeighborGraph | None = None,
    ) -> Self:
        """Make a map of the rows of ``X``.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features), optional
            At least two rows, all values finite. With ``metric="precomputed"`` the distances of all
            points from each other, of shape (n_samples, n_samples); of sparse ones, those that are
            stored. It may be left out where the neighbours are given. Sparse rows are compared
            with all others by scikit-learn.
        y : ignored
        neighbors : NeighborGraph, optional
            The neighbours of the same rows, from `nearest_neighbors`, when they are known
            already: three times the perplexity of them, or `n_neighbors`; a graph with more is
            cut down, and points are dropped from among their own neighbours.

        Returns
        -------
        TSNE
            The estimator. When a fit is interrupted, it stays as it was before, unless
            `keep_interrupted`.

        Raises
        ------
        ValueError
            If a parameter is out of range, there are too few points for it, all points are
            equal, or the neighbours are not those of this many points.
        """
        self._validate_params()
        keep = self.metric != "precomputed"  # the rows, to place others beside them
        rows = None if X is None else as_rows(X, ensure_min_samples=2, estimator=self, copy=keep)
        n = self._count(rows, neighbors)
        wanted = self._wanted_neighbors(n)
        random = check_random_state(self.random_state)
        start = self._start(rows, n, random)
        graph = self._graph(rows, neighbors, wanted)
        with Pool(self.n_jobs) as pool:
            if self.n_neighbors is None:
                affinities = perplexity_affinities(graph, self.perplexity, pool)
            else:
                affinities = uniform_affinities(graph)
            if start is None:
                start = spectral_start(affinities, self.n_components, random)
            embedding, divergence, n_iter, interrupt = self._descend(affinities, start, pool)
        self._keep(X, rows, embedding)
        self.kl_divergence_ = divergence
        self.n_iter_ = n_iter
        self.affinities_ = affinities
        if interrupt is not None:
            raise interrupt
        return self

    def fit_transform(
        self,
        X: ArrayLike | None = None,
        y: object = None,
        *,
        neighbors: NeighborGraph | None = None,
    ) -> NDArray[np.float32]:
        """Make a map of the rows of ``X`` and return it.

        Parameters
        ----------
        X, y, neighbors
            As in `fit`.

        Returns
        -------
        ndarray of shape (n_samples, n_components), float32
            A copy of `embedding_`.
        """
        return self.fit(X, y, neighbors=neighbors).embedding_.copy()

    def transform(
        self, X: ArrayLike | None = None, *, neighbors: NeighborGraph | None = None
    ) -> NDArray[np.float32]:
        """Place rows on the finished map, which does not move.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_new, n_features), optional
            All values finite. With ``metric="precomputed"`` the distances from the points of the
            map, of shape (n_new, n_samples); of sparse ones, those that are stored.
        neighbors : NeighborGraph, optional
            The nearest points of the map to each new point. Needed where the map was made of
            neighbours alone.

        Returns
        -------
        ndarray of shape (n_new, n_components), float32
            The place of each row depends on that row alone, not on the others. A row that was
            among those of `fit` is put where that one is; of several equal ones, the first.
        """
        check_is_fitted(self)
        n = len(self.embedding_)
        if neighbors is not None:
            graph = _checked(neighbors, n)
            if X is not None:
                rows = as_rows(X, estimator=self)
                validate_data(self, X, reset=False, skip_check_array=True)
                _check_same_number(rows, graph)
            graph = graph.nearest(min(NEIGHBORS, graph.n_neighbors))
            return place_points(graph, self.embedding_, self.theta, self.n_jobs)
        if X is None or not hasattr(self, "n_features_in_"):
            raise ValueError(
                "This needs the neighbours of the new points among those of the map: pass "
                "transform(neighbors=...), or rows to both fit and transform."
            )
        rows = as_rows(X, estimator=self)
        validate_data(self, X, reset=False, skip_check_array=True)
        if self._search is None:
            fewest = min(np.diff(rows.indptr).min() if issparse(rows) else n, NEIGHBORS)
            graph = known_neighbors(rows, max(1, fewest), among_themselves=False)
            return place_points(graph, self.embedding_, self.theta, self.n_jobs)
        graph = self._search.nearest(rows, NEIGHBORS, self.n_jobs)
        places = place_points(graph, self.embedding_, self.theta, self.n_jobs)
        same = self._search.known(rows)
        places[same >= 0] = self.embedding_[same[same >= 0]]
        return places

    def save(self, path: str | Path) -> None:
        """Write all that `transform` needs to one file, as plain arrays.

        Rows are kept in single precision where that holds them without loss. `affinities_`, a
        callback and a ``RandomState`` are left out.

        Parameters
        ----------
        path : str or Path
            Its name should end in ``.npz``; nothing in it is pickled.

        Raises
        ------
        ValueError
            If it would be larger than what `load` reads, 2 GiB.
        """
        check_is_fitted(self)
        saved.write(Path(path), self, self._search)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a map that `save` wrote, with this version or an older one.

        Parameters
        ----------
        path : str or Path

        Returns
        -------
        TSNE
            Ready to `transform`.

        Raises
        ------
        ValueError
            If the file is damaged, or was written by a newer version.
        """
        tsne = cls()
        rows = saved.read(Path(path), tsne)
        tsne._search = None if rows is None else NeighborIndex(rows, tsne.metric, tsne.n_jobs)
        tsne._n_features_out = tsne.n_components
        return tsne

    def _keep(self, X: ArrayLike | None, rows: Rows | None, embedding: NDArray[np.float32]) -> None:
        """Keep the map and what new points are compared with."""
        featureless = rows is None or self.metric == "precomputed"
        search = None if featureless else NeighborIndex(rows, self.metric, self.n_jobs)
        for name in ("n_features_in_", "feature_names_in_"):
            if X is None and hasattr(self, name):
                delattr(self, name)
        if X is not None:
            validate_data(self, X, skip_check_array=True)  # names and number of the features
        self.embedding_ = embedding
        self._search = search
        self._n_features_out = self.n_components

    def _count(self, rows: Rows | None, neighbors: NeighborGraph | None) -> int:
        """How many points there are."""
        if rows is not None:
            return int(rows.shape[0])
        if neighbors is None:
            raise ValueError("There is nothing to map: pass X, or neighbors=..., or both.")
        return len(_checked(neighbors).indices)

    def _wanted_neighbors(self, n: int) -> int:
        """How many neighbours a point the affinities need."""
        if self.n_neighbors is not None:
            if self.n_neighbors >= n:
                raise ValueError(
                    f"n_neighbors={self.n_neighbors} must be below n_samples={n}; "
                    "choose fewer neighbours."
                )
            return int(self.n_neighbors)
        if not 1 <= self.perplexity <= n - 1:
            raise ValueError(
                f"perplexity={self.perplexity} must be between 1 and n_samples - 1 = {n - 1}; "
                "a third of the number of points is already much."
            )
        return min(n - 1, int(np.ceil(3 * float(self.perplexity))))

    def _graph(
        self, rows: Rows | None, neighbors: NeighborGraph | None, wanted: int
    ) -> NeighborGraph:
        """Find the neighbours, or make sure that those given can be those of the rows."""
        if neighbors is None:
            assert rows is not None, "`_count` has refused to do without both"
            return nearest_neighbors(rows, wanted, metric=self.metric, n_jobs=self.n_jobs)
        graph = _checked(neighbors)
        n = len(graph.indices)
        if rows is not None:
            _check_same_number(rows, graph)
        graph, own = _checked(graph, n), np.arange(n)
        if (graph.indices == own[:, None]).any():
            graph = graph.without_own(own)
        return graph.nearest(wanted)

    def _start(
        self, rows: Rows | None, n: int, random: np.random.RandomState
    ) -> NDArray[np.float64] | None:
        """Where the points begin, if that can be told without the affinities."""
        if rows is not None and _all_equal(rows):
            raise ValueError("All rows of X are equal, so there is nothing to map.")
        shape = (n, int(self.n_components))
        if not isinstance(self.init, str):
            return given_start(self.init, shape)
        if self.init == "random":
            return random_start(shape, random)
        if rows is None or self.metric == "precomputed":
            return None
        return principal_start(rows, self.n_components, random)

    def _descend(
        self, affinities: csr_matrix, start: NDArray[np.float64], pool: Pool
    ) -> tuple[NDArray[np.float32], float, int, KeyboardInterrupt | None]:
        """Let the map move; return it, and the interrupt that ended that if it is kept in spite."""
        descent = Descent(affinities, start, self.theta, pool)
        phases = self._phases(len(start))
        kept, collapsed = None, False
        try:
            with self._reporting(sum(phase.n_iter for phase in phases)) as callback:
                collapsed = optimize(descent, phases, callback)
        except KeyboardInterrupt as interrupt:
            if not self.keep_interrupted:
                raise
            kept = interrupt
        if collapsed:
            warnings.warn(
                f"The map has collapsed: exaggeration={self.exaggeration:g} draws points into one "
                "that form no clusters. Lower it.",
                ConvergenceWarning,
                stacklevel=4,
            )
        return descent.embedding(), descent.kl_divergence(), descent.n_iter, kept

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

    @contextmanager
    def _reporting(self, n_iter: int) -> Iterator[Callback | None]:
        """Join the caller's callback and the bar of `verbose`."""
        if not self.verbose:
            yield self.callback
            return
        from tqdm.auto import tqdm  # which brings half of Jupyter with it
        from tqdm.notebook import tqdm_notebook

        # Outside a notebook, `None` leaves it out unless there is a terminal.
        silent = False if issubclass(tqdm, tqdm_notebook) else None
        with tqdm(total=n_iter, disable=silent) as bar:

            def report(progress: Progress) -> object:
                if progress.iteration % REPORT_EVERY == 0:
                    bar.set_description(progress.phase, refresh=False)
                    bar.set_postfix(divergence=f"{progress.kl_divergence():.4f}", refresh=False)
                bar.update()
                return self.callback(progress) if self.callback is not None else None

            yield self.callback if bar.disable else report

    def __sklearn_tags__(self) -> Tags:
        tags: Any = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.pairwise = self.metric == "precomputed"
        tags.transformer_tags.preserves_dtype = []
        return tags


def _rows_optional(method: Callable[..., Any]) -> Callable[..., Any]:
    """Let rows be left out, which scikit-learn's wrapper for `set_output` does not provide for."""

    @functools.wraps(method)
    def call(self: TSNE, X: ArrayLike | None = None, *args: Any, **kwargs: Any) -> Any:
        return method(self, X, *args, **kwargs)

    return call


for _name in ("fit_transform", "transform"):
    setattr(TSNE, _name, _rows_optional(getattr(TSNE, _name)))


def _checked(neighbors: NeighborGraph, n: int | None = None) -> NeighborGraph:
    """Make sure that neighbours are a graph, and of these points if it is known how many."""
    graph: object = neighbors
    if not isinstance(graph, NeighborGraph):
        raise ValueError(
            f"neighbors must be a NeighborGraph, not a {type(graph).__name__}: make one by "
            "nearest_neighbors(X, n_neighbors), or NeighborGraph(indices, distances)."
        )
    if n is not None and graph.indices.max() >= n:
        raise ValueError(f"The indices of the neighbours must be between 0 and {n - 1}.")
    return graph


def _check_same_number(rows: Rows, graph: NeighborGraph) -> None:
    if rows.shape[0] != len(graph.indices):
        raise ValueError(
            f"The neighbours are those of {len(graph.indices)} points and X has {rows.shape[0]}; "
            "build them from the same rows."
        )


def _all_equal(rows: Rows) -> bool:
    low, high = rows.min(axis=0), rows.max(axis=0)
    return not (high - low).count_nonzero() if issparse(rows) else np.array_equal(low, high)
