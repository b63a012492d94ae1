"""The nearest neighbours of every row by comparing it with all.

Squared distances of a block of rows to all others are one matrix product, the operation machines
are best at, and almost all of them can be dismissed by one comparison with the largest distance
kept so far. So brute force on two cores takes a few seconds for 60,000 rows, where trees in the
input space do not help and graph-based search is slower to build than this is to finish.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from numba_tsne._compile import kernel
from numba_tsne._parallel import one_thread
from numba_tsne.graph import NeighborGraph

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from numba_tsne._parallel import Pool

ROWS = 256  # rows of a block: its distances to a panel, one megabyte, stay in the cache
PANEL = 1024  # candidates of a panel
STRIP = 64  # distances dismissed by one vectorised comparison
SPARE = 8  # extra candidates kept, in case rounding of the matrix product swaps the last ones
ROUNDING = 2.0**-24  # relative, of one operation in float32


@kernel
def keep_smallest(
    scores: NDArray[np.float32],
    first_column: int,
    which: NDArray[np.int64],
    own: NDArray[np.int64],
    keep: int,
    kept: NDArray[np.float32],
    kept_index: NDArray[np.int32],
    filled: NDArray[np.int64],
    bound: NDArray[np.float32],
) -> None:
    """Add a panel of scores to what each row keeps: ``keep`` smallest, unsorted, plus new points.

    Row ``r`` of the scores belongs to ``which[r]`` of those kept; its column ``own[r]``, if that
    is one of the panel, is its distance from itself and left out.
    """
    rows, columns = scores.shape
    room = kept.shape[1]
    for r in range(rows):
        i = which[r]
        limit = bound[i]
        count = filled[i]
        row = scores[r]
        values = kept[i]
        indices = kept_index[i]
        if 0 <= own[r] - first_column < columns:
            row[own[r] - first_column] = np.inf
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
def tighten(
    scores: NDArray[np.float32],
    index: NDArray[np.int32],
    filled: NDArray[np.int64],
    keep: int,
    bound: NDArray[np.float32],
) -> None:
    """Bound what was dismissed as closely as what is kept allows, whenever it was last selected."""
    for i in range(filled.size):
        if filled[i] > keep:
            bound[i] = select(scores[i, : filled[i]], index[i, : filled[i]], keep)


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


class Kept:
    """The candidates for nearest neighbours of some rows.

    Parameters
    ----------
    rows : int
        How many rows.
    keep : int
        Candidates of each.
    """

    def __init__(self, rows: int, keep: int) -> None:
        room = keep + max(keep, STRIP)
        self._keep = keep
        self._scores = np.empty((rows, room), np.float32)
        self._index = np.empty((rows, room), np.int32)
        self._filled = np.zeros(rows, np.int64)
        self._bound = np.full(rows, np.inf, np.float32)

    def add(
        self,
        scores: NDArray[np.float32],
        first_column: int,
        which: NDArray[np.int64],
        own: NDArray[np.int64],
    ) -> None:
        """Look through a panel of scores, see `keep_smallest`."""
        keep_smallest(
            scores,
            first_column,
            which,
            own,
            self._keep,
            self._scores,
            self._index,
            self._filled,
            self._bound,
        )

    def rank(
        self,
        queries: NDArray[np.float32],
        data: NDArray[np.float32],
        indices: NDArray[np.int32],
        distances: NDArray[np.float32],
    ) -> NDArray[np.bool_]:
        """Write the nearest candidates and their distances; return for which rows that is doubtful.

        Rounding may have dismissed a row that is nearer than the last one found, if the scores of
        the two differ by less than the error of a score. A nearer row is no longer than the query
        and the distance together, which bounds its products and so that error.
        """
        tighten(self._scores, self._index, self._filled, self._keep, self._bound)
        rank(queries, data, self._index, self._filled, indices, distances)
        squared = np.einsum("ij,ij->i", queries, queries, dtype=np.float64)
        farthest = distances[:, -1].astype(np.float64)
        error = 3 * (queries.shape[1] + 2) * ROUNDING * (2 * np.sqrt(squared) + farthest) ** 2
        return np.asarray(self._bound + squared - farthest**2 < error)


def with_norms(data: NDArray[np.float32]) -> NDArray[np.float32]:
    """Add the squared length of each row; see `with_ones`."""
    return np.column_stack([data, np.einsum("ij,ij->i", data, data)])


def with_ones(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Prepare rows for a product with `with_norms`, which is then ``|y|² - 2 x·y``.

    That orders candidates ``y`` as ``|x - y|²`` does.
    """
    return np.column_stack([-2 * rows, np.ones(len(rows), np.float32)])


def exact_neighbors(
    data: NDArray[np.float32],
    queries: NDArray[np.float32] | None,
    n_neighbors: int,
    pool: Pool,
) -> tuple[NeighborGraph, NDArray[np.bool_]]:
    """Compare every query (or every row with all others) with every row of the data.

    Return what was found, and for which rows `Kept.rank` doubts it.
    """
    among_themselves = queries is None
    rows = data if queries is None else queries
    indices = np.empty((len(rows), n_neighbors), np.int32)
    distances = np.empty((len(rows), n_neighbors), np.float32)
    doubtful = np.empty(len(rows), np.bool_)
    candidates = with_norms(data)
    keep = min(n_neighbors + SPARE, len(data) - among_themselves)

    def block(start: int, stop: int) -> None:
        part = with_ones(rows[start:stop])
        which = np.arange(stop - start)
        own = which + start if among_themselves else np.full(stop - start, -1)
        kept = Kept(stop - start, keep)
        for column in range(0, len(data), PANEL):
            kept.add(part @ candidates[column : column + PANEL].T, column, which, own)
        doubtful[start:stop] = kept.rank(
            rows[start:stop], data, indices[start:stop], distances[start:stop]
        )

    # Each block is multiplied by one thread: no bit depends on how many there are.
    with one_thread("blas"):
        pool.run(block, len(rows), ROWS)
    return NeighborGraph(indices, distances), doubtful
