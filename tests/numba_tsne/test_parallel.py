import threading
import time
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pytest

from numba_tsne import TSNE
from numba_tsne._parallel import Pool


@pytest.mark.parametrize("n_jobs", [1, 2, 5])
@pytest.mark.parametrize("size", [0, 1, 10, 101])
def test_pieces_cover_the_range_once(n_jobs, size):
    seen = np.zeros(size, int)

    def task(start, stop):
        seen[start:stop] += 1

    with Pool(n_jobs) as pool:
        pool.run(task, size, 7)
    assert (seen == 1).all()


def test_counts_cores_as_scikit_learn_does():
    cores = joblib.cpu_count()
    assert Pool(None).n_jobs == Pool(-1).n_jobs == cores
    assert Pool(-cores - 5).n_jobs == 1
    with pytest.raises(ValueError, match="n_jobs=0"):
        Pool(0)


def test_an_interrupt_waits_for_the_helpers():
    running = []

    def task(start, stop):
        if threading.current_thread() is threading.main_thread():
            raise KeyboardInterrupt
        running.append(start)
        time.sleep(0.02)
        running.remove(start)

    with Pool(3) as pool:
        with pytest.raises(KeyboardInterrupt):
            pool.run(task, 1000, 1)
        assert not running


def test_an_error_in_a_helper_reaches_the_caller():
    def task(start, stop):
        if threading.current_thread() is not threading.main_thread():
            raise OSError("broken")
        time.sleep(0.001)

    with Pool(2) as pool, pytest.raises(OSError, match="broken"):
        pool.run(task, 1000, 1)


def test_several_fits_at_once_do_not_disturb_each_other(iris):
    def fit(n_jobs):
        return TSNE(n_jobs=n_jobs, n_iter=50, random_state=0).fit_transform(iris[0])

    alone = fit(1)
    with ThreadPoolExecutor(4) as threads:
        for together in threads.map(fit, [1, 2, 2, 3]):
            np.testing.assert_array_equal(together, alone)
