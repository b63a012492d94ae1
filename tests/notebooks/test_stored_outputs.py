"""nbval: run the committed notebooks on full MNIST and compare all that is checked in them."""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from helpers import NO_MNIST

from mnist_clust.data import DataError, load_digits, mnist_is_local
from mnist_clust.numerics import FIXED, in_force
from mnist_report.report import find_notebooks

pytestmark = [
    pytest.mark.notebook,
    pytest.mark.slow,
    pytest.mark.skipif(
        not mnist_is_local(), reason=f"stored outputs were not compared, since {NO_MNIST}"
    ),
]


# By other code than the fixed one, last digits differ: only the verdicts are compared.
COMPARED = "--nbval" if in_force() == FIXED else "--nbval-lax"
USPS = "5c469b3fdd0dd62e02f04b5a901097e6c9053c29004dced75265904ed28aad37"


def nbval(path: Path, out: Path) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "pytest", COMPARED, "--nbval-cell-timeout=1800", "--no-header",
         "-q", "-p", "no:cacheprovider", str(path)],
        env=os.environ | {"MNIST_CLUST_OUT": str(out)},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip


def usps_is_at_hand() -> bool:
    """Tell whether there is USPS, pixel by pixel as notebook 10 was stored with it."""
    try:
        return load_digits("usps").digest == USPS
    except DataError:
        return False


@pytest.mark.parametrize("path", find_notebooks(), ids=lambda path: path.stem)
def test_outputs_hold(path, tmp_path):
    if path.name.startswith("10") and not usps_is_at_hand():
        pytest.skip("notebook 10 was stored with USPS, to which MNIST_CLUST_USPS must point")
    done = nbval(path, tmp_path)
    assert done.returncode == 0, done.stdout[-5000:]


@pytest.mark.skipif(COMPARED != "--nbval", reason="numbers are compared by the fixed code alone")
def test_forged_numbers_are_noticed(tmp_path):
    forged = {"67 of 784": "68 of 784", "0.0 to 1.0": "0.0 to 2.0"}  # whole and broken numbers
    notebook = nbformat.read(find_notebooks()[0], as_version=4)
    places = []
    for true, false in forged.items():
        [(place, output)] = (
            (place, output)
            for place, cell in enumerate(notebook.cells)
            for output in cell.get("outputs", ())
            if true in output.get("text", "")
        )
        output["text"] = output["text"].replace(true, false)
        places.append(place)
    assert places[0] != places[1], "each must fail by itself"
    notebook.cells = notebook.cells[: max(places) + 1]  # what comes later takes longest
    nbformat.write(notebook, tmp_path / "forged.ipynb")
    done = nbval(tmp_path / "forged.ipynb", tmp_path / "out")
    assert done.returncode == 1, "nbval passed a forged output"
    assert "2 failed" in done.stdout
