"""The committed notebooks are whole runs on full MNIST, in the form that readers and nbval need."""

import ast
import json
import re
import symtable
from pathlib import Path

import nbformat
import pytest

from mnist_clust import project_root
from mnist_clust.claims import check_claims, load_claims
from mnist_clust.notebook import LOOKS
from mnist_clust.outputs import FIGURE, shown
from mnist_report.normalise import normalise
from mnist_report.report import find_notebooks

ROOT = project_root()
NOTEBOOKS = find_notebooks()
METRICS = json.loads((ROOT / "results" / "metrics.json").read_text("utf-8"))
# Figures of the works this starts from, quoted in the prose.
PUBLISHED = {"59.3%", "82.3%", "0.987", "0.984"}
SAID_AS_SUCH = {"10%", "90%", "65%", "0.65", "95%"}  # what guessing gives; thresholds


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def path(request) -> Path:
    return request.param


@pytest.fixture
def notebook(path):
    return nbformat.read(path, as_version=4)


def code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def prose(notebook):
    return "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def test_notebooks_are_numbered_without_gaps():
    assert [path.name[:2] for path in NOTEBOOKS] == [f"{i + 1:02}" for i in range(len(NOTEBOOKS))]


def test_counts_run_from_one_so_that_nbval_compares(notebook):
    counts = [cell.execution_count for cell in code(notebook)]
    assert counts == list(range(1, len(counts) + 1)), "run `make notebooks`"


def test_no_error_and_no_stderr_is_stored(notebook):
    for cell in code(notebook):
        for output in cell.outputs:
            assert output.output_type != "error"
            assert output.get("name") != "stderr", f"{cell.source}\nprints to stderr"


def test_form(path, notebook):
    assert normalise(path.read_text("utf-8")) == path.read_text("utf-8"), "run `make notebooks`"
    assert notebook.metadata.kernelspec.name == "python3"
    tags = [tag for cell in notebook.cells for tag in cell.metadata.get("tags", ())]
    assert tags.count("parameters") == 1
    assert "injected-parameters" not in tags
    parameters = next(c for c in code(notebook) if "parameters" in c.metadata.get("tags", ()))
    assert parameters.source.startswith('DATA = "auto"')
    assert notebook.cells[-1].source.endswith("run.check()"), "the claims come last"
    assert notebook.cells[0].source.startswith("# ")


def names_in(table: symtable.SymbolTable) -> tuple[set[str], set[str]]:
    """Tell which global names a piece of code asks for, and which it sets at its top."""
    symbols = table.get_symbols()
    top = table.get_type() == "module"
    asked = {s.get_name() for s in symbols if s.is_referenced() and (top or s.is_global())}
    for child in table.get_children():
        asked |= names_in(child)[0]
    return asked, {s.get_name() for s in symbols if top and (s.is_assigned() or s.is_imported())}


def test_what_hangs_on_labels_is_marked(notebook):
    """Without labels, marked cells do nothing: what they make is asked for in marked ones alone."""
    marked, free = set(), set()
    for cell in code(notebook):
        asked, stored = names_in(symtable.symtable(cell.source, "a cell", "exec"))
        if cell.source.startswith(LOOKS):
            marked |= stored
        else:
            assert not (asked - stored) & (marked - free), cell.source
            free |= stored


def test_numbers_in_the_prose_stand_in_claims(path, notebook):
    bands = [c.bands["mnist"] for c in load_claims() if c.notebook == path.stem]
    for text in re.findall(r"\d+(?:\.\d+)?%|\b0\.\d+\b", prose(notebook)):
        if text in PUBLISHED | SAID_AS_SUCH:
            continue
        value = float(text.rstrip("%")) / (100 if text.endswith("%") else 1)
        digits = len(text.rstrip("%").partition(".")[2]) + (2 if text.endswith("%") else 0)
        rounding = 0.5 * 10.0**-digits
        assert any(band.low - rounding <= value <= band.high + rounding for band in bands), (
            f"{path.stem} says {text}, and no claim of its holds that"
        )


def test_stored_verdicts_are_those_of_the_stored_metrics(path, notebook):
    verdicts = check_claims(METRICS["numbers"], path.stem, "mnist")
    stored = "".join(output.text for output in code(notebook)[-1].outputs)
    assert stored == "".join(f"{verdict}\n" for verdict in verdicts), "run `make notebooks`"
    assert verdicts, "a notebook claims something"
    assert all(verdict.state == "held" for verdict in verdicts)


def test_figures_of_the_full_run_are_all_there(path, notebook):
    calls = [node for cell in code(notebook) for node in ast.walk(ast.parse(cell.source))]
    named = [
        call.args[1].value
        for call in calls
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "run.show"
    ]
    files = {file.stem for file in (ROOT / "figures").glob(f"{path.name[:2]}_*.png")}
    assert files == {f"{path.name[:2]}_{name}" for name in named}
    stored = shown(notebook, FIGURE)
    assert {figure["name"] for figure in stored} == files, "run `make notebooks`"
    for figure in stored:
        assert len(figure["alt"]) > 20, figure


def test_metrics_are_of_full_mnist():
    from mnist_clust.data import MNIST_DIGEST

    assert METRICS["digest"] == MNIST_DIGEST
    assert set(METRICS["notebooks"]) == {path.stem for path in NOTEBOOKS}
