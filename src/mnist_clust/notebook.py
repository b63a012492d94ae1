"""What one run of a notebook shows, records and claims, and where it goes."""

from __future__ import annotations

import ast
import base64
import io
import json
import math
import os
import sys
from html import escape
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import psutil
from IPython.core.getipython import get_ipython
from IPython.display import display
from matplotlib.figure import Figure

from image_files.writing import to_json, write_atomically
from mnist_clust import project_root
from mnist_clust.claims import check_claims
from mnist_clust.data import UNLABELLED, DataError, Digits
from mnist_clust.interactive import Page
from mnist_clust.numerics import OWN, in_force
from mnist_clust.outputs import FIGURE, PAGE

DPI = 120
LOOKS = "# looks at the labels"  # begins each cell that cannot do without them
_SKIPPED = "print('Not all of these images have labels: nothing to see in this cell.')\n"
_OWN_CODE = "Computed by this processor's own code: last digits may differ (make lab fixes it)."
_NOTICE_STYLE = "border: 3px solid #b00020; padding: .6em 1em; font-weight: bold"


def output_folder(data: str) -> Path:
    """Return the folder that runs on a data set write to; ``MNIST_CLUST_OUT`` overrides it."""
    chosen = os.environ.get("MNIST_CLUST_OUT")
    return Path(chosen) if chosen else project_root() / "reports" / data


class Run:
    """Collects what a notebook shows, records and claims.

    Parameters
    ----------
    notebook : str
        Name of the notebook, without its ending.
    digits : Digits
        What it runs on; the notices are shown at once. Where images lack labels, cells that begin
        with the comment `LOOKS` do nothing from here on.
    """

    def __init__(self, notebook: str, digits: Digits) -> None:
        self.notebook = notebook
        self.digits = digits
        self.folder = output_folder(digits.name)
        self._numbers: dict[str, float | None] = {}
        self._lacking: set[str] = set()
        for notice in digits.notices:
            box = f'<div style="{_NOTICE_STYLE}">{escape(notice)}</div>'
            display({"text/html": box, "text/plain": f"*** {notice} ***"}, raw=True)
        if in_force() == OWN:  # said here, since the verdicts are compared with the stored ones
            print(_OWN_CODE)
        labels = digits.train_labels, digits.test_labels
        shell = get_ipython()
        if shell is not None:
            changes = shell.input_transformers_cleanup
            changes[:] = [each for each in changes if each is not _skip]
            if any(part is None or (part == UNLABELLED).any() for part in labels):
                changes.append(_skip)

    def show(self, figure: Figure, name: str, alt: str) -> None:
        """Save a figure as PNG and show it.

        Parameters
        ----------
        figure : Figure
            Drawn in the notebook or by a function of :mod:`mnist_clust.plots`. It is closed.
        name : str
            File name without ending; the notebook's number is put in front.
        alt : str
            What the picture shows, for those who cannot see it.
        """
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=DPI)
        plt.close(figure)  # or Jupyter would show one that pyplot made a second time
        file = f"{self.notebook[:2]}_{name}"
        write_atomically(self.folder / "figures" / f"{file}.png", buffer.getvalue())
        bundle = {FIGURE: base64.b64encode(buffer.getvalue()).decode(), "text/plain": alt}
        display(bundle, metadata={FIGURE: {"name": file, "alt": alt}}, raw=True)

    def attach(self, page: Page, name: str) -> None:
        """Save an interactive page for the report, and show a link to it.

        Parameters
        ----------
        page : Page
            From :mod:`mnist_clust.interactive`.
        name : str
            File name without ending.
        """
        folder = self.folder / "interactive"
        for file, content in page.files.items():
            write_atomically(folder / file, content)
        write_atomically(folder / f"{name}.html", page.html.encode())
        link = f'<a href="interactive/{name}.html">Open it in the report</a>: {escape(page.title)}'
        bundle = {PAGE: link, "text/plain": f"In the report: interactive/{name}.html"}
        about = {"name": name, "title": page.title, "files": list(page.files)}
        display(bundle, metadata={PAGE: about}, raw=True)

    def record(self, **numbers: float | None) -> pd.DataFrame:
        """Record numbers by name, for the claims, the report and the README.

        Parameters
        ----------
        **numbers : float or None
            None where the data cannot give the number, as without labels.

        Returns
        -------
        DataFrame
            All that has been recorded so far, to look at.
        """
        self._numbers |= {
            name: None if value is None or math.isnan(value) else float(value)
            for name, value in numbers.items()
        }
        return pd.DataFrame({"value": pd.Series(self._numbers, dtype=float)})

    def lack(self, data: str, error: DataError) -> None:
        """Print why another data set is not at hand; the claims that need it stay unverified.

        Parameters
        ----------
        data : str
            Name of the data set, as the claims have it.
        error : DataError
            What loading it raised.
        """
        self._lacking.add(data)
        print(error)

    def check(self) -> None:
        """Compare the numbers with the claims, print the verdicts and save both.

        The claims were measured with the parameters that the notebook is committed with. With
        others there is nothing to compare the numbers with.
        """
        changed = _changed_parameters(self.notebook)
        measured_on = None if changed else self.digits.name
        verdicts = check_claims(self._numbers, self.notebook, measured_on, self._lacking)
        content = {
            "notebook": self.notebook,
            "data": self.digits.name,
            "digest": self.digits.digest,
            "numbers": self._numbers,
            "verdicts": {verdict.claim.id: verdict.state for verdict in verdicts},
            "lacking": sorted(self._lacking),
            "peak_memory_mb": _peak_memory_mb(),
        }
        write_atomically(self.folder / "metrics" / f"{self.notebook}.json", to_json(content))
        for verdict in verdicts:
            print(verdict)
        if changed:
            names = ", ".join(changed)
            print(f"Unverified: the claims were measured with other values of {names}.")


def _skip(lines: list[str]) -> list[str]:
    return [_SKIPPED] if lines and lines[0].startswith(LOOKS) else lines


def _changed_parameters(notebook: str) -> list[str]:
    """Name the parameters, but for the data, that a running notebook has given other values."""
    path = project_root() / "notebooks" / f"{notebook}.ipynb"
    shell = get_ipython()
    if shell is None or not path.is_file():
        return []
    cells = json.loads(path.read_text("utf-8"))["cells"]
    source = next(
        "".join(c["source"]) for c in cells if "parameters" in c["metadata"].get("tags", ())
    )
    lines = [line for line in ast.parse(source).body if isinstance(line, ast.Assign)]
    values = {ast.unparse(line.targets[0]): ast.literal_eval(line.value) for line in lines}
    named = values.keys() - {"DATA"}
    return sorted(name for name in named if shell.user_ns.get(name) != values[name])


def _peak_memory_mb() -> int:
    status = Path("/proc/self/status")
    if status.exists():  # getrusage would count what the parent held when it started the kernel
        lines = dict(line.split(":", 1) for line in status.read_text("utf-8").splitlines())
        return round(int(lines["VmHWM"].split()[0]) / 1024)
    if sys.platform == "win32":
        return round(psutil.Process().memory_info().peak_wset / 1024**2)
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1024**2 if sys.platform == "darwin" else 1024))
