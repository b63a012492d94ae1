"""The nearest neighbours of every row: exact by matrix products, approximate for very many rows.

Squared distances of a block of rows to all others are one matrix product, the operation machines
are best at, and almost all of them can be dismissed by one comparison with the largest distance
kept so far. So brute force on two cores takes a few seconds for 60,000 rows, where trees in the
input space do not help and graph-based search is slower to build than this is to finish.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from sklearn.neighbors import NearestNeighbors
from sklearn.utils import check_array
from threadpoolctl import threadpool_limits

from mnist_clust.tsne._compile import kernel
from mnist_clust.tsne.parallel import Pool

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

ROWS = 256  # rows of a block: its distances to a panel, one megabyte, stay in the cache
PANEL = 1024  # candidates of a panel
STRIP = 64  # distances dismissed by one vectorised comparison
EXACT_WORK = 4e12  # comparisons times features, and a hundred for what each costs beside them
SPARE = 8  # extra candidates kept, in case rounding of the matrix product swaps the last ones


@dataclass(frozen=True)
class NeighborGraph:
    """The nearest neighbours of each of some points, without the points themselves.

    Attributes
    ----------
    indices : ndarray of shape (n_points, n_neighbors), int32
        Neighbours, nearest first; at equal distance the lower index first.
    distances : ndarray of shape (n_points, n_neighbors), float32
        Their distances, in the units of the data.
    """

    indices: NDArray[np.int32]
    distances: NDArray[np.float32]

    @property
    def n_neighbors(self) -> int:
        """Number of neighbours of each point."""
        return int(self.indices.shape[1])

    def nearest(self, n_neighbors: int) -> NeighborGraph:
        """Keep only the nearest ones of the neighbours.

        Parameters
        ----------
        n_neighbors : int
            How many; at most as many as there are.

        Returns
        -------
        NeighborGraph

        Raises
        ------
        ValueError
            If the graph has fewer.
        """
        if n_neighbors > self.n_neighbors:
            raise ValueError(
                f"This graph has {self.n_neighbors} neighbours a point and {n_neighbors} are "
                "needed; build it with more, or ask for a smaller perplexity or n_neighbors."
            )
        return NeighborGraph(
            np.ascontiguousarray(self.indices[:, :n_neighbors]),
            np.ascontiguousarray(self.distances[:, :n_neighbors]),
        )


@kernel
def keep_smallest(
    scores: NDArray[np.float32],
    first_column: int,
    first_row: int,
    skip_own: bool,
    keep: int,
    kept: NDArray[np.float32],
    kept_index: NDArray[np.int32],
    filled: NDArray[np.int64],
    bound: NDArray[np.float32],
) -> None:
    """Add a panel of scores to what each row keeps: ``keep`` smallest, unsorted, plus newcomers."""
    rows, columns = scores.shape
    room = kept.shape[1]
    for i in range(rows):
        limit = bound[i]
        count = filled[i]
        row = scores[i]
        values = kept[i]
        indices = kept_index[i]
        if skip_own and 0 <= first_row + i - first_column < columns:
            row[first_row + i - first_column] = np.inf
        for first in range(0, columns, STRIP):
            strip = row[first : first + STRIP]
            some = False
            for j in range(strip.size):
                some |= strip[j] < limit
            if not some:
                continue
            for j in range(strip.size):
                if strip[j] < limit:
                    values[count] = strip[j]
                    indices[count] = first_column + first + j
                    count += 1
                    if count == room:
                        limit = select(values, indices, keep)
                        count = keep
        filled[i] = count
        bound[i] = limit


@kernel
def select(values: NDArray[np.float32], index: NDArray[np.int32], keep: int) -> float:
    """Move the smallest ``keep`` values to the front (Hoare's selection); return their maximum."""
    left = 0
    right = values.size - 1
    target = keep - 1
    while left < right:
        pivot = values[(left + right) >> 1]
        i = left
        j = right
        while i <= j:
            while values[i] < pivot:
                i += 1
            while values[j] > pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                index[i], index[j] = index[j], index[i]
                i += 1
                j -= 1
        if target <= j:
            right = j
        elif target >= i:
            left = i
        else:
            break
    return values[target]  # type: ignore[no-any-return]


@kernel
def rank(
    queries: NDArray[np.float32],
    data: NDArray[np.float32],
    kept_index: NDArray[np.int32],
    filled: NDArray[np.int64],
    indices: NDArray[np.int32],
    distances: NDArray[np.float32],
) -> None:
    """Order candidates by distances computed directly, which do not suffer from cancellation."""
    k = indices.shape[1]
    for i in range(queries.shape[0]):
        nearest = indices[i]
        ranked = distances[i]
        held = 0
        for c in range(filled[i]):
            index = kept_index[i, c]
            other = data[index]
            squared = np.float32(0)
            for f in range(other.size):
                step = queries[i, f] - other[f]
                squared += step * step
            # Insertion: at equal distance the lower index comes first.
            place = held
            while place > 0 and (
                squared < ranked[place - 1]
                or (squared == ranked[place - 1] and index < nearest[place - 1])
            ):
                if place < k:
                    ranked[place] = ranked[place - 1]
                    nearest[place] = nearest[place - 1]
                place -= 1
            if place < k:
                ranked[place] = squared
                nearest[place] = index
                held = min(held + 1, k)
        for r in range(k):
            ranked[r] = np.sqrt(ranked[r])


def exact_neighbors(
    data: NDArray[np.float32],
    queries: NDArray[np.float32] | None,
    n_neighbors: int,
    pool: Pool,
) -> NeighborGraph:
    """Compare every query (or every row with all others) with every row of the data."""
    among_themselves = queries is None
    rows = data if queries is None else queries
    indices = np.empty((len(rows), n_neighbors), np.int32)
    distances = np.empty((len(rows), n_neighbors), np.float32)
    # |y|² - 2 x·y orders candidates as |x - y|² does. One more column makes it a plain product.
    norms = np.einsum("ij,ij->i", data, data)
    candidates = np.column_stack([data, norms])
    keep = min(n_neighbors + SPARE, len(data) - among_themselves)
    room = keep + max(keep, STRIP)

    def block(start: int, stop: int) -> None:
        part = np.column_stack([-2 * rows[start:stop], np.ones(stop - start, np.float32)])
        kept = np.empty((stop - start, room), np.float32)
        kept_index = np.empty((stop - start, room), np.int32)
        filled = np.zeros(stop - start, np.int64)
        bound = np.full(stop - start, np.inf, np.float32)
        for column in range(0, len(data), PANEL):
            scores = part @ candidates[column : column + PANEL].T
            keep_smallest(
                scores, column, start, among_themselves, keep, kept, kept_index, filled, bound
            )
        rank(rows[start:stop], data, kept_index, filled, indices[start:stop], distances[start:stop])

    # Each block is multiplied by one thread: no bit depends on how many there are.
    with threadpool_limits(1, user_api="blas"):
        pool.run(block, len(rows), ROWS)
    return NeighborGraph(indices, distances)


def approximate_neighbors(
    data: NDArray[np.float32],
    queries: NDArray[np.float32] | None,
    n_neighbors: int,
    n_jobs: int,
) -> NeighborGraph:
    """Compare every row with those in the nearest sixth of the cells that the data fall into.

    On 60,000 digits this finds 0.998 of the 90 nearest neighbours. Among the libraries tried it
    was the quickest at that recall (hnswlib took twice as long and pynndescent four times), and
    the only one besides pynndescent that finds the same ones with any number of threads.
    """
    import faiss  # no light import, and only needed here

    rows = data if queries is None else queries
    n, features = data.shape
    among_themselves = queries is None
    wanted = n_neighbors + among_themselves
    index = faiss.IndexIVFFlat(faiss.IndexFlatL2(features), features, int(np.sqrt(n)))
    index.nprobe = index.nlist // 6 + 1
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(n_jobs)
    try:
        index.train(data)
        index.add(data)
        squared, indices = index.search(rows, wanted)
    finally:
        faiss.omp_set_num_threads(threads)
    short = (indices < 0).any(axis=1)
    if short.any():  # their cells hold too few
        with Pool(n_jobs) as pool:
            exact = exact_neighbors(data, rows[short], wanted, pool)
        squared[short], indices[short] = exact.distances**2, exact.indices
    if among_themselves:
        own = indices == np.arange(n)[:, None]
        own[~own.any(axis=1), -1] = True  # crowded out by duplicates: drop the farthest instead
        squared, indices = squared[~own].reshape(n, -1), indices[~own].reshape(n, -1)
    return NeighborGraph(indices.astype(np.int32), np.sqrt(squared))


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
        offset = X.mean(axis=0, dtype=np.float64)
        largest = max(
            float(np.abs(X.max(axis=0) - offset).max()), float(np.abs(X.min(axis=0) - offset).max())
        )
        return cls(offset, float(2.0 ** np.frexp(largest)[1]) if largest else 1.0)

    def apply(self, X: NDArray[np.floating]) -> NDArray[np.float32]:
        """Shift and scale rows."""
        result = np.empty(X.shape, np.float32)
        for start in range(0, len(X), ROWS):  # in blocks, to need no second copy
            result[start : start + ROWS] = (X[start : start + ROWS] - self.offset) / self.scale
        return result


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
    X : array-like of shape (n_samples, n_features)
        The rows to search, all finite.
    n_neighbors : int
        Neighbours a row. A row is not its own neighbour, but a duplicate of it is.
    queries : array-like of shape (n_queries, n_features), optional
        Rows whose neighbours are wanted, instead of those of ``X`` itself.
    metric : str, default="euclidean"
        Any metric scikit-learn's ``NearestNeighbors`` knows by name. Others than Euclidean are
        left to it.
    n_jobs : int or None, default=None
        Threads; None for all cores. The result does not depend on it.

    Returns
    -------
    NeighborGraph

    Raises
    ------
    ValueError
        If there are too few rows, values that are not finite, or an unknown metric.

    Notes
    -----
    Exact up to 60,000 rows of 784 features or 160,000 of 50, which is half a minute on two cores.
    Above, by an inverted file (H. Jégou, M. Douze and C. Schmid, "Product Quantization for Nearest
    Neighbor Search", IEEE PAMI 33, 2011; the library faiss), which finds more than 0.98 of them.
    """
    data = check_array(X, dtype=(np.float64, np.float32))
    rows = None if queries is None else check_array(queries, dtype=(np.float64, np.float32))
    available = len(data) - (rows is None)
    if not 1 <= n_neighbors <= available:
        raise ValueError(
            f"n_neighbors={n_neighbors} must be between 1 and {available} for {len(data)} rows."
        )
    if rows is not None and rows.shape[1] != data.shape[1]:
        raise ValueError(
            f"The queries have {rows.shape[1]} features and the data {data.shape[1]}; "
            "they must have the same."
        )
    if metric != "euclidean":
        jobs = -1 if n_jobs is None else n_jobs
        search = NearestNeighbors(n_neighbors=n_neighbors, metric=metric, n_jobs=jobs).fit(data)
        distances, indices = search.kneighbors(rows)
        return NeighborGraph(indices.astype(np.int32), distances.astype(np.float32))
    scaling = Scaling.of(data)
    scaled = scaling.apply(data)
    wanted = None if rows is None else scaling.apply(rows)
    work = len(scaled) * (len(scaled) if wanted is None else len(wanted)) * (data.shape[1] + 100)
    with Pool(n_jobs) as pool:
        if work <= EXACT_WORK:
            graph = exact_neighbors(scaled, wanted, n_neighbors, pool)
        else:
            graph = approximate_neighbors(scaled, wanted, n_neighbors, pool.n_jobs)
    return NeighborGraph(graph.indices, graph.distances * np.float32(scaling.scale))
