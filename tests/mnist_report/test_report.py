"""The main job, end to end on the sample, and every way it can fail."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
from click.testing import CliRunner
from helpers import notebooks_for_the_sample
from nbformat.v4 import new_code_cell, new_notebook

from mnist_clust import numerics, project_root
from mnist_clust.__main__ import main
from mnist_clust.outputs import FIGURE, shown
from mnist_report import execute, report, site
from mnist_report.normalise import main as normalise_files
from mnist_report.normalise import normalise


def test_claims_about_the_sample_hold(sample_report):
    assert sample_report.broken == []
    assert list(sample_report.metrics["verdicts"].values()).count("held") >= 10


def test_report_is_complete(sample_report):
    names = [path.stem for path in notebooks_for_the_sample()]
    assert list(sample_report.metrics["notebooks"]) == names
    for name in names:
        assert sample_report.metrics["notebooks"][name]["seconds"] > 0
        page = (sample_report.index.parent / f"{name}.html").read_text("utf-8")
        assert "NOT FULL MNIST" in page
        assert "Traceback" not in page
    figures = {path.name for path in (sample_report.folder / "figures").iterdir()}
    executed = sample_report.folder.glob("notebooks/*.ipynb")
    told = [each for path in executed for each in shown(nbformat.read(path, as_version=4), FIGURE)]
    assert figures == {f"{figure['name']}.png" for figure in told}
    committed = {path.name for path in (project_root() / "figures").glob("*.png")}
    assert figures == {name for name in committed if any(n[:2] == name[:2] for n in names)}
    text = report.summary(sample_report)
    assert sample_report.index.as_uri() in text
    if numerics.in_force() == numerics.FIXED:
        assert "The same bits as the committed run, in every stage." in text
        assert "The same bits" in sample_report.index.read_text("utf-8")
    assert "0 broken" in text
    left = {path.name for path in sample_report.folder.iterdir()}
    made = {"figures", "interactive", "metrics", "metrics.json", "notebooks", "site"}
    assert left == made, "nothing is left over"


def test_every_figure_has_a_text_for_those_who_cannot_see_it(sample_report):
    shown = set()
    for page in sample_report.index.parent.glob("*.html"):
        for image in re.findall(r"<img [^>]*>", page.read_text("utf-8")):
            name, alt = (re.search(f'{key}="([^"]*)"', image)[1] for key in ("src", "alt"))
            assert len(alt) > 20, image
            shown.add(name)
    figures = {f"figures/{path.name}" for path in (sample_report.folder / "figures").iterdir()}
    assert shown == figures | {"figures/tsne_speed.png"}, "each figure stands in the site, once"


def test_the_site_is_light_enough_to_send(sample_report):
    files = [path for path in sample_report.index.parent.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 40e6


def test_the_site_asks_no_network(sample_report):
    loading = re.compile(
        r"""(?:<(?:script|img|iframe|source)[^>]*\ssrc|<link[^>]*\shref)=["'](?:https?:)?//[^"']+"""
    )
    for page in sample_report.index.parent.rglob("*.html"):
        asked = loading.findall(page.read_text("utf-8"))
        assert not asked, f"{page.name} asks for {asked}"
    for style in sample_report.index.parent.rglob("*.css"):
        assert not re.search(r"(@import|url\()\s*[\"']?https?:", style.read_text("utf-8")), style


def test_formulas_are_drawn_by_the_browser(sample_report):
    assert "<math" in (sample_report.index.parent / "01_load_and_flatten.html").read_text("utf-8")


def test_the_site_opens_from_disk_with_working_links(sample_report):
    site_folder, landing = sample_report.index.parent, sample_report.index.read_text("utf-8")
    interactive = list(site_folder.glob("interactive/*.html"))
    assert len(interactive) >= 2
    for page in interactive:
        assert f'href="interactive/{page.name}"' in landing
    for page in [*site_folder.glob("*.html"), *interactive]:
        for link in re.findall(r'(?:href|src)="([^"#?:]+)["#?]', page.read_text("utf-8")):
            assert (page.parent / link).exists(), f"{page.name} points at {link}"


# --- failures ------------------------------------------------------------------------------------


@pytest.fixture
def broken_notebook(tmp_path):
    notebook = nbformat.read(report.find_notebooks()[0], as_version=4)
    notebook.cells[-1].source = "raise ValueError('on purpose')"
    path = tmp_path / "01_broken.ipynb"
    nbformat.write(notebook, path)
    return path


@pytest.mark.notebook
def test_a_failing_notebook_is_named_with_its_cell_and_error(broken_notebook, sample, tmp_path):
    with pytest.raises(execute.NotebookError, match=r"01_broken, cell \d+: ValueError: on purpose"):
        report.make_report(sample, "sample", [broken_notebook], tmp_path / "out")
    kept = nbformat.read(tmp_path / "out" / "failed" / "01_broken.ipynb", as_version=4)
    assert any(cell.get("outputs") for cell in kept.cells), "what was made is kept"


@pytest.mark.notebook
def test_the_command_reports_a_failing_notebook(broken_notebook, monkeypatch, tmp_path):
    monkeypatch.setenv("MNIST_CLUST_OUT", str(tmp_path / "out"))
    monkeypatch.setattr(report, "find_notebooks", lambda chosen: [broken_notebook])
    result = CliRunner().invoke(main, ["report", "--data", "sample"])
    assert result.exit_code == 1
    assert "Error: 01_broken, cell" in result.output
    assert "Traceback" not in result.output


@pytest.mark.notebook
def test_a_dead_kernel_is_reported(broken_notebook, sample, tmp_path):
    notebook = nbformat.read(broken_notebook, as_version=4)
    kill = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    notebook.cells[3] = nbformat.v4.new_code_cell(kill)
    nbformat.write(notebook, broken_notebook)
    with pytest.raises(execute.NotebookError, match="its kernel died"):
        report.make_report(sample, "sample", [broken_notebook], tmp_path / "out")


@pytest.mark.slow
def test_a_site_that_cannot_be_built_says_why(sample, tmp_path):
    empty = report._collect_metrics(tmp_path, sample, {}) | {"files": {}}
    (tmp_path / "metrics.json").write_text(json.dumps(empty))
    broken = tmp_path / "01_x.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("[a](gone)")]),
                   broken)  # fmt: skip
    with pytest.raises(site.SiteError, match="could not be built"):
        site.build_site(tmp_path, [broken])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "status", "expected"),
    [
        (["report", "--data", "/no/such/file.npz"], 2, "does not exist"),
        (["report", "--data", "sample", "77"], 2, "no notebook starts with '77'"),
        (["report", "--nonsense"], 2, "No such option"),
        (["nonsense"], 2, "No such command"),
    ],
)
def test_bad_use_gets_one_sentence_and_status_two(arguments, status, expected):
    done = subprocess.run(
        [sys.executable, "-m", "mnist_clust", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status
    assert expected in done.stderr
    assert "Traceback" not in done.stderr


def test_mnist_that_is_not_to_be_had_is_a_failure_not_bad_use(monkeypatch, tmp_path):
    monkeypatch.delenv("MNIST_CLUST_DATA", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    from mnist_clust import _mnist

    def refuse(*args, **kwargs):
        raise OSError("no route")

    monkeypatch.setattr(_mnist.urllib.request, "urlopen", refuse)
    result = CliRunner().invoke(main, ["report", "--data", "mnist"])
    assert result.exit_code == 1
    assert "no network answers" in result.output


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written(monkeypatch, tmp_path):
    tmp_path.chmod(0o500)
    monkeypatch.setenv("MNIST_CLUST_OUT", str(tmp_path / "out"))
    result = CliRunner().invoke(main, ["report", "--data", "sample", "01"])
    assert result.exit_code == 1
    assert "could not be written" in result.output


def test_a_file_where_the_folder_should_be(monkeypatch, tmp_path):
    (tmp_path / "out").write_text("")
    monkeypatch.setenv("MNIST_CLUST_OUT", str(tmp_path / "out"))
    result = CliRunner().invoke(main, ["report", "--data", "sample", "01"])
    assert result.exit_code == 1
    assert "could not be written" in result.output


@pytest.mark.notebook
def test_own_images_without_labels_make_a_report(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (50, 6, 5, 3), dtype=np.uint8)
    images[7:9], images[20:22] = 0, 255  # few are like none of the others: a cluster of one
    images[7:9, 1:5, 2] = 255
    np.save(tmp_path / "my own.npy", images)
    monkeypatch.setenv("MNIST_CLUST_OUT", str(tmp_path / "out"))
    monkeypatch.setenv("MNIST_CLUST_USPS", str(tmp_path / "nowhere.npz"))  # 10 goes on without
    result = CliRunner().invoke(main, ["report", "--data", str(tmp_path / "my own.npy")])
    assert result.exit_code == 0, result.output
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert set(metrics["verdicts"].values()) == {"unverified"}
    assert "raw_accuracy_train" not in metrics["numbers"], "cells that look at labels do nothing"
    page = (tmp_path / "out" / "site" / "index.html").read_text("utf-8")
    assert "turned to grey" in page
    assert "my-own" in page


# --- the form of notebooks -----------------------------------------------------------------------


def test_normalise_keeps_counts_and_outputs_and_strips_the_rest():
    cell = nbformat.v4.new_code_cell(
        "print(1)",
        execution_count=3,
        metadata={"tags": ["parameters"], "papermill": {"duration": 1.0}},
        outputs=[
            nbformat.v4.new_output("stream", name="stdout", text="1"),
            nbformat.v4.new_output("stream", name="stdout", text="\n"),
        ],
    )
    notebook = nbformat.v4.new_notebook(cells=[cell], metadata={"papermill": {}})
    once = normalise(nbformat.writes(notebook))
    read = nbformat.reads(once, as_version=4)
    assert read.cells[0].execution_count == 3
    assert [output.text for output in read.cells[0].outputs] == ["1\n"]
    assert read.cells[0].metadata == {"tags": ["parameters"]}
    assert "papermill" not in once
    assert normalise(once) == once


def test_the_hook_normalises_files_once_and_says_so(tmp_path):
    path = tmp_path / "a.ipynb"
    notebook = nbformat.v4.new_notebook(metadata={"papermill": {}})
    path.write_text(nbformat.writes(notebook))
    for status, said in ((1, "is normalised now"), (0, "")):
        result = CliRunner().invoke(normalise_files, [str(path)])
        assert result.exit_code == status
        assert said in result.output
    assert "papermill" not in path.read_text()


@pytest.mark.parametrize("content", ["", "{}", "no notebook"])
def test_the_hook_says_what_is_no_notebook(tmp_path, content):
    path = tmp_path / "a.ipynb"
    path.write_text(content)
    result = CliRunner().invoke(normalise_files, [str(path)])
    assert result.exit_code == 2
    assert "is no notebook" in result.output
    assert path.read_text() == content


def test_a_report_into_a_relative_folder_stays_there(sample, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(report, "build_site", lambda folder, *_: folder / "site" / "index.html")
    names = []
    for number in (1, 2):
        notebook = new_notebook(
            metadata={"language_info": {"name": "python"}},
            cells=[
                new_code_cell("DATA = 'auto'", metadata={"tags": ["parameters"]}),
                new_code_cell(
                    "import json, os, pathlib\n"
                    "out = pathlib.Path(os.environ['MNIST_CLUST_OUT']) / 'metrics'\n"
                    "out.mkdir(parents=True, exist_ok=True)\n"
                    "print(os.getcwd())\n"
                    "content = {'numbers': {}, 'verdicts': {}, 'lacking': []}\n"
                    "content['peak_memory_mb'] = 1\n"
                    f"(out / '0{number}_x.json').write_text(json.dumps(content))"
                ),
            ],
        )
        names.append(tmp_path / "notebooks" / f"0{number}_x.ipynb")
        names[-1].parent.mkdir(exist_ok=True)
        nbformat.write(notebook, names[-1])
    report.make_report(sample, "sample", names, Path("out"))
    assert Path.cwd() == tmp_path
    for name in names:
        made = (tmp_path / "out" / "notebooks" / name.name).read_text("utf-8")
        assert str(tmp_path / "notebooks") in made, "a kernel runs where its notebook lies"


def test_an_installed_package_finds_the_checkout_that_it_is_run_in(tmp_path):
    """It looked in the current folder alone, which a kernel and Sphinx change."""
    root = project_root()
    installed = tmp_path / "site-packages" / "mnist_clust"
    installed.mkdir(parents=True)
    shutil.copy(root / "src" / "mnist_clust" / "__init__.py", installed)
    asked = "from mnist_clust import project_root; print(project_root())"
    for folder, found in ((root, root), (root / "notebooks", root), (tmp_path, tmp_path)):
        done = subprocess.run(
            [sys.executable, "-c", asked], cwd=folder, capture_output=True, text=True, check=True,
            env=os.environ | {"PYTHONPATH": str(installed.parent)},
        )  # fmt: skip
        assert done.stdout.strip() == str(found)
