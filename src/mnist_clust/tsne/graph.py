"""What a search for neighbours finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


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
