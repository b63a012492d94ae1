"""The report's pages: Sphinx over executed notebooks, with nothing fetched from any network."""

from __future__ import annotations

import contextlib
import io
import json
import os
import platform
import re
import shutil
from html import escape
from importlib.metadata import version
from pathlib import Path
from typing import Any

import nbformat
from sphinx.cmd.build import build_main

from mnist_clust._files import write_atomically
from mnist_clust.claims import Verdict, load_claims
from mnist_clust.data import Digits

_HERE = Path(__file__).parent
_SHOWN_VERSIONS = ("mnist-clust", "numpy", "scikit-learn", "scipy", "matplotlib")


class SiteError(RuntimeError):
    """The pages could not be built; the message holds what Sphinx said."""


def build_site(folder: Path, notebooks: list[Path], digits: Digits) -> Path:
    """Build the HTML pages of a report.

    Parameters
    ----------
    folder : Path
        The report's folder; the pages go to its ``site/``.
    notebooks : list of Path
        Executed notebooks, in reading order.
    digits : Digits
        What they ran on.

    Returns
    -------
    Path
        The page to open first.

    Raises
    ------
    SiteError
        If Sphinx fails or warns.
    """
    source, built = folder / ".site-source", folder / ".site-new"
    for leftover in (source, built):
        shutil.rmtree(leftover, ignore_errors=True)
    source.mkdir()
    for path in notebooks:
        write_atomically(source / path.name, _for_reading(path.read_text(encoding="utf-8")))
    for path in sorted((folder / "figures").glob("*.png")):
        (source / "figures").mkdir(exist_ok=True)
        shutil.copy(path, source / "figures")
    (source / "index.md").write_text(_landing_page(folder, notebooks, digits), encoding="utf-8")
    (source / "conf.py").write_text(_configuration(digits), encoding="utf-8")
    _run_sphinx(source, built)
    if (folder / "interactive").is_dir():
        shutil.copytree(folder / "interactive", built / "interactive")
    site = folder / "site"
    shutil.rmtree(site, ignore_errors=True)
    built.rename(site)
    shutil.rmtree(source)
    return site / "index.html"


def _run_sphinx(source: Path, built: Path) -> None:
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        status = build_main(["-q", "-W", "--keep-going", "-b", "html", str(source), str(built)])
    if status:
        raise SiteError(f"the report's pages could not be built: {said.getvalue().strip()}")
    for leftover in (built / ".doctrees", built / "_sources"):
        shutil.rmtree(leftover, ignore_errors=True)


def _for_reading(text: str) -> bytes:
    """Hand each figure's alternative text on to its page and leave the injected cell out."""
    notebook = nbformat.reads(text, as_version=4)
    notebook.cells = [
        cell
        for cell in notebook.cells
        if "injected-parameters" not in cell.metadata.get("tags", ())
    ]
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            if "image/png" in output.get("data", {}):
                alt = output.data.get("text/plain", "")
                cell.metadata["mystnb"] = {"image": {"alt": alt, "align": "left"}}
    return str(nbformat.writes(notebook)).encode()


def _configuration(digits: Digits) -> str:
    settings: dict[str, Any] = {
        "project": "mnist-clust",
        "author": "the mnist-clust developers",
        "extensions": ["myst_nb", "mnist_clust.mathml"],
        "html_theme": "sphinx_book_theme",
        "html_title": f"mnist-clust on {digits.name}",
        "html_math_renderer": "mathml",
        "html_copy_source": False,
        "html_show_sourcelink": False,
        "html_show_sphinx": False,
        "html_show_copyright": False,
        "nb_execution_mode": "off",
        "nb_mime_priority_overrides": [["html", "image/png", 0]],
        "myst_enable_extensions": ["dollarmath"],
        "html_theme_options": {
            "use_download_button": False,
            "use_fullscreen_button": False,
            "home_page_in_toc": True,
            "announcement": _announcement(digits),
        },
    }
    return "".join(f"{name} = {value!r}\n" for name, value in settings.items())


def _announcement(digits: Digits) -> str:
    if digits.name == "mnist":
        return ""
    if digits.name == "sample":
        return escape(" ".join(digits.notices))
    own = f"These pages were made from {digits.name}: the text speaks of full MNIST."
    return escape(" ".join([own, *digits.notices]))


def _landing_page(folder: Path, notebooks: list[Path], digits: Digits) -> str:
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    toc = "\n".join(path.stem for path in notebooks)
    versions = ", ".join(f"{name} {version(name)}" for name in _SHOWN_VERSIONS)
    return f"""# Handwritten digits, with nobody telling what they are

{len(digits.train_images):,} training and {len(digits.test_images):,} unseen test images of
{digits.image_shape[0]}×{digits.image_shape[1]} pixels ({digits.name}, digest
`{digits.digest[:16]}`).

## Claims

{_claims_table(metrics)}

{_interactive_pages(folder)}
## Numbers

{_numbers_table(metrics)}

## How it was run

Python {platform.python_version()} on {platform.machine()} with {os.cpu_count()} cores; {versions}.

```{{toctree}}
:maxdepth: 1
:hidden:

{toc}
```
"""


def _interactive_pages(folder: Path) -> str:
    pages = sorted((folder / "interactive").glob("*.html"))
    if not pages:
        return ""
    titles = [re.search("<title>(.*?)</title>", p.read_text(encoding="utf-8")) for p in pages]
    links = [
        f'<li><a href="interactive/{page.name}">{title[1] if title else page.stem}</a></li>'
        for page, title in zip(pages, titles, strict=True)
    ]
    return f"## To explore\n\n<ul>{''.join(links)}</ul>\n"


def _claims_table(metrics: dict[str, Any]) -> str:
    lines = ["| claim | band | this run | verdict |", "|---|---|---|---|"]
    for claim in load_claims():
        if claim.id in metrics["verdicts"]:
            value = metrics["numbers"].get(claim.id)
            verdict = Verdict(claim, claim.bands.get(metrics["data"]), value)
            shown = "-" if value is None else f"{value:.4g}"
            lines.append(
                f"| {verdict.sentence} | {verdict.band or '-'} | {shown} | {verdict.state} |"
            )
    return "\n".join(lines)


def _numbers_table(metrics: dict[str, Any]) -> str:
    lines = ["| number | value |", "|---|---|"]
    for name, value in metrics["numbers"].items():
        lines.append(f"| `{name}` | {'-' if value is None else f'{value:.6g}'} |")
    return "\n".join(lines)
