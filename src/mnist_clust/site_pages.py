"""The report's own pages, around the notebooks: landing page, gallery and benchmark."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Sequence
from html import escape
from importlib.metadata import version
from pathlib import Path
from string import Template
from typing import Any

from mnist_clust.chapters import Chapter, Picture
from mnist_clust.claims import Verdict, load_claims
from mnist_clust.data import Digits
from mnist_clust.machine import memory_gb, processor
from mnist_clust.readme import benchmark_table, results_table

_TEMPLATES = Path(__file__).parent / "templates"
_BEST_MAPS = ("08_sharp_map", "04_digits_on_the_map")
_SHOWN_VERSIONS = ("mnist-clust", "numpy", "scipy", "scikit-learn", "numba", "pandas", "matplotlib")
_MARKS = {"held": "✓", "broken": "✗", "unverified": "?"}
_TWO_SCORES = (
    "Each group of images is named after the training images in it. *By majority*, several groups "
    "may stand for one digit; *one-to-one*, each digit has one group."
)
_SPEED_ALT = (
    "Seconds of an optimisation against the number of points, both on logarithmic axes, for this "
    "engine, openTSNE, scikit-learn and umap-learn; the numbers at the right end are in the table."
)


def landing_page(
    chapters: Sequence[Chapter],
    metrics: dict[str, Any],
    digits: Digits,
    interactive: dict[str, str],
    appendix: Sequence[str],
) -> str:
    """Write the page that the site opens with, in Markdown.

    Parameters
    ----------
    chapters : sequence of Chapter
        In reading order.
    metrics : dict
        What the run recorded; the content of ``metrics.json``.
    digits : Digits
        What it ran on.
    interactive : dict of str to str
        Titles of the interactive pages by their address.
    appendix : sequence of str
        Names of the pages that follow the notebooks.

    Returns
    -------
    str
    """
    verdicts = _verdicts(chapters, metrics)
    template = Template((_TEMPLATES / "landing.md").read_text(encoding="utf-8"))
    return template.substitute(
        title=_title(digits),
        n_train=f"{len(digits.train_images):,}",
        n_test=f"{len(digits.test_images):,}",
        found=_found(verdicts),
        best_map=_best_map(chapters),
        results=_results(metrics),
        notebooks=_cards(chapters),
        to_explore=_to_explore(interactive, appendix),
        run=_run(chapters, metrics, digits),
        claims=_claims(chapters, verdicts),
        toc="\n".join(f"{c.number} {c.title} <{c.name}>".strip() for c in chapters),
        appendix="\n".join(appendix),
    )


def _title(digits: Digits) -> str:
    known = digits.name in ("mnist", "sample")
    return "Handwritten digits" if known else f"The images of {digits.name}"


def _verdicts(chapters: Sequence[Chapter], metrics: dict[str, Any]) -> list[Verdict]:
    shown = {chapter.name for chapter in chapters}
    return [
        Verdict(claim, claim.bands.get(metrics["data"]), metrics["numbers"].get(claim.id))
        for claim in load_claims()
        if claim.id in metrics["verdicts"] and claim.notebook in shown
    ]


def _found(verdicts: Sequence[Verdict]) -> str:
    """Fill this run's numbers into the sentences of the claims that are findings."""
    lines = [
        f"<li>{escape(verdict.finding)} {_badge(verdict.state)}</li>"
        for verdict in verdicts
        if verdict.finding
    ]
    states = [verdict.state for verdict in verdicts]
    counts = [f"{states.count(state)} {state}" for state in _MARKS if state in states]
    if counts:
        lines.append(
            f'<li><a href="#claims">{len(states)} claims</a> were checked on this run: '
            f"{', '.join(counts)}.</li>"
        )
    return f'<ul class="found">{"".join(lines)}</ul>' if lines else ""


def _badge(state: str) -> str:
    return f'<span class="verdict {state}">{_MARKS[state]} {state}</span>'


def _best_map(chapters: Sequence[Chapter]) -> str:
    shown = {picture.name: (c, picture) for c in chapters for picture in c.pictures}
    names = [name for name in (*_BEST_MAPS, *shown) if name in shown]
    if not names:
        return ""
    chapter, picture = shown[names[0]]
    caption = f"From notebook {chapter.number}: {chapter.title}."
    return _linked(chapter, picture, caption, "best")


def _linked(chapter: Chapter, picture: Picture, caption: str, kind: str) -> str:
    return (
        f'<figure class="{kind}"><a href="{chapter.link_to(picture)}">{picture.html}</a>'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def _results(metrics: dict[str, Any]) -> str:
    table = results_table(metrics)
    if not table:
        return "Nothing was scored: the images carry no labels, or no notebook that scores was run."
    if metrics["data"] == "mnist":
        table += "\n\n*Before* are the published figures of the works that this one starts from."
    return f"{table}\n\n{_TWO_SCORES}"


def _cards(chapters: Sequence[Chapter]) -> str:
    cards = []
    for chapter in chapters:
        picture = chapter.pictures[0].html if chapter.pictures else ""
        cards.append(
            f'<div class="chapter">\n<div class="picture">{picture}</div>\n<div>\n\n'
            f"[{chapter.number} {chapter.title}]({chapter.name}.ipynb)\n\n{chapter.purpose}\n\n"
            "</div>\n</div>"
        )
    return "\n".join(cards)


def _to_explore(interactive: dict[str, str], appendix: Sequence[str]) -> str:
    pages = dict(interactive)
    if "gallery" in appendix:
        pages["gallery.html"] = "All figures on one page"
    if not pages:
        return ""
    links = "".join(f'<li><a href="{page}">{title}</a></li>' for page, title in pages.items())
    return f"## Explore it yourself\n\n<ul>{links}</ul>\n"


def _run(chapters: Sequence[Chapter], metrics: dict[str, Any], digits: Digits) -> str:
    height, width = digits.image_shape
    versions = ", ".join(f"{name} {version(name)}" for name in _SHOWN_VERSIONS)
    facts = {
        "Data": f"{digits.name}: {len(digits.train_images):,} training and "
        f"{len(digits.test_images):,} unseen images of {width}×{height} pixels, "
        f"digest `{digits.digest[:16]}`",
        "Machine": f"{processor()}, {os.cpu_count()} cores, {memory_gb():.0f} GiB of memory; "
        f"{platform.platform(terse=True)}",
        "Versions": f"Python {platform.python_version()}, {versions}",
    }
    if metrics.get("bits"):
        facts["Bits"] = metrics["bits"]
    lines = [f"- **{name}:** {fact}" for name, fact in facts.items()]
    lines += ["", "| notebook | time | peak memory |", "|---|--:|--:|"]
    for chapter in chapters:
        spent = metrics["notebooks"].get(chapter.name)
        if spent:
            lines.append(
                f"| [{chapter.number} {chapter.title}]({chapter.name}.ipynb) "
                f"| {_duration(spent['seconds'])} | {spent['peak_memory_mb']:,} MB |"
            )
    return "\n".join(lines)


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min"


def _claims(chapters: Sequence[Chapter], verdicts: Sequence[Verdict]) -> str:
    parts = []
    for chapter in chapters:
        items = [_claim(verdict) for verdict in verdicts if verdict.claim.notebook == chapter.name]
        if items:
            parts.append(f"### {chapter.number} {chapter.title}\n")
            parts.append(f'<ul class="claims">{"".join(items)}</ul>\n')
    return "\n".join(parts) or "The notebooks that ran claim nothing."


def _claim(verdict: Verdict) -> str:
    value = "no number" if verdict.value is None else f"{verdict.value:.4g}"
    band = verdict.band
    expected = "" if band is None else f" ({band.low:g} to {band.high:g})"
    return (
        f"<li>{_badge(verdict.state)}<span>{escape(verdict.sentence)}</span> "
        f'<span class="numbers">{value}{expected}</span></li>'
    )


def gallery_page(chapters: Sequence[Chapter]) -> str:
    """Write the page of all figures, each with its text and a link to its place.

    Parameters
    ----------
    chapters : sequence of Chapter

    Returns
    -------
    str
        Markdown.
    """
    parts = ["# All figures", "", "Each leads to its place in the notebook that drew it.", ""]
    for chapter in chapters:
        if chapter.pictures:
            figures = [_linked(chapter, p, p.alt, "pictured") for p in chapter.pictures]
            parts += [f"## {chapter.number} {chapter.title}", ""]
            parts += [f'<div class="gallery">{"".join(figures)}</div>', ""]
    return "\n".join(parts)


def benchmark_page(benchmark: dict[str, Any], with_figure: bool) -> str:
    """Write the page on the t-SNE engine's speed.

    Parameters
    ----------
    benchmark : dict
        The content of ``results/benchmark.json``.
    with_figure : bool
        Whether ``figures/tsne_speed.png`` is there to be shown.

    Returns
    -------
    str
        Markdown.
    """
    machine = benchmark["machine"]
    versions = ", ".join(f"{name} {value}" for name, value in benchmark["versions"].items())
    picture = f'<img src="figures/tsne_speed.png" alt="{_SPEED_ALT}">' if with_figure else ""
    template = Template((_TEMPLATES / "benchmark.md").read_text(encoding="utf-8"))
    return template.substitute(
        picture=f'<div class="shown">{picture}</div>' if picture else "",
        table=benchmark_table(benchmark),
        rounds=benchmark["rounds"],
        processor=machine["processor"],
        cores=machine["cores"],
        versions=versions,
    )


def interactive_titles(folder: Path, chapters: Sequence[Chapter]) -> dict[str, str]:
    """Read the titles of the interactive pages that notebooks link to.

    Parameters
    ----------
    folder : Path
        Where runs leave such pages; some may be of an earlier run.
    chapters : sequence of Chapter

    Returns
    -------
    dict of str to str
        Titles, as HTML, by address.
    """
    pages = {}
    for page in sorted(folder.glob("*.html")):
        address = f"{folder.name}/{page.name}"
        if any(address in chapter.page for chapter in chapters):
            title = re.search("<title>(.*?)</title>", page.read_text(encoding="utf-8"))
            pages[address] = title[1] if title else page.stem
    return pages
