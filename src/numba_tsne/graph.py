"""What a search for neighbours finds."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)  # arrays have no truth value to compare by
class NeighborGraph:
    """The nearest neighbours of each of some points, without the points themselves.

    Attributes
    ----------
    indices : ndarray of shape (n_points, n_neighbors), int32
        Neighbours, nearest first.
    distances : ndarray of shape (n_points, n_neighbors), float32
        Their distances, in the units of the data.

    Raises
    ------
    ValueError
        If the two are not of one shape and of numbers, an index is negative or no integer, or
        distances are not finite, negative or not in order.
    """

    indices: NDArray[np.int32]
    distances: NDArray[np.float32]

    def __post_init__(self) -> None:
        indices, distances = np.asarray(self.indices), np.asarray(self.distances)
        if indices.ndim != 2 or indices.shape != distances.shape or not indices.size:
            raise ValueError(
                "The indices and the distances of neighbours must be of one shape, (n_points, "
                f"n_neighbors); theirs are {indices.shape} and {distances.shape}."
            )
        if indices.dtype.kind not in "iu" or distances.dtype.kind not in "iuf":
            raise ValueError(
                "The indices of neighbours must be integers and their distances numbers; theirs "
                f"are of type {indices.dtype} and {distances.dtype}."
            )
        if indices.min() < 0 or indices.max() > np.iinfo(np.int32).max:
            raise ValueError("An index of a neighbour is negative, or too large to be one.")
        with np.errstate(over="ignore"):
            distances = distances.astype(np.float32, copy=False)
        if not np.isfinite(distances).all() or (distances[:, 0] < 0).any():
            raise ValueError("The distances of neighbours must be finite and not negative.")
        if (distances[:, 1:] < distances[:, :-1]).any():
            raise ValueError("The neighbours of each point must be in order, nearest first.")
        object.__setattr__(self, "indices", indices.astype(np.int32, copy=False))
        object.__setattr__(self, "distances", distances)

    @property
    def n_neighbors(self) -> int:
        """Number of neighbours of each point."""
        return int(self.indices.shape[1])

    def nearest(self, n_neighbors: int) -> NeighborGraph:
        """Keep only the nearest ones of the neighbours.

        Parameters
        ----------
        n_neighbors : int
            How many; at least one, and at most as many as there are.

        Returns
        -------
        NeighborGraph

        Raises
        ------
        ValueError
            If the graph has fewer, or none are asked for.
        """
        wanted: object = n_neighbors
        if not isinstance(wanted, Integral) or n_neighbors < 1:
            raise ValueError(f"n_neighbors={n_neighbors!r} must be an integer, and at least 1.")
        if n_neighbors > self.n_neighbors:
            raise ValueError(
                f"This graph has {self.n_neighbors} neighbours a point and {n_neighbors} are "
                "needed; build it with more, or ask for a smaller perplexity or n_neighbors."
            )
        return NeighborGraph(
            np.ascontiguousarray(self.indices[:, :n_neighbors]),
            np.ascontiguousarray(self.distances[:, :n_neighbors]),
        )

    def without_own(self, own: NDArray[np.integer]) -> NeighborGraph:
        """Drop from each row the point itself; where duplicates have crowded it out, the last."""
        others = self.indices != own[:, None]
        others[others.all(axis=1), -1] = False
        if others.sum() != self.indices.size - len(own):
            raise ValueError("A point is more than once among its own neighbours.")
        shape = (len(own), -1)
        return NeighborGraph(
            self.indices[others].reshape(shape), self.distances[others].reshape(shape)
        )
