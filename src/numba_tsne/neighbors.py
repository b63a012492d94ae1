"""The nearest neighbours of rows: exact where that is quick, nearly all of them for very many."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import coo_array, csr_array, issparse
from scipy.spatial import KDTree
from sklearn.neighbors import NearestNeighbors
from sklearn.utils import check_array
from sklearn.utils._param_validation import Interval, validate_parameter_constraints

from numba_tsne._parallel import Pool, one_thread
from numba_tsne.cells import Cells, approximate_neighbors
from numba_tsne.exact import exact_neighbors
from numba_tsne.graph import NeighborGraph

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

EXACT_WORK = 4e12  # comparisons times features, and a hundred for what each costs beside them
FLAT = 3  # features up to which a tree dismisses nearly all rows unseen
MANY = 10_000  # rows from which on cells pay for new points, who come to the same rows again
SHARE = 1 / 16  # of the cells that a new point looks through
ROWS = 256  # scaled at a time, to need no second copy
LONGEST = 1e38  # distances between rows twice as long would overflow in float32
SHORTEST = 1e-35  # distances in data of less extent would lose their digits in float32
FARTHEST = 1e15  # times the data's own size; squares of new points from beyond would overflow
CLOSE_ENOUGH = 1e-5  # relative error of a distance that float32 is trusted with
WITH_PARAMETERS = ("mahalanobis", "seuclidean")  # metrics that cannot be told by name alone

Rows = Any  # ndarray or csr_array of shape (n_samples, n_features), float32 or float64


@dataclass(frozen=True)
class Scaling:
    """Shift and scale that bring data near zero and one, so that float32 can hold its squares.

    Attributes
    ----------
    offset : ndarray of shape (n_features,), float64
        Subtracted first.
    scale : float
        Divided by next; a power of two, which changes no digit.
    """

    offset: NDArray[np.float64]
    scale: float

    @classmethod
    def of(cls, X: NDArray[np.floating]) -> Scaling:
        """Measure data."""
        with np.errstate(over="ignore", invalid="ignore"):
            offset = X.mean(axis=0, dtype=np.float64)
            low, high = X.min(axis=0), X.max(axis=0)
            largest = float(np.maximum(np.abs(high - offset), np.abs(low - offset)).max())
        _check_reach(largest, len(offset))
        span = float((high - low).max())
        if 0 < span < SHORTEST:
            raise ValueError(f"The values of X differ by less than {SHORTEST:g}; scale them first.")
        return cls(offset, float(2.0 ** np.frexp(largest)[1]) if span else 1.0)

    def apply(self, X: NDArray[np.floating]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Shift and scale rows; return with them by how much rounding has displaced each."""
        result = np.empty(X.shape, np.float32)
        lost = np.empty(len(X), np.float32)
        for start in range(0, len(X), ROWS):
            rows = (X[start : start + ROWS] - self.offset) / self.scale
            _check_reach(self.scale * float(np.abs(rows).max()), X.shape[1])
            part = result[start : start + ROWS]
            np.clip(rows, -FARTHEST, FARTHEST, out=part, casting="same_kind")
            lost[start : start + ROWS] = np.linalg.norm(rows - part, axis=1)
        return result, lost


def _check_reach(largest: float, n_features: int) -> None:
    limit = LONGEST / np.sqrt(n_features)
    if not largest < limit:
        raise ValueError(f"The values reach beyond {limit:.0e}; scale them first.")


def nearest_neighbors(
    X: ArrayLike,
    n_neighbors: int,
    *,
    queries: ArrayLike | None = None,
    metric: str = "euclidean",
    n_jobs: int | None = None,
) -> NeighborGraph:
    """Find the nearest rows of ``X`` to each row, or to each query.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        The rows to search, all finite. With ``metric="precomputed"`` the distances between them,
        of shape (n_samples, n_samples); of sparse ones, those that are stored.
    n_neighbors : int
        Neighbours a row. A row is not its own neighbour, but a duplicate of it is.
    queries : {array-like, sparse matrix} of shape (n_queries, n_features), optional
        Rows whose neighbours are wanted, instead of those of ``X`` itself; or their distances from
        the rows of ``X``, of shape (n_queries, n_samples).
    metric : str, default="euclidean"
        Any metric scikit-learn's ``NearestNeighbors`` knows by name that needs no parameter. Others
        than Euclidean, and sparse rows, are left to it, in double precision.
    n_jobs : int or None, default=None
        Threads; None for all cores. The result does not depend on it.

    Returns
    -------
    NeighborGraph

    Raises
    ------
    ValueError
        If there are too few rows, values that are not finite or beyond what float32 can hold the
        distances of, an unknown metric, or a row that has no distance by it.

    Notes
    -----
    Exact with queries, and without for up to three features, 60,000 rows of 784 or 160,000 of 50,
    which is half a minute on two cores. Above, by looking through the nearest cells, which finds
    more than 0.98 of them.

    Distances are computed in single precision, after centring. Rows of which it cannot tell the
    nearest, because of what lies between them and the rest or because many are equally far, are
    found by bounds on rounding errors, and searched again in double precision.
    """
    validate_parameter_constraints(
        {
            "n_neighbors": [Interval(Integral, 1, None, closed="left")],
            "metric": [str],
            "n_jobs": [Integral, None],
        },
        {"n_neighbors": n_neighbors, "metric": metric, "n_jobs": n_jobs},
        "nearest_neighbors",
    )
    if metric in WITH_PARAMETERS:
        raise ValueError(
            f"metric={metric!r} needs a parameter of its own: scale the rows by it instead, and "
            "take the Euclidean distance."
        )
    data, rows = as_rows(X), None if queries is None else as_rows(queries)
    n = data.shape[0]
    if n_neighbors > n - (rows is None):
        raise ValueError(
            f"n_neighbors={n_neighbors} must be between 1 and {n - (rows is None)} for {n} rows."
        )
    if rows is not None and rows.shape[1] != data.shape[1]:
        raise ValueError(
            f"The queries have {rows.shape[1]} features and the data {data.shape[1]}; "
            "they must have the same."
        )
    k = int(n_neighbors)
    if metric == "precomputed":
        if n != data.shape[1]:
            raise ValueError(
                f"Precomputed distances must be of shape (n_samples, n_samples), not {data.shape}."
            )
        return known_neighbors(data if rows is None else rows, k, among_themselves=rows is None)
    with Pool(n_jobs) as pool:
        if metric != "euclidean" or issparse(data) or issparse(rows):
            return _other_metric(data, rows, k, metric, pool)
        return _euclidean(data, rows, k, pool)


def as_rows(X: ArrayLike, **options: Any) -> Rows:
    """Check rows: finite numbers, in C order or of a sparse matrix in compressed rows."""
    kinds = (np.float64, np.float32)
    rows = check_array(X, dtype=kinds, order="C", accept_sparse="csr", **options)
    if issparse(rows):
        rows = csr_array(rows)
        if not rows.has_canonical_format:
            rows = rows.copy()
            rows.sum_duplicates()
    return rows


def _euclidean(
    data: NDArray[np.floating], rows: NDArray[np.floating] | None, n_neighbors: int, pool: Pool
) -> NeighborGraph:
    """Search in single precision, and what that leaves in doubt in double precision."""
    scaling = Scaling.of(data)
    scaled, lost = scaling.apply(data)
    wanted, lost_by_rows = (None, lost) if rows is None else scaling.apply(rows)
    flat = scaled.shape[1] <= FLAT
    if flat:
        own = np.arange(len(data)) if rows is None else None
        graph = _tree_neighbors(
            scaled, scaled if wanted is None else wanted, own, n_neighbors, pool
        )
        doubtful = np.zeros(len(graph.indices), np.bool_)
    elif rows is None and not searches_all(*scaled.shape):
        graph, doubtful = approximate_neighbors(scaled, n_neighbors, pool)
    else:
        graph, doubtful = exact_neighbors(scaled, wanted, n_neighbors, pool)
    doubtful |= displaced(graph, lost_by_rows, lost)
    graph = NeighborGraph(graph.indices, graph.distances * np.float32(scaling.scale))
    return settle_doubts(graph, doubtful, data, rows, pool)


def searches_all(n_samples: int, n_features: int) -> bool:
    """Tell whether rows are compared with all others, or found in cells."""
    return n_features <= FLAT or float(n_samples) ** 2 * (n_features + 100) <= EXACT_WORK


def displaced(
    graph: NeighborGraph, lost_by_rows: NDArray[np.float32], lost: NDArray[np.float32]
) -> NDArray[np.bool_]:
    """Tell the rows whose distances rounding of the data may have changed too much."""
    moved = lost_by_rows + lost[graph.indices].max(axis=1)
    return np.asarray(moved > CLOSE_ENOUGH * graph.distances[:, -1])


def settle_doubts(
    graph: NeighborGraph,
    doubtful: NDArray[np.bool_],
    data: NDArray[np.floating],
    rows: NDArray[np.floating] | None,
    pool: Pool,
) -> NeighborGraph:
    """Search again, in double precision, for the neighbours of rows that are in doubt."""
    which = np.flatnonzero(doubtful)
    if not which.size:
        return graph
    queries, own = (data[which], which) if rows is None else (rows[which], None)
    exact = _tree_neighbors(
        data.astype(np.float64), queries.astype(np.float64), own, graph.n_neighbors, pool
    )
    order = np.lexsort((exact.indices, exact.distances))
    indices, distances = graph.indices.copy(), graph.distances.copy()
    indices[which] = np.take_along_axis(exact.indices, order, axis=1)
    distances[which] = np.take_along_axis(exact.distances, order, axis=1)
    return NeighborGraph(indices, distances)


def _tree_neighbors(
    data: NDArray[np.floating],
    queries: NDArray[np.floating],
    own: NDArray[np.integer] | None,
    n_neighbors: int,
    pool: Pool,
) -> NeighborGraph:
    """Search a k-d tree, which in two dimensions takes a twentieth of comparing all with all.

    It computes differences in double precision, so that it is exact in any number of dimensions.
    """
    wanted = range(1, n_neighbors + 1 + (own is not None))
    distances, indices = KDTree(data).query(queries, wanted, workers=pool.n_jobs)
    graph = NeighborGraph(indices, distances)
    return graph if own is None else graph.without_own(own)


def _other_metric(
    data: Rows, rows: Rows | None, n_neighbors: int, metric: str, pool: Pool
) -> NeighborGraph:
    """Leave sparse rows, and any other distance than the Euclidean, to scikit-learn."""
    if issparse(data) or issparse(rows):
        data, rows = csr_array(data), None if rows is None else csr_array(rows)
    queries = data if rows is None else rows
    n, k = queries.shape[0], n_neighbors + (rows is None)
    search = NearestNeighbors(n_neighbors=k, metric=metric, n_jobs=1).fit(data.astype(np.float64))
    indices, distances = np.empty((n, k), np.int64), np.empty((n, k))

    def block(start: int, stop: int) -> None:
        # Always as many rows, or a product of matrices would round otherwise.
        some = queries[np.minimum(np.arange(start, start + ROWS), n - 1)].astype(np.float64)
        with one_thread("openmp"):
            found = search.kneighbors(some)
        distances[start:stop], indices[start:stop] = (each[: stop - start] for each in found)

    with one_thread("blas"):
        pool.run(block, n, ROWS)
    unknown = np.isnan(distances)
    if unknown.any():
        of_nobody = np.flatnonzero(unknown.all(axis=1))
        row = of_nobody[0] if of_nobody.size else indices[unknown][0]
        name = "queries" if of_nobody.size and rows is not None else "X"
        raise ValueError(
            f"Row {row} of {name} has no distance from others by metric={metric!r}, as may happen "
            "to constant rows and to zeros; leave it out."
        )
    graph = NeighborGraph(indices, np.maximum(distances, 0))
    return graph.without_own(np.arange(n)) if rows is None else graph


def known_neighbors(table: Rows, n_neighbors: int, *, among_themselves: bool) -> NeighborGraph:
    """Choose the smallest of known distances, those of a point to all others in each row."""
    if issparse(table):
        return _stored_neighbors(coo_array(table), among_themselves, n_neighbors)
    indices = np.empty((len(table), n_neighbors), np.int32)
    distances = np.empty((len(table), n_neighbors), np.float32)
    for i in range(len(table)):
        row = table[i].astype(np.float64)
        if among_themselves:
            row[i] = np.inf
        near = np.argpartition(row, n_neighbors - 1)[:n_neighbors]
        indices[i] = near[np.lexsort((near, row[near]))]
        distances[i] = row[indices[i]]
    return NeighborGraph(indices, distances)


def _stored_neighbors(table: coo_array, among_themselves: bool, n_neighbors: int) -> NeighborGraph:
    """Choose the smallest of the distances that a sparse matrix stores; zeros among them count."""
    row, column, value = table.row, table.col, table.data
    if among_themselves:
        others = row != column
        row, column, value = row[others], column[others], value[others]
    counts = np.bincount(row, minlength=table.shape[0])
    if counts.min() < n_neighbors:
        raise ValueError(
            f"Row {counts.argmin()} of the sparse distances stores {counts.min()} of them and "
            f"{n_neighbors} are needed; store more, or ask for a smaller perplexity or n_neighbors."
        )
    order = np.lexsort((column, value, row))
    first = np.cumsum(counts) - counts
    chosen = order[first[:, None] + np.arange(n_neighbors)]
    return NeighborGraph(column[chosen], value[chosen])


class NeighborIndex:
    """Rows made ready for finding those nearest to new points, again and again.

    Parameters
    ----------
    data : {ndarray, csr_array} of shape (n_samples, n_features), float32 or float64
        The rows, all finite. They are not copied.
    metric : str
        As in `nearest_neighbors`.
    n_jobs : int or None
        Threads; None for all cores.

    Notes
    -----
    From 10,000 rows of more than three features on, and with the Euclidean distance, a sixteenth of
    the `Cells` is looked through. On 60,000 digits of 50 features this finds 0.994 of the ten
    nearest.
    """

    def __init__(self, data: Rows, metric: str, n_jobs: int | None) -> None:
        self.metric = metric
        self.data = data
        self._cells = None
        plain = metric == "euclidean" and not issparse(data)
        if plain and len(data) >= MANY and data.shape[1] > FLAT:
            self._scaling = Scaling.of(data)
            scaled, self._lost = self._scaling.apply(data)
            with Pool(n_jobs) as pool:
                self._cells = Cells(scaled, pool)

    def nearest(self, rows: Rows, n_neighbors: int, n_jobs: int | None) -> NeighborGraph:
        """Find the neighbours of new points; of each by itself, whoever else comes."""
        k = min(n_neighbors, self.data.shape[0])
        if self._cells is None or issparse(rows):
            return nearest_neighbors(self.data, k, queries=rows, metric=self.metric, n_jobs=n_jobs)
        scaled, lost = self._scaling.apply(rows)
        with Pool(n_jobs) as pool:
            graph, doubtful = self._cells.search(scaled, k, SHARE, pool)
            doubtful |= displaced(graph, lost, self._lost)
            graph = NeighborGraph(graph.indices, graph.distances * np.float32(self._scaling.scale))
            return settle_doubts(graph, doubtful, self.data, rows, pool)

    def known(self, rows: Rows) -> NDArray[np.intp]:
        """Tell which row has the same content as each new point; -1 where none has.

        Of several, the first. A distance would not tell: some are zero between unequal rows, some
        are not between equal ones.
        """
        marks = _fingerprints(self.data)
        order = np.argsort(marks, kind="stable")
        if issparse(self.data):
            rows = csr_array(rows)
        elif issparse(rows):
            rows = rows.toarray()
        same = rows.astype(self.data.dtype)
        place = np.searchsorted(marks, _fingerprints(same), sorter=order)
        first = order[np.minimum(place, len(order) - 1)]
        unequal = self.data[first] != rows
        return np.where(np.asarray(unequal.sum(axis=1)).ravel() > 0, -1, first)


def _fingerprints(rows: Rows) -> NDArray[np.uint64]:
    """Give each row a number that rows of equal content share and others hardly ever."""
    random = np.random.default_rng(0)
    if issparse(rows):
        sums = rows.astype(np.float64) @ random.random(rows.shape[1])  # row by row, in order
        return np.asarray(sums).view(np.uint64)
    # Words of half a float64: those of whole numbers end in zeros, which a product would keep.
    words = rows.shape[1] * rows.dtype.itemsize // 4
    factors = random.integers(1, 2**63, words, dtype=np.uint64) | np.uint64(1)
    marks = np.empty(len(rows), np.uint64)
    for start in range(0, len(rows), ROWS):
        part = rows[start : start + ROWS] + rows.dtype.type(0)  # no negative zero
        marks[start : start + ROWS] = part.view(np.uint32) @ factors
    return marks
