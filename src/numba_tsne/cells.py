"""The nearest neighbours of rows, nearly all of them, by looking through a few cells of the data.

An inverted file (H. Jégou, M. Douze and C. Schmid, "Product Quantization for Nearest Neighbor
Search", IEEE PAMI 33, 2011): the data are divided into cells, each of the rows that one of a few
hundred centres is nearest to, and a query is compared with the rows in the cells of its nearest
centres only. faiss does the same one query at a time; here the queries that look through a cell
are taken together, so that a cell is again one matrix product, and it takes half as long.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning

from numba_tsne._parallel import one_thread
from numba_tsne.exact import SPARE, Kept, exact_neighbors, with_norms, with_ones
from numba_tsne.graph import NeighborGraph

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from numba_tsne._parallel import Pool

MEMBERS = 40  # rows a centre is the mean of, on average, while centres are sought
ROUNDS = 3  # of moving the centres; more hardly add to the recall
BLOCK = 2048  # queries of a task
CHUNK = 1 << 16  # queries whose nearest cells are sought at a time


class Cells:
    """Rows divided into cells.

    Parameters
    ----------
    data : ndarray of shape (n_samples, n_features), float32
        The rows.
    pool : Pool
        Threads to use; the cells do not depend on how many.
    """

    def __init__(self, data: NDArray[np.float32], pool: Pool) -> None:
        count = int(np.sqrt(len(data)))
        sample = np.random.default_rng(0).choice(
            len(data), min(len(data), MEMBERS * count), replace=False
        )
        search = KMeans(count, init="random", n_init=1, max_iter=ROUNDS, random_state=0)
        # One thread, so that no bit depends on how many there are; and no word about centres
        # that are still moving, or that coincide because rows do.
        with one_thread(), warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            self._centers = search.fit(data[sample]).cluster_centers_
        cell = exact_neighbors(self._centers, data, 1, pool)[0].indices[:, 0]
        self._members = np.argsort(cell, kind="stable").astype(np.int32)
        self._rows = data[self._members]  # cell after cell
        self._candidates = with_norms(self._rows)
        self._bounds = np.searchsorted(cell[self._members], np.arange(count + 1))

    def search(
        self, queries: NDArray[np.float32], n_neighbors: int, share: float, pool: Pool
    ) -> tuple[NeighborGraph, NDArray[np.bool_]]:
        """Find the nearest rows in the nearest cells, in this share of all.

        What a query gets does not depend on the queries it comes with. One whose cells hold too
        few rows looks through all. Doubts are returned as `exact_neighbors` does.
        """
        visited = self._nearest_cells(queries, int(len(self._centers) * share) + 1, pool)
        indices = np.empty((len(queries), n_neighbors), np.int32)
        distances = np.empty((len(queries), n_neighbors), np.float32)
        doubtful = np.empty(len(queries), np.bool_)
        short = np.empty(len(queries), np.bool_)
        members = np.diff(self._bounds)
        # Queries of one cell have most of the others in common, too.
        order = np.argsort(visited[:, 0], kind="stable")

        def block(start: int, stop: int) -> None:
            some = order[start:stop]
            indices[some], distances[some], doubtful[some] = self._look_through(
                queries[some], visited[some], n_neighbors
            )
            short[some] = members[visited[some]].sum(axis=1) < n_neighbors

        with one_thread("blas"):
            pool.run(block, len(queries), BLOCK)
        if short.any():
            exact, doubtful[short] = exact_neighbors(self._rows, queries[short], n_neighbors, pool)
            indices[short], distances[short] = exact.indices, exact.distances
        return NeighborGraph(self._members[indices], distances), doubtful

    def _nearest_cells(
        self, queries: NDArray[np.float32], count: int, pool: Pool
    ) -> NDArray[np.integer]:
        """List the nearest cells of each query, in little memory: of many rows, there are many."""
        small = len(self._centers) <= np.iinfo(np.uint16).max
        visited = np.empty((len(queries), count), np.uint16 if small else np.int32)
        for start in range(0, len(queries), CHUNK):
            graph, _ = exact_neighbors(self._centers, queries[start : start + CHUNK], count, pool)
            visited[start : start + CHUNK] = graph.indices
        return visited

    def _look_through(
        self, queries: NDArray[np.float32], visited: NDArray[np.integer], n_neighbors: int
    ) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.bool_]]:
        """Compare queries with the rows of the cells that each visits, cell by cell."""
        prepared = with_ones(queries)
        kept = Kept(len(queries), n_neighbors + SPARE)
        # Everyone's nearest cell comes first: what it leaves dismisses most of the rest.
        for turn in (visited[:, :1], visited[:, 1:]):
            by_cell = np.argsort(turn, axis=None, kind="stable")
            present, first = np.unique(turn.ravel()[by_cell], return_index=True)
            for cell, begin, end in zip(present, first, [*first[1:], turn.size], strict=True):
                which = by_cell[begin:end] // turn.shape[1]
                start, stop = self._bounds[cell], self._bounds[cell + 1]
                scores = prepared[which] @ self._candidates[start:stop].T
                kept.add(scores, start, which, np.full(len(which), -1))
        indices = np.zeros((len(queries), n_neighbors), np.int32)
        distances = np.empty((len(queries), n_neighbors), np.float32)
        doubtful = kept.rank(queries, self._rows, indices, distances)
        return indices, distances, doubtful


def approximate_neighbors(
    data: NDArray[np.float32], n_neighbors: int, pool: Pool
) -> tuple[NeighborGraph, NDArray[np.bool_]]:
    """Compare every row with those in the nearest sixth of the cells that the data fall into.

    On 60,000 digits this finds 0.998 of the 90 nearest neighbours. Doubts are returned as
    `exact_neighbors` does.
    """
    graph, doubtful = Cells(data, pool).search(data, n_neighbors + 1, 1 / 6, pool)
    return graph.without_own(np.arange(len(data))), doubtful
