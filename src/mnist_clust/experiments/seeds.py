"""Notebooks 09 and 10: repeat a run with other seeds, and remember the maps."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from joblib import delayed
from sklearn.base import clone

from mnist_clust.cache import cached
from numba_tsne import TSNE, NeighborGraph
from numba_tsne._parallel import side_by_side

Rows = npt.NDArray[np.float32]
_R = TypeVar("_R")


def repeat(once: Callable[[int], _R], seeds: Iterable[int]) -> list[_R]:
    """Return ``[once(seed) for seed in seeds]``, made side by side, each on one thread."""
    return side_by_side(delayed(once)(seed) for seed in seeds)


@cached
def fit_map(tsne: TSNE, rows: Rows, neighbors: NeighborGraph) -> Rows:
    """Return ``tsne.fit_transform(rows, neighbors=neighbors)``, remembered on disk."""
    return np.asarray(clone(tsne).fit_transform(rows, neighbors=neighbors), np.float32)
