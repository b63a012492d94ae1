import os
import subprocess
import sys
from pathlib import Path

import kernels
import numpy as np
import pytest


@pytest.mark.slow
def test_compiled_kernels_do_what_their_python_says(tmp_path):
    """Compiling reorders sums. It also hides lines from coverage, which sees them here."""
    subprocess.run(
        [sys.executable, Path(kernels.__file__), tmp_path / "python.npz"],
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
        check=True,
    )
    interpreted = np.load(tmp_path / "python.npz")
    for name, compiled in kernels.results().items():
        scale = np.abs(compiled).max()
        np.testing.assert_allclose(
            interpreted[name] / scale, compiled / scale, atol=1e-3, err_msg=name
        )
