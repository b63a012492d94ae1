"""How every kernel of this package is compiled."""

from __future__ import annotations

import functools
import sys
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
    parallel loops and can be used from several Python threads at once. Where nothing can be kept
    on disk they work as well.

    Numba notices when a kernel's own file changes, not when a kernel or constant that it uses
    changes in another: after such an edit, delete ``__pycache__``.
    """
    compile_with = functools.partial(numba.njit, nogil=True, fastmath=FASTMATH, error_model="numpy")
    try:
        compiled: Callable[Arguments, Result] = compile_with(cache=True)(function)
    except RuntimeError:  # there is no folder for it that can be written to
        _say_once_that_nothing_is_kept()
        compiled = compile_with()(function)
    return compiled


@functools.cache
def _say_once_that_nothing_is_kept() -> None:
    print(
        "numba_tsne compiles its kernels anew in every process, which takes half a minute: "
        "set NUMBA_CACHE_DIR to a folder that can be written to.",
        file=sys.stderr,
    )
