"""The report's pages: Sphinx over executed notebooks, with nothing fetched from any network."""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import shutil
import tempfile
from html import escape
from pathlib import Path
from typing import Any

from sphinx.cmd.build import build_main

from mnist_clust._write import read_record, to_json
from mnist_clust.cache import project_root
from mnist_clust.chapters import read_chapter
from mnist_clust.data import Digits
from mnist_clust.site_pages import benchmark_page, gallery_page, interactive_titles, landing_page

_TEMPLATES = Path(__file__).parent / "templates"
_BENCHMARK = project_root() / "results" / "benchmark.json"
_SPEED = project_root() / "results" / "tsne_speed.png"
_TITLES = {"mnist": "full MNIST", "sample": "the sample"}
_CONTENT = "content.json"  # lists the files of a site
_NOTE_STYLE = (
    "margin: 0; padding: .4em 1em; color: #fff; background: #8a1c1c; "
    "font: bold 16px/1.4 system-ui, sans-serif"
)


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
    OSError
        If the disk is full. Then, and in any other case, the pages before stay as they were.
    """
    site = folder / "site"
    whole = site.resolve()  # it may be a link
    if whole.exists() and not is_site(whole):
        raise SiteError(f"{site} holds what no report wrote: move it away.")
    work = whole.with_name(".mnist-clust-site")
    shutil.rmtree(work, ignore_errors=True)
    source, built = work / "source", work / "site"
    try:
        source.mkdir(parents=True)
        _write_sources(source, folder, notebooks, digits)
        _run_sphinx(source, built)
        _add_files(built, folder, _announcement(digits))
        _carry_over(whole, built)
        if whole.exists():
            whole.rename(work / "before")
        built.rename(whole)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return site / "index.html"


def is_site(folder: Path) -> bool:
    """Tell whether a folder holds the pages of a report, or nothing."""
    known = read_record(folder / "metrics.json", "digest", "numbers", "verdicts", "notebooks")
    return bool(known) or not any(folder.iterdir())


def _carry_over(before: Path, built: Path) -> None:
    """Record what was built, and take along what somebody has put beside the pages before."""
    made = sorted(p.relative_to(built).as_posix() for p in built.rglob("*") if p.is_file())
    earlier = read_record(before / _CONTENT, "files").get("files", [])
    (built / _CONTENT).write_bytes(to_json({"files": made}))
    known = {_CONTENT, *earlier, *made}
    for path in before.rglob("*") if earlier else ():
        name = path.relative_to(before).as_posix()
        if name not in known and not path.is_dir():
            (built / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, built / name, follow_symlinks=False)


def _write_sources(source: Path, folder: Path, notebooks: list[Path], digits: Digits) -> None:
    chapters = [read_chapter(path, folder / "figures") for path in notebooks]
    for chapter in chapters:
        (source / f"{chapter.name}.ipynb").write_text(chapter.page, encoding="utf-8")
    appendix = {}
    if any(chapter.pictures for chapter in chapters):
        appendix["gallery"] = gallery_page(chapters)
    if _BENCHMARK.is_file():
        benchmark = json.loads(_BENCHMARK.read_text(encoding="utf-8"))
        appendix["benchmark"] = benchmark_page(benchmark, _SPEED.is_file())
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    interactive = interactive_titles(folder / "interactive", chapters)
    pages = {"index": landing_page(chapters, metrics, digits, interactive, list(appendix))}
    for name, text in (pages | appendix).items():
        (source / f"{name}.md").write_text(text, encoding="utf-8")
    (source / "_static").mkdir()
    shutil.copy(_TEMPLATES / "site.css", source / "_static")
    (source / "conf.py").write_text(_configuration(digits), encoding="utf-8")


def _add_files(built: Path, folder: Path, announcement: str) -> None:
    """Add what Sphinx need not touch: pictures, numbers, interactive pages."""
    shutil.copy(folder / "metrics.json", built)
    (built / "figures").mkdir()
    pages = "".join(page.read_text(encoding="utf-8") for page in built.glob("*.html"))
    for picture in (*(folder / "figures").glob("*.png"), _SPEED):
        if f'src="figures/{picture.name}"' in pages:
            shutil.copy(picture, built / "figures")
    if not (folder / "interactive").is_dir():
        return

    def unlinked(_: str, names: list[str]) -> list[str]:
        return [n for n in names if n.endswith(".html") and f"interactive/{n}" not in pages]

    shutil.copytree(folder / "interactive", built / "interactive", ignore=unlinked)
    for page in (built / "interactive").glob("*.html") if announcement else ():
        note = f'<header style="{_NOTE_STYLE}">{announcement}</header>'
        text = page.read_text(encoding="utf-8").replace("<body>", f"<body>{note}", 1)
        page.write_text(text, encoding="utf-8")


def _run_sphinx(source: Path, built: Path) -> None:
    said = io.StringIO()
    usual = tempfile.tempdir
    tempfile.tempdir = str(built.parent)  # where Sphinx leaves what went wrong
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            status = build_main(["-q", "-W", "--keep-going", "-b", "html", str(source), str(built)])
    finally:
        tempfile.tempdir = usual
    if status and (full := os.strerror(errno.ENOSPC)) in said.getvalue():  # for each of its files
        raise OSError(errno.ENOSPC, full, str(built))
    if status:
        raise SiteError(f"the report's pages could not be built: {said.getvalue().strip()}")
    for leftover in (built / ".doctrees", built / "_sources"):
        shutil.rmtree(leftover, ignore_errors=True)
    for template in (built / "_static").rglob("*.html"):  # the theme's own, no page of ours
        template.unlink()


def _configuration(digits: Digits) -> str:
    settings: dict[str, Any] = {
        "project": "mnist-clust",
        "author": "the mnist-clust developers",
        "extensions": ["myst_nb", "mnist_clust.mathml"],
        "html_theme": "sphinx_book_theme",
        "html_static_path": ["_static"],
        "html_css_files": ["site.css"],
        "html_use_index": False,
        # It would fetch pages, which a browser refuses to do from disk.
        "html_show_search_summary": False,
        "html_title": f"mnist-clust on {_TITLES.get(digits.name, digits.name)}",
        "html_math_renderer": "mathml",
        "html_copy_source": False,
        "html_show_sourcelink": False,
        "html_show_sphinx": False,
        "html_show_copyright": False,
        "nb_execution_mode": "off",
        "nb_mime_priority_overrides": [["html", "image/png", 0]],
        "html_context": {"default_mode": "auto"},
        "myst_enable_extensions": ["dollarmath"],
        "html_theme_options": {
            "use_download_button": False,
            "use_fullscreen_button": False,
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
