"""The site: a run, which `mnist_report.site` puts beside this file, and the pages around it."""

import json
import re
from collections import Counter
from html import escape
from pathlib import Path

import nbformat
from docutils import nodes
from latex2mathml.converter import convert
from PIL import Image

from mnist_clust import project_root
from mnist_clust.claims import read_verdicts
from mnist_clust.outputs import FIGURE, PAGE, shown
from mnist_report.site import announcement, benchmark_table, results_table

HERE = Path(__file__).parent
COPIED = HERE / "copied"  # figures, interactive pages and metrics.json: the site holds them so
METRICS = json.loads((COPIED / "metrics.json").read_text("utf-8"))
BENCHMARK = json.loads((project_root() / "results" / "benchmark.json").read_text("utf-8"))
BEST_MAPS = ("08_sharp_map", "04_digits_on_the_map")  # the first that there is opens the site
MARKS = {"held": "✓", "broken": "✗", "unverified": "?"}
TITLES = {"mnist": "full MNIST", "sample": "the sample"}


def read_chapter(path):
    """Tell what a notebook holds, and give its text with figures referred to by their files."""
    notebook = nbformat.read(path, as_version=4)
    notebook.cells = [
        cell
        for cell in notebook.cells
        if "injected-parameters" not in cell.metadata.get("tags", ())
    ]
    figures = []
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            if FIGURE in output.get("data", {}):
                if figure := read_figure(output):
                    figures.append(figure)
                    output.data = {"text/html": figure["shown"]}
                else:  # no file has it: it stays within the page
                    alt = output.data.get("text/plain", "")
                    cell.metadata["mystnb"] = {"image": {"alt": alt, "align": "left"}}
    prose = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    heading, _, rest = (prose[0] if prose else "").partition("\n")
    titled = heading.startswith("# ")
    purpose = re.sub(r"^\*\*[^*]*\*\*\s*", "", rest.strip().partition("\n\n")[0])
    return {
        "name": path.stem,
        "number": path.stem.partition("_")[0],
        "title": heading[2:].strip() if titled else path.stem,
        "purpose": purpose if titled else "",  # without the bold words that it begins with
        "figures": figures,
        "pages": shown(notebook, PAGE),
        "spent": METRICS["notebooks"].get(path.stem),
        "verdicts": read_verdicts(METRICS, path.stem),
        "text": nbformat.writes(notebook),
    }


def read_figure(output):
    """Tell what a figure shows and how pages show it; None if no file was copied."""
    about = output.metadata.get(FIGURE, {})
    file = f"figures/{about.get('name')}.png"
    if not (COPIED / file).is_file():
        return None
    width, height = Image.open(COPIED / file).size
    html = f'<img src="{file}" alt="{escape(about["alt"])}" width="{width}" height="{height}">'
    place = f"figure-{about['name']}"
    linked = f'<div class="shown" id="{place}"><a href="{file}">{html}</a></div>'
    return {**about, "place": place, "html": html, "shown": linked}


CHAPTERS = {path.stem: read_chapter(path) for path in sorted(HERE.glob("*.ipynb"))}
FIGURES = {figure["name"]: (chapter, figure)
           for chapter in CHAPTERS.values() for figure in chapter["figures"]}  # fmt: skip
VERDICTS = [verdict for chapter in CHAPTERS.values() for verdict in chapter["verdicts"]]
COUNTS = Counter(verdict.state for verdict in VERDICTS)
PAGES = {page["name"]: page for chapter in CHAPTERS.values() for page in chapter["pages"]}
CONTEXT = {
    "metrics": METRICS,
    "chapters": list(CHAPTERS.values()),
    "verdicts": VERDICTS,
    "counts": ", ".join(f"{COUNTS[state]} {state}" for state in MARKS if COUNTS[state]),
    "marks": MARKS,
    "pages": list(PAGES.values()),
    "map": PAGES.get("digits_on_the_map"),
    "best": next((FIGURES[name] for name in (*BEST_MAPS, *FIGURES) if name in FIGURES), None),
    "results": results_table(METRICS),
    "benchmark": BENCHMARK | {"table": benchmark_table(BENCHMARK)},
}

project = "mnist-clust"
author = "the mnist-clust developers"
extensions = ["myst_nb"]
exclude_patterns = [] if FIGURES else ["gallery.md"]
html_extra_path = [COPIED.name]

nb_execution_mode = "off"
nb_mime_priority_overrides = [["html", "image/png", 0]]
myst_enable_extensions = ["dollarmath"]

html_theme = "sphinx_book_theme"
html_title = f"mnist-clust on {TITLES.get(METRICS['data'], METRICS['data'])}"
html_static_path = ["_static"]
html_css_files = ["style.css"]
html_math_renderer = "mathml"
html_use_index = False
html_show_search_summary = False  # it would fetch pages, which a browser refuses to do from disk
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_show_copyright = False
html_context = {"default_mode": "auto"}
html_theme_options = {
    "use_download_button": False,
    "use_fullscreen_button": False,
    "announcement": announcement(METRICS),
}


def fill_in(app, name, source):
    """Fill the run into the pages that are written here; put figures' files into notebooks."""
    if name in CHAPTERS:
        source[0] = CHAPTERS[name]["text"]
    else:
        source[0] = app.builder.templates.render_string(source[0], CONTEXT)


def inline_formula(writer, node: nodes.math):
    """Write MathML, which browsers draw without a script or a network."""
    writer.body.append(convert(node.astext()))
    raise nodes.SkipNode


def formula(writer, node: nodes.math_block):
    """Let a wide one scroll by itself on a phone, and by keyboard."""
    mathml = convert(node.astext(), display="block")
    writer.body.append(f'<p tabindex="0" style="text-align: center; overflow: auto">{mathml}</p>\n')
    raise nodes.SkipNode


def setup(app):
    """Have the pages filled in and formulas drawn."""
    app.connect("source-read", fill_in)
    app.add_html_math_renderer("mathml", (inline_formula, None), (formula, None))
