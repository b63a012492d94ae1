import tracemalloc

import numpy as np
import pytest

from numba_tsne import TSNE, estimate_memory, neighbors


def peak_of(tsne, X):
    tracemalloc.start()
    try:
        tsne.fit(X)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "n, features, d, k, in_cells",
    [
        (8000, 2, 2, 15, False),
        (8000, 20, 2, 90, False),
        (8000, 50, 3, 15, True),
        (8000, 300, 2, 15, True),
        (8000, 10, 1, 90, True),
    ],
)
def test_a_map_takes_what_was_estimated(monkeypatch, random, n, features, d, k, in_cells):
    if in_cells:
        monkeypatch.setattr(neighbors, "EXACT_WORK", 1)
    X = random.normal(size=(n, features)).astype(np.float32)
    TSNE(d, n_neighbors=k, n_iter=1, early_exaggeration_iter=1).fit(X[:500])  # compiles
    # All that the process allocates is counted, by whichever thread: the lesser of two is the map.
    peak = min(peak_of(TSNE(d, n_neighbors=k, n_iter=2, early_exaggeration_iter=52), X)
               for _ in range(2))  # fmt: skip
    assert peak < estimate_memory(n, features, d, n_neighbors=k) < 2 * peak


def test_a_million_rows_fit_into_five_gigabytes():
    assert estimate_memory(1_000_000, 50, n_neighbors=15) < 5e9
