"""Run kernels over ranges on a few threads, with the same result for any number of them."""

from __future__ import annotations

import functools
import importlib
import itertools
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from types import TracebackType
from typing import Any, Self

import joblib
import numpy as np
from threadpoolctl import ThreadpoolController

_NUMERICAL = ("numpy", "scipy.linalg", "sklearn")  # each brings libraries of its own


@contextmanager
def one_thread(user_api: str | None = None) -> Iterator[None]:
    """Keep the numerical libraries to one thread within a ``with``.

    On several they add up in another order, and give other last digits. OpenMP has a limit for
    each thread that asks. BLAS has one for the whole process: of those that ask at once, on several
    threads, the first sets it and the last restores what was there before.

    Parameters
    ----------
    user_api : {"blas", "openmp"}, optional
        Which libraries; all by default.
    """
    with ExitStack() as limits:
        if user_api != "blas":
            limits.enter_context(_limit("openmp"))
        if user_api != "openmp":
            limits.enter_context(_BLAS)
        yield


class _OneBlasThread:
    """The limit of BLAS, which is one for the whole process, with a count of those who ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._askers = 0
        self._limit = ExitStack()

    def __enter__(self) -> None:
        with self._lock:
            if not self._askers:
                self._limit.enter_context(_limit("blas"))
            self._askers += 1

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._askers -= 1
            if not self._askers:
                self._limit.close()


_BLAS = _OneBlasThread()


def _limit(user_api: str) -> AbstractContextManager[object]:
    """Limit these libraries; without ``select``, leaving would restore the others', too."""
    limit: AbstractContextManager[object] = _libraries().select(user_api=user_api).limit(limits=1)
    return limit


@functools.cache
def _libraries() -> ThreadpoolController:
    """Find the libraries, once: it takes longer than many a result."""
    for name in _NUMERICAL:  # one that is loaded later would not be kept to anything
        importlib.import_module(name)
    return ThreadpoolController()


def side_by_side(calls: Iterable[Any], n_jobs: int = -1) -> list[Any]:
    """Make calls on threads, each on a single thread of the libraries and of every `Pool` in it.

    Two runs side by side use two cores better than one run on two threads does.

    Parameters
    ----------
    calls : iterable
        Of ``joblib.delayed(function)(...)``.
    n_jobs : int, default -1
        Threads; by default one a core. Within a call that is itself made side by side, one.

    Returns
    -------
    list
        What they return, in order.
    """
    made = (joblib.delayed(_alone)(*call) for call in calls)
    with one_thread():
        jobs = 1 if _is_alone() else n_jobs
        return list(joblib.Parallel(n_jobs=jobs, prefer="threads")(made))


_thread = threading.local()


def _is_alone() -> bool:
    return getattr(_thread, "alone", False)


def _alone(function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """Make a call that knows that others run beside it."""
    before, _thread.alone = _is_alone(), True
    try:
        with one_thread("openmp"):  # whose limit each thread has for itself
            return function(*args, **kwargs)
    finally:
        _thread.alone = before


class Pool:
    """A few threads that share the work of a range.

    Parameters
    ----------
    n_jobs : int or None
        Number of threads; None for every core this process may use, but one `side_by_side` with
        others; and -1, -2, ... as scikit-learn has them: all cores, all but one, ...

    Notes
    -----
    The caller is one of the threads, so a pool of one starts none. Kernels release the
    interpreter lock, which is what makes threads worth having.
    """

    def __init__(self, n_jobs: int | None = None) -> None:
        wanted: object = n_jobs
        if not isinstance(wanted, int | np.integer | None):
            raise ValueError(f"n_jobs={n_jobs!r} must be an integer or None.")
        if n_jobs == 0:
            raise ValueError("n_jobs=0 leaves nobody to do the work; use 1 or more, or None.")
        cores = joblib.cpu_count()
        if n_jobs is None:
            n_jobs = 1 if _is_alone() else cores
        self.n_jobs = max(1, cores + 1 + n_jobs) if n_jobs < 0 else n_jobs
        self._helpers = ThreadPoolExecutor(self.n_jobs - 1) if self.n_jobs > 1 else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._helpers is not None:
            self._helpers.shutdown()

    def run(self, task: Callable[[int, int], object], size: int, grain: int) -> None:
        """Call ``task(start, stop)`` for consecutive pieces of ``range(size)``.

        Parameters
        ----------
        task : callable
            Writes its results into arrays; pieces must not write to the same place.
        size : int
            Length of the range.
        grain : int
            Length of a piece. It does not depend on the number of threads, so neither does
            what a piece computes.
        """
        if self._helpers is None or size <= grain:
            for start in range(0, size, grain):
                task(start, min(start + grain, size))
            return
        pieces = itertools.count(0, grain)  # next() on it is atomic
        stop = False

        def work() -> None:
            while not stop and (start := next(pieces)) < size:
                task(start, min(start + grain, size))

        helpers = [self._helpers.submit(work) for _ in range(self.n_jobs - 1)]
        try:
            work()
        finally:
            # An interrupt must not leave helpers writing into arrays that go away.
            stop = True
            for helper in helpers:
                if not helper.cancel():  # one that is not awake yet need not be waited for
                    helper.result()
