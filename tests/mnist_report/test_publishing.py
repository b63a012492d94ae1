"""What a full run makes the project's own, tried without the run."""

import json
import shutil
from types import SimpleNamespace

import nbformat
import pytest
from click.testing import CliRunner

from mnist_clust import __main__ as commands
from mnist_clust import project_root
from mnist_report import report, site


@pytest.fixture
def project(monkeypatch, tmp_path):
    """A copy of the files that a full run renews, and of what it reads for that."""
    root = tmp_path / "project"
    for folder in ("results", "docs"):
        shutil.copytree(project_root() / folder, root / folder)
    shutil.copy(project_root() / "README.md", root)
    for folder in ("notebooks", "figures"):
        (root / folder).mkdir()
    for module in (site, report):
        monkeypatch.setattr(module, "project_root", lambda: root)
    return root


def test_tables_are_renewed_and_the_prose_is_kept(project):
    path = project / "README.md"
    whole = path.read_text("utf-8")
    before, rest = whole.split("<!-- benchmark -->\n")
    rest = rest.split("<!-- /benchmark -->")[1]
    path.write_text(before + "<!-- benchmark -->\nold\n<!-- /benchmark -->" + rest, "utf-8")
    site.update_readme()
    table = site.benchmark_table(json.loads((project / "results/benchmark.json").read_text()))
    assert path.read_text("utf-8") == (
        f"{before}<!-- benchmark -->\n{table}\n<!-- /benchmark -->{rest}"
    )


def test_a_readme_without_a_place_for_a_table_is_an_error(project):
    with pytest.raises(ValueError, match="0 places for the table 'results' instead of 1"):
        site.render_readme("No table here.")


def showing(figure):
    """Make a notebook whose run showed one figure."""
    output = nbformat.v4.new_output("display_data", {}, metadata={"image/png": {"name": figure}})
    source = "from mnist_clust.notebook import Run"
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source, outputs=[output])])


@pytest.fixture
def made(tmp_path):
    """A report of one notebook with one figure."""
    folder = tmp_path / "report"
    for name in ("notebooks", "figures"):
        (folder / name).mkdir(parents=True)
    notebook = showing("new")
    notebook.metadata["papermill"] = {"duration": 9}
    nbformat.write(notebook, folder / "notebooks" / "01_x.ipynb")
    (folder / "figures" / "new.png").write_bytes(b"new")
    metrics = {"verdicts": {"a": "held"}, "digests": {"pixels": "0f"}, "bits": "The same."}
    metrics["files"] = {"figures/new.png": "a digest"}
    return report.Report(folder, folder / "index.html", metrics)


def test_publishing_renews_notebooks_figures_and_metrics(project, made, monkeypatch):
    nbformat.write(showing("old"), project / "notebooks" / "01_x.ipynb")
    for name in ("old", "new", "somebodys"):
        (project / "figures" / f"{name}.png").write_bytes(b"old")
    monkeypatch.setattr(report, "digest_stages", lambda digits: {"pixels": digits.name})
    report.publish(made)
    notebook = json.loads((project / "notebooks" / "01_x.ipynb").read_text("utf-8"))
    assert "papermill" not in notebook["metadata"], "how long it took differs between runs"
    figures = {path.stem: path.read_bytes() for path in (project / "figures").iterdir()}
    assert figures == {"new": b"new", "somebodys": b"old"}, "nothing goes but what was recorded"
    results = {name: json.loads((project / "results" / f"{name}.json").read_text("utf-8"))
               for name in ("metrics", "digests")}  # fmt: skip
    assert results["metrics"] == {"verdicts": {"a": "held"}}
    assert results["digests"] == {"mnist": {"pixels": "0f"}, "sample": {"pixels": "sample"}}


@pytest.mark.parametrize(("state", "status"), [("held", 0), ("broken", 1)])
def test_the_command_publishes_a_run_on_mnist(monkeypatch, made, state, status):
    done = []
    made.metrics["verdicts"]["a"] = state
    monkeypatch.setattr(commands, "_load", lambda source: source)
    monkeypatch.setattr(report, "find_notebooks", lambda: ["01"])
    monkeypatch.setattr(report, "make_report", lambda *given: done.append(given) or made)
    monkeypatch.setattr(report, "publish", done.append)
    monkeypatch.setattr(report, "summary", lambda made: "All of it.")
    monkeypatch.setattr(site, "update_readme", lambda: done.append("readme"))
    result = CliRunner().invoke(commands.main, ["notebooks"])
    assert result.exit_code == status
    assert "All of it." in result.output
    assert done == [("mnist", "auto", ["01"]), made, "readme"]


def test_the_readme_command_renews_the_tables(monkeypatch):
    done = []
    monkeypatch.setattr(site, "update_readme", lambda: done.append("readme"))
    assert CliRunner().invoke(commands.main, ["readme"]).exit_code == 0
    assert done == ["readme"]


def test_the_explorer_is_served_with_what_was_asked_for(monkeypatch):
    served = []
    monkeypatch.setattr(commands, "_load", lambda *_: SimpleNamespace(name="sample"))
    monkeypatch.setattr("streamlit.web.cli.main", lambda given, **how: served.append(given))
    result = CliRunner().invoke(commands.main, ["explore", "--port", "8600", "--headless"])
    assert result.exit_code == 0
    [given] = served
    assert given[0] == "run"
    assert {"--server.port=8600", "--server.headless=true"} < set(given)
    assert given[-1] == "sample", "the explorer would look for MNIST again"
