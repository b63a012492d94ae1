"""One run of one notebook: where its pictures and numbers go, and what became of its claims."""

from __future__ import annotations

import ast
import base64
import io
import json
import math
import os
import resource
import sys
from html import escape
from pathlib import Path

import pandas as pd
from IPython.core.getipython import get_ipython
from IPython.display import HTML, display
from matplotlib.figure import Figure

from mnist_clust._write import to_json, write_atomically
from mnist_clust.cache import project_root
from mnist_clust.claims import check_claims
from mnist_clust.data import Digits
from mnist_clust.numerics import OWN, in_force
from mnist_clust.pages import Page

DPI = 120


def output_folder(data: str) -> Path:
    """Return the folder that runs on a data set write to; git ignores it.

    ``MNIST_CLUST_OUT`` overrides it, which is how a report chooses its own.
    """
    chosen = os.environ.get("MNIST_CLUST_OUT")
    return Path(chosen) if chosen else project_root() / "reports" / data


class Run:
    """Collects what a notebook shows, records and claims.

    Parameters
    ----------
    notebook : str
        Name of the notebook, without its ending.
    digits : Digits
        What it runs on; the notices are shown at once.
    """

    def __init__(self, notebook: str, digits: Digits) -> None:
        self.notebook = notebook
        self.digits = digits
        self.folder = output_folder(digits.name)
        self._numbers: dict[str, float | None] = {}
        for notice in digits.notices:
            display(_Notice(notice))

    def show(self, figure: Figure, name: str, alt: str) -> None:
        """Save a figure as PNG and show it.

        Parameters
        ----------
        figure : Figure
            Drawn by a function of :mod:`mnist_clust.plots`.
        name : str
            File name without ending; the notebook's number is put in front.
        alt : str
            What the picture shows, for those who cannot see it.
        """
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=DPI)
        png = buffer.getvalue()
        write_atomically(self.folder / "figures" / f"{self.notebook[:2]}_{name}.png", png)
        bundle = {"image/png": base64.b64encode(png).decode(), "text/plain": alt}
        display(bundle, raw=True)

    def attach(self, page: Page, name: str) -> None:
        """Save an interactive page for the report, and show a link to it.

        Parameters
        ----------
        page : Page
            From :mod:`mnist_clust.pages`.
        name : str
            File name without ending.
        """
        folder = self.folder / "interactive"
        for file, content in page.files.items():
            write_atomically(folder / file, content)
        write_atomically(folder / f"{name}.html", page.html.encode())
        link = f'<a href="interactive/{name}.html">Open it in the report</a>: {escape(page.title)}'
        plain = f"In the report: interactive/{name}.html"
        display({"text/html": link, "text/plain": plain}, raw=True)

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

    def check(self) -> None:
        """Hold the numbers against the claims, print the verdicts and save both.

        The claims were measured with the parameters that the notebook is committed with. With
        others there is nothing to hold the numbers against.
        """
        changed = _changed_parameters(self.notebook)
        measured_on = None if changed else self.digits.name
        verdicts = check_claims(self._numbers, self.notebook, measured_on)
        content = {
            "notebook": self.notebook,
            "data": self.digits.name,
            "digest": self.digits.digest,
            "numbers": self._numbers,
            "verdicts": {verdict.claim.id: verdict.state for verdict in verdicts},
            "peak_memory_mb": _peak_memory_mb(),
        }
        path = self.folder / "metrics" / f"{self.notebook}.json"
        write_atomically(path, to_json(content))
        for verdict in verdicts:
            print(verdict)
        if changed:
            names = ", ".join(changed)
            print(f"Unverified: the claims were measured with other values of {names}.")
        if in_force() == OWN:
            print(
                "Computed by this processor's own code: last digits may differ (make lab fixes it)."
            )


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
    committed = {
        line.targets[0].id: ast.literal_eval(line.value)
        for line in ast.parse(source).body
        if isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Name)
    }
    named = committed.keys() - {"DATA"}
    return sorted(name for name in named if shell.user_ns.get(name) != committed[name])


def _peak_memory_mb() -> int:
    status = Path("/proc/self/status")
    if status.exists():  # getrusage would count what the parent held when it started the kernel
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return round(int(lines["VmHWM"].split()[0]) / 1024)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1024**2 if sys.platform == "darwin" else 1024))


class _Notice(HTML):
    """A box that no one can miss, in a terminal as on a page."""

    def __init__(self, text: str) -> None:
        self._text = text
        super().__init__(
            '<div style="border:3px solid #b00020;padding:.6em 1em;font-weight:bold">'
            f"{escape(text)}</div>"
        )

    def __repr__(self) -> str:
        return f"*** {self._text} ***"
