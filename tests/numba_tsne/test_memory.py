"""The memory of a map, measured in a process that does nothing else."""

import json
import subprocess
import sys

import pytest

from numba_tsne import estimate_memory

CASES = [
    (8000, 2, 2, 15, False),
    (8000, 20, 2, 90, False),
    (8000, 50, 3, 15, True),
    (8000, 300, 2, 15, True),
    (8000, 10, 1, 90, True),
]
MEASURE = """
import json, sys, tracemalloc
import numpy as np
from numba_tsne import TSNE, neighbors
peaks, exact = [], neighbors.EXACT_WORK
for n, features, d, k, in_cells in json.loads(sys.argv[1]):
    neighbors.EXACT_WORK = 1 if in_cells else exact
    X = np.random.default_rng(0).normal(size=(n, features)).astype(np.float32)
    TSNE(d, n_neighbors=k, n_iter=1, early_exaggeration_iter=1).fit(X[:500])  # compiles
    tracemalloc.start()
    TSNE(d, n_neighbors=k, n_iter=2, early_exaggeration_iter=52).fit(X)
    peaks.append(tracemalloc.get_traced_memory()[1])
    tracemalloc.stop()
print(json.dumps(peaks))
"""


@pytest.fixture(scope="module")
def peaks():
    command = [sys.executable, "-c", MEASURE, json.dumps(CASES)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return dict(zip(CASES, json.loads(done.stdout), strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_a_map_takes_what_was_estimated(monkeypatch, peaks, case):
    n, features, d, k, in_cells = case
    if in_cells:
        monkeypatch.setattr("numba_tsne.neighbors.EXACT_WORK", 1)
    assert peaks[case] < estimate_memory(n, features, d, n_neighbors=k) < 2 * peaks[case]


def test_a_million_rows_fit_into_five_gigabytes():
    assert estimate_memory(1_000_000, 50, n_neighbors=15) < 5e9
