"""The one place that chooses which code the numerical libraries run on this processor.

OpenBLAS, NumPy and Numba pick code by processor, and each code adds up in an order of its own, to
other last digits. Told to run the code for Haswell, of 2013, they give the same bits on every
x86-64 processor that understands it, which is asked first. They look when they are loaded, so that
the choice stands in the environment, and child processes inherit it.

    python -m mnist_clust.numerics -m pytest     # python, with the same bits on every processor

``MNIST_CLUST_NUMERICS=own`` leaves each library its choice, and ``nehalem`` takes code of 2008,
which rounds otherwise: both are for measuring what hangs on the last digits.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

VARIABLE = "MNIST_CLUST_NUMERICS"
FIXED, OWN = "haswell", "own"
# Several threads add up in an order of their own. The engine, which does not, has its own threads.
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
_X86_64_V4 = "X86_V4 AVX512_ICL AVX512_SPR"
_ENVIRONMENTS = {
    FIXED: _ONE_THREAD
    | {
        "OPENBLAS_CORETYPE": "Haswell",
        "OPENBLAS_L2_SIZE": "256",  # in KiB: blocks follow it; and larger ones crash 0.3.34
        "NPY_DISABLE_CPU_FEATURES": _X86_64_V4,
        "NUMBA_CPU_NAME": "haswell",
        "NUMBA_CPU_FEATURES": "",  # no others than those of the named processor
    },
    "nehalem": _ONE_THREAD
    | {
        "OPENBLAS_CORETYPE": "Nehalem",
        "OPENBLAS_L2_SIZE": "256",
        "NPY_DISABLE_CPU_FEATURES": f"X86_V3 {_X86_64_V4}",
        "NUMBA_CPU_NAME": "nehalem",
        "NUMBA_CPU_FEATURES": "",
    },
    OWN: _ONE_THREAD,
}
_NEEDED = {  # of a processor, by the code
    FIXED: ("avx2", "bmi", "bmi2", "f16c", "fma", "lzcnt", "movbe"),
    "nehalem": ("popcnt", "sse4.2"),
    OWN: (),
}


def fix() -> None:
    """Choose the code, for this process and its children, before the libraries are loaded.

    A processor that does not understand the code asked for runs its own, and a line says so.

    Raises
    ------
    ValueError
        If the variable asks for something unknown.
    RuntimeError
        If NumPy is loaded already and would not notice.
    """
    name = os.environ.get(VARIABLE) or FIXED
    if name not in _ENVIRONMENTS:
        known = ", ".join(_ENVIRONMENTS)
        raise ValueError(f"{VARIABLE}={name} is not known: choose from {known}, or unset it.")
    if _is_set(name):
        return
    if "numpy" in sys.modules:
        raise RuntimeError("The numerical libraries are loaded already: fix numerics first.")
    if not _understood(name):
        print(
            "This processor does not understand the fixed numerical code and runs its own: last "
            "digits may differ from those of the committed run.",
            file=sys.stderr,
        )
        name = OWN
    os.environ.update(_ENVIRONMENTS[name], **{VARIABLE: name})


def environment(name: str) -> dict[str, str]:
    """Return this process's environment, changed to ask for another code.

    Parameters
    ----------
    name : {"haswell", "nehalem", "own"}
    """
    others = {key for chosen in _ENVIRONMENTS.values() for key in chosen}
    kept = {key: value for key, value in os.environ.items() if key not in others}
    return kept | _ENVIRONMENTS[name] | {VARIABLE: name}


def in_force() -> str:
    """Return the name of the code that the environment asks for; ``"own"`` if for none."""
    name = os.environ.get(VARIABLE, OWN)
    return name if _is_set(name) else OWN


def _is_set(name: str) -> bool:
    wanted = _ENVIRONMENTS.get(name, {}) | {VARIABLE: name}
    return name in _ENVIRONMENTS and wanted.items() <= os.environ.items()


def _understood(name: str) -> bool:
    # A fifth of a second. /proc/cpuinfo would be quicker, and is wrong under emulation.
    from llvmlite.binding import get_host_cpu_features

    features = get_host_cpu_features()
    return all(features.get(feature) for feature in _NEEDED[name])


def processor() -> str:
    """Name the processor, as far as the system tells."""
    told = Path("/proc/cpuinfo")
    if told.exists():
        for line in told.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def main() -> NoReturn:
    """Become a Python with fixed numerics, with the arguments given."""
    try:
        fix()
    except ValueError as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(2)
    command = [sys.executable, *sys.argv[1:]]
    if sys.platform == "win32":  # where a process that becomes another one counts as ended
        sys.exit(subprocess.call(command))
    os.execv(sys.executable, command)


if __name__ == "__main__":
    main()
