"""How every kernel of this package is compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

import numba

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")
FASTMATH = {"nnan", "ninf", "nsz", "contract", "reassoc"}  # all but arcp and afn


def kernel(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Compile a function once, keep it on disk, and let other threads run meanwhile.

    `FASTMATH` lets the compiler reorder a sum so that it fits vector registers. The order is then
    fixed in the machine code, so results stay the same bits from run to run. It may not divide by
    the processor's estimate of a reciprocal, which makers round differently. Kernels are serial:
    `Pool` runs them in parallel over ranges, which costs a tenth of the compilation of Numba's own
    parallel loops and can be used from several Python threads at once.

    Numba notices when a kernel's own file changes, not when a kernel or constant that it uses
    changes in another: after such an edit, delete ``__pycache__``.
    """
    compiled: Callable[Arguments, Result] = numba.njit(
        cache=True, nogil=True, fastmath=FASTMATH, error_model="numpy"
    )(function)
    return compiled
