"""The report's own pages, made from small hand-written notebooks."""

import base64
import io
import itertools
import json
import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import nbformat
import pytest
from PIL import Image

from mnist_clust.claims import load_claims
from mnist_report import execute, report, site
from mnist_report.normalise import normalise
from mnist_report.report import _collect_metrics, _files_of
from mnist_report.site import results_table

pytestmark = pytest.mark.slow  # Sphinx


def png(shade):
    buffer = io.BytesIO()
    Image.new("L", (30, 20), shade).save(buffer, format="PNG")
    return buffer.getvalue()


def write_notebook(folder, name, title, figures=(), page=""):
    """Write a notebook as a run leaves it: figures are named after its number."""
    (folder / "notebooks").mkdir(exist_ok=True)
    (folder / "figures").mkdir(exist_ok=True)
    cells = [nbformat.v4.new_markdown_cell(f"# {title}\n\n**What you will do.** Do *it*.\n\nMore.")]
    shown = []
    if page:
        link = f'<a href="interactive/{page}.html">open</a>'
        about = {"name": page, "title": f"A {page} page", "files": [f"{page}.js"]}
        shown.append(({"text/html": link}, {"text/html": about}))
    for shade, (figure, alt) in enumerate(figures):
        content = png(10 * int(name[:2]) + shade)
        (folder / "figures" / f"{name[:2]}_{figure}.png").write_bytes(content)
        bundle = {"image/png": base64.b64encode(content).decode(), "text/plain": alt}
        shown.append((bundle, {"image/png": {"name": f"{name[:2]}_{figure}", "alt": alt}}))
    for bundle, metadata in shown:
        output = nbformat.v4.new_output("display_data", bundle, metadata=metadata)
        cells.append(nbformat.v4.new_code_cell("run.show(...)", outputs=[output]))
    path = folder / "notebooks" / f"{name}.ipynb"
    notebook = nbformat.reads(normalise(nbformat.writes(nbformat.v4.new_notebook(cells=cells))), 4)
    notebook.metadata["papermill"] = {}  # as executed ones have it
    nbformat.write(notebook, path)
    return path


def write_metrics(folder, digits, numbers, verdicts, notebooks=()):
    metrics = _collect_metrics(folder, digits, {})
    files = [name for path in folder.glob("notebooks/*") for name in _files_of(path)]
    metrics |= {
        "files": dict.fromkeys(files, "their digests"),
        "numbers": numbers,
        "verdicts": verdicts,
        "notebooks": {name: {"seconds": 100.0, "peak_memory_mb": 1234} for name in notebooks},
    }
    (folder / "metrics.json").write_text(json.dumps(metrics))


NAMES = ["02_cluster_raw_pixels", "11_later"]


def write_run(tmp_path, sample):
    """Write what a run of two notebooks leaves, one of which no claim knows."""
    first = [
        ("a", 'The first "figure", of ten < twelve.'),
        ("b", "The second one, wider & longer."),
    ]
    (tmp_path / "interactive").mkdir()
    for name in ("linked", "stale"):
        page = f"<html><head><title>A {name} page</title></head><body>x</body></html>"
        (tmp_path / "interactive" / f"{name}.html").write_text(page)
        (tmp_path / "interactive" / f"{name}.js").write_text("")
    write_notebook(tmp_path, NAMES[0], "Cluster them", first, "linked")
    write_notebook(tmp_path, NAMES[1], "Come later", [("c", "A third figure, from elsewhere.")])
    (tmp_path / "figures" / "77_stale.png").write_bytes(png(255))
    numbers = {"raw_accuracy_train": 0.1234, "raw_accuracy_test": 0.4321, "map_accuracy": 0.9}
    verdicts = {"raw_accuracy_train": "broken", "raw_accuracy_test": "broken"}
    write_metrics(tmp_path, sample, numbers, verdicts, NAMES)
    return tmp_path


def built(folder, names=NAMES):
    index = site.build_site(folder, [folder / "notebooks" / f"{n}.ipynb" for n in names])
    return {page.name: page.read_text("utf-8") for page in index.parent.glob("*.html")}


@pytest.fixture
def folder(tmp_path, sample):
    return write_run(tmp_path, sample)


@pytest.fixture(scope="module")
def shared(tmp_path_factory, sample):
    """The same, for all that only look at its site."""
    return write_run(tmp_path_factory.mktemp("run"), sample)


@pytest.fixture(scope="module")
def pages(shared):
    return built(shared)


def text_of(html):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def test_the_landing_page_tells_of_this_run(pages, sample):
    page = text_of(pages["index.html"])
    assert "12.34%" in page and "43.21%" in page, "the table of results"
    assert "correctly labels 43.2% of the unseen images" in page, "a finding"
    assert "59.4" not in page, "nothing of the committed run"
    assert "4,000 images" in page and sample.digest[:16] in page
    assert re.search(r"Python 3\.\d+.*scikit-learn \d", page)
    assert re.search(r"02 Cluster them 1\.7 min 1,234 MB", page)
    assert "Do it ." in page and "What you will do" not in page


def test_claims_stand_under_their_notebook_with_number_band_and_verdict(pages):
    page = pages["index.html"].split('id="claims"')[1]
    assert text_of(page).count("✗ broken") == 2
    claim = next(claim for claim in load_claims() if claim.id == "raw_accuracy_train")
    band = claim.bands["sample"]
    assert f"0.1234 ({band.low:g} to {band.high:g})" in page
    assert "Come later" not in text_of(page.split("prev-next")[0]), "it claims nothing"
    assert "map_accuracy" not in page, "no notebook of this run claims that"


def test_the_gallery_shows_each_figure_once_and_leads_to_its_place(shared, pages):
    figures = re.findall(
        r'<figure class="pictured"><a href="([^"#]+)#([^"]+)"><img src="([^"]+)" alt="([^"]+)"'
        r"[^>]*></a><figcaption>([^<]+)</figcaption>",
        pages["gallery.html"],
    )
    names = [(shared / "site" / source).stem for _, _, source, *_ in figures]
    assert names == ["02_a", "02_b", "11_c"]
    for page, place, source, alt, caption in figures:
        assert f'id="{place}"' in pages[page]
        assert f'src="{source}" alt="{alt}"' in pages[page]
        assert unescape(caption) == unescape(alt)
    copied = {path.stem for path in (shared / "site" / "figures").iterdir()}
    assert copied == {*names, "tsne_speed"}, "no figure of an earlier run"


def test_pages_follow_each_other_in_order(pages):
    order = ["index", *NAMES, "gallery", "benchmark"]
    for page, following in itertools.pairwise(order):
        assert re.search(rf'class="right-next"\s+href="{following}.html"', pages[f"{page}.html"])
        assert re.search(rf'class="left-prev"\s+href="{page}.html"', pages[f"{following}.html"])
    for page in pages.values():
        assert "02 Cluster them" in page and "11 Come later" in page, "the table of contents"


def test_a_run_on_the_sample_says_so_on_every_page(shared, pages):
    pages = pages | {
        path.name: path.read_text() for path in (shared / "site" / "interactive").glob("*.html")
    }
    offered = {"index.html", *(f"{name}.html" for name in NAMES), "linked.html"}
    assert set(pages) == offered | {"gallery.html", "benchmark.html", "search.html"}
    for name, page in pages.items():
        assert "THIS IS NOT FULL MNIST" in page, name


def test_only_pages_that_a_notebook_links_to_are_offered(shared, pages):
    page = pages["index.html"]
    assert '<a href="interactive/linked.html">A linked page</a>' in page
    assert "stale" not in page
    published = {path.name for path in (shared / "site" / "interactive").iterdir()}
    assert published == {"linked.html", "linked.js"}


def test_own_images_are_told_from_mnist(folder, sample):
    own = replace(sample, name="stamps", notices=())
    write_metrics(folder, own, {"raw_accuracy_train": 0.5}, {"raw_accuracy_train": "unverified"})
    pages = built(folder)
    for page in pages.values():
        assert "These pages were made from stamps" in page
    text = text_of(pages["index.html"])
    assert "Clustering the images of stamps without labels" in text
    assert "4,000 training images" in text
    assert "? unverified" in text


def test_a_run_of_few_notebooks_makes_a_site_of_those(folder, sample):
    pages = built(folder, NAMES[1:])
    assert f"{NAMES[0]}.html" not in pages
    assert "broken" not in text_of(pages["index.html"])
    assert "77_stale" not in pages["gallery.html"]


def test_a_site_without_figures_has_no_gallery(folder, sample):
    path = write_notebook(folder, "03_bare", "Say nothing")
    assert site.build_site(folder, [path]).exists()
    assert not (folder / "site" / "gallery.html").exists()


def test_a_picture_that_no_file_holds_keeps_its_text(folder):
    metrics = json.loads((folder / "metrics.json").read_text())
    del metrics["files"]["figures/11_c.png"]
    (folder / "metrics.json").write_text(json.dumps(metrics))
    page = built(folder)["11_later.html"]
    assert re.search(r'<img alt="A third figure, from elsewhere\."[^>]*src="_images/', page)


@pytest.mark.parametrize(
    ("names", "best"),
    [
        (["04_map_forms", "04_digits_on_the_map", "08_sharp_map"], "08_sharp_map"),
        (["04_map_forms", "04_digits_on_the_map"], "04_digits_on_the_map"),
        (["01_digits", "04_map_forms"], "01_digits"),
    ],
)
def test_the_best_map_there_is_opens_the_report(tmp_path, sample, names, best):
    notebooks = sorted({f"{name[:2]}_x" for name in names})
    for notebook in notebooks:
        figures = [(n[3:], f"What {n} shows.") for n in names if n[:2] == notebook[:2]]
        write_notebook(tmp_path, notebook, "A title", figures)
    write_metrics(tmp_path, sample, {}, {})
    page = built(tmp_path, notebooks)["index.html"]
    assert re.search(r'<figure class="best">.*?src="figures/(\w+)\.png"', page)[1] == best


def test_a_report_holds_nothing_of_an_earlier_run(tmp_path, sample):
    (tmp_path / "metrics").mkdir()
    for name in ("01_old", "02_new"):
        recorded = {"digest": sample.digest, "numbers": {name: 1.0}, "verdicts": {name: "held"}}
        recorded |= {"lacking": [], "peak_memory_mb": 1}
        (tmp_path / "metrics" / f"{name}.json").write_text(json.dumps(recorded))
    metrics = _collect_metrics(tmp_path, sample, {"02_new": 1.0})
    assert set(metrics["numbers"]) == set(metrics["verdicts"]) == {"02_new"}
    assert metrics["notebooks"] == {"02_new": {"seconds": 1.0, "peak_memory_mb": 1}}


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Make a report in one folder, of a notebook that shows one figure and one page."""

    def make(digits, name):
        def write(path, folder, parameters, title, stopped):
            (folder / "interactive").mkdir(exist_ok=True)
            page = f"<head><title>A page</title></head><body>{name}</body>"
            (folder / "interactive" / f"{name}.html").write_text(page)
            (folder / "interactive" / f"{name}.js").write_text("")
            write_notebook(folder, path.stem, name, [(name, f"What {name} shows.")], name)
            (folder / "metrics").mkdir(exist_ok=True)
            recorded = {"numbers": {name: 1.0}, "verdicts": {}, "lacking": []}
            recorded |= {"peak_memory_mb": 1}
            (folder / "metrics" / f"{path.stem}.json").write_text(json.dumps(recorded))
            return 1.0

        monkeypatch.setattr(execute, "_execute_one", write)
        return report.make_report(digits, "own.npz", [Path(f"{NAMES[0]}.ipynb")], tmp_path / "out")

    return make


def test_two_data_sets_of_one_name_do_not_mix(run, sample):
    first, second = (
        replace(sample, name="stamps", train_images=sample.train_images[part],
                train_labels=sample.train_labels[part], notices=())
        for part in (slice(100), slice(200))
    )  # fmt: skip
    folder = run(first, "first").folder
    earlier = json.loads((folder / "metrics" / f"{NAMES[0]}.json").read_text())
    (folder / "metrics" / "77_gone.json").write_text(json.dumps(earlier))
    others = ["notebooks/77_source.ipynb", "metrics/77_mine.json", "figures/77_mine.png",
              "interactive/mine.html", "site/mine.txt", "failed/01_mine.ipynb"]  # fmt: skip
    for name in others:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("{}")
    made = run(second, "second")
    assert made.metrics["n_train"] == 200
    for place in (folder, folder / "site"):
        figures = {path.name for path in (place / "figures").glob("[0-9]*")}
        assert figures - {"77_mine.png"} == {"02_second.png"}
        pages = {path.name for path in (place / "interactive").iterdir()}
        assert pages - {"mine.html"} == {"second.html", "second.js"}
    numbers = {path.name for path in (folder / "metrics").iterdir()}
    assert numbers == {f"{NAMES[0]}.json", "77_mine.json"}
    for name in others:
        assert (folder / name).read_text() == "{}", "it may be somebody's"


@pytest.mark.parametrize("name", ["metrics.json", f"notebooks/{NAMES[0]}.ipynb", "site/a.html"])
def test_nothing_of_anybody_elses_is_written_over(run, sample, name, tmp_path):
    theirs = tmp_path / "out" / name
    theirs.parent.mkdir(parents=True)
    theirs.write_text("{}")
    with pytest.raises(ValueError, match="is of no report and would be written over: let MNIST"):
        run(sample, "first")
    assert [path for path in (tmp_path / "out").rglob("*") if path.is_file()] == [theirs]
    assert theirs.read_text() == "{}"


def test_a_site_behind_a_link_stays_there(run, sample, tmp_path):
    (tmp_path / "served").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "site").symlink_to(tmp_path / "served")
    for _ in range(2):
        made = run(sample, "first")
        assert (tmp_path / "out" / "site").is_symlink()
        assert made.index.read_bytes() == (tmp_path / "served" / "index.html").read_bytes()


@pytest.mark.parametrize("end", [KeyboardInterrupt, "killed"])
def test_a_run_stopped_between_two_names_loses_no_page(run, sample, monkeypatch, tmp_path, end):
    run(sample, "first")
    pages = tmp_path / "out" / "site"
    (pages / "notes.txt").write_text("mine")
    rename = Path.rename

    def stop(path, to):
        if path.parent.name == ".mnist-clust-site" and path.name == "site":
            raise KeyboardInterrupt
        return rename(path, to)

    with monkeypatch.context() as stopped:
        stopped.setattr(Path, "rename", stop)
        if end == "killed":  # nothing of what would tidy up runs
            stopped.setattr(site, "_put_back", lambda *_: None)
            stopped.setattr(site.shutil, "rmtree", lambda *_, **__: None)
        with pytest.raises(KeyboardInterrupt):
            run(sample, "second")
    assert pages.exists() == (end != "killed")
    run(sample, "second")
    assert (pages / "notes.txt").read_text() == "mine"


def test_a_figure_of_an_earlier_run_is_not_published(run, sample, monkeypatch, tmp_path):
    monkeypatch.setattr(report, "build_site", lambda folder, *_: folder / "site" / "index.html")
    monkeypatch.setattr(report, "project_root", lambda: tmp_path / "project")
    (tmp_path / "project" / "notebooks").mkdir(parents=True)
    figures = [("first", "What it shows.")]
    write_notebook(tmp_path / "project", NAMES[0], "uses mnist_clust", figures)
    run(sample, "first")
    report.publish(run(sample, "second"))
    published = [path.name for path in (tmp_path / "project" / "figures").iterdir()]
    assert published == ["02_second.png"]


def test_results_hold_what_there_is_and_compare_only_mnist():
    metrics = {"data": "mnist", "n_train": 60_000, "n_test": 10_000}
    scored = {"map_accuracy": 0.5, "placed_accuracy": 0.4}
    table = results_table(metrics | {"numbers": scored})
    assert "|  | 60,000 training digits | 10,000 unseen digits | an earlier project |" in table
    assert len(table.splitlines()) == 3 and "82.3%" in table
    ten = results_table(metrics | {"numbers": scored | {"plain_worst": 0.45, "plain_best": 0.55}})
    assert "| 50.00% | 40.00% | 45.00% to 55.00% | 82.3% (train) |" in ten
    table = results_table(metrics | {"data": "own", "numbers": scored})
    assert "an earlier project" not in table and "82.3%" not in table
    assert results_table(metrics | {"numbers": {"map_accuracy": None}}) == ""


def test_findings_take_the_number_of_any_run():
    findings = [claim.found for claim in load_claims() if claim.found]
    assert len(findings) >= 3
    for finding in findings:
        assert re.search(r"\{value:[^}]+\}", finding)
        assert finding.format(value=0.25) != finding.format(value=0.75)
        fixed = re.sub(r"\{[^}]*\}", "", finding)
        assert not re.search(r"\d%|\d\.\d", fixed), "no number of one run"
