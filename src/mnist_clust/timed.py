"""How long the steps of a long command take, told while it runs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def timed(step: str, seconds: dict[str, float], verbose: bool) -> Iterator[None]:
    """Note how long a step takes; if verbose, print its name and then the seconds."""
    started = time.monotonic()
    if verbose:
        print(f"{step} …", end=" ", flush=True)
    yield
    seconds[step] = round(time.monotonic() - started, 2)
    if verbose:
        print(f"{seconds[step]:.0f} s", flush=True)
