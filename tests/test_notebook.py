"""What a notebook shows and records lands where it should, whole or not at all."""

import json
from dataclasses import replace
from pathlib import Path

import nbformat
import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from matplotlib.figure import Figure
from sklearn.cluster import KMeans

from image_files import writing
from mnist_clust import cache, notebook, numerics
from mnist_clust.data import DataError
from mnist_clust.interactive import Page
from mnist_clust.outputs import FIGURE, PAGE, shown
from mnist_report.normalise import normalise
from mnist_report.report import Report, summary


@pytest.fixture
def folder(monkeypatch, tmp_path):
    monkeypatch.setenv("MNIST_CLUST_OUT", str(tmp_path / "out"))
    return tmp_path / "out"


def test_a_run_writes_pictures_and_numbers(folder, sample, capsys):
    session = notebook.Run("02_cluster_raw_pixels", sample)
    assert "NOT FULL MNIST" in capsys.readouterr().out
    session.show(Figure(), "empty", alt="Nothing.")
    assert (folder / "figures" / "02_empty.png").read_bytes().startswith(b"\x89PNG")
    table = session.record(raw_accuracy_train=0.0, other=np.float32(0.5), unknown=None, bad=np.nan)
    assert table.value["other"] == 0.5
    session.check()
    written = json.loads((folder / "metrics" / "02_cluster_raw_pixels.json").read_text())
    assert written["numbers"] == {
        "raw_accuracy_train": 0.0, "other": 0.5, "unknown": None, "bad": None,
    }  # fmt: skip
    assert written["digest"] == sample.digest
    assert written["verdicts"]["raw_accuracy_train"] == "broken"
    assert written["peak_memory_mb"] > 10
    assert "broken     raw_accuracy_train" in capsys.readouterr().out
    assert not list(folder.rglob(".*"))


def test_what_a_run_lacks_leaves_only_its_own_claims_unverified(folder, sample, capsys):
    session = notebook.Run("10_try_other_digits", replace(sample, name="mnist"))
    session.lack("usps", DataError("There is no USPS here."))
    session.record(usps_accuracy=None, moved_accuracy=None)
    session.check()
    printed = capsys.readouterr().out
    assert "There is no USPS here." in printed
    assert "unverified usps_accuracy without usps" in printed
    metrics = json.loads((folder / "metrics" / "10_try_other_digits.json").read_text())
    states = metrics["verdicts"]
    left = {name for name, state in states.items() if state == "unverified"}
    assert left == {"usps_accuracy", "usps_n_clusters"}
    assert states["moved_accuracy"] == "broken"
    found = Report(folder, Path("index.html"), metrics)
    assert summary(found).count("(usps was not at hand)") == 2


def test_a_number_that_is_missing_for_another_reason_is_not_laid_to_the_data(
    folder, sample, capsys
):
    """As without labels, whose cells do nothing: USPS may be at hand all the same."""
    session = notebook.Run("10_try_other_digits", replace(sample, name="own"))
    session.check()
    assert "unverified usps_accuracy no band for this run" in capsys.readouterr().out
    metrics = json.loads((folder / "metrics" / "10_try_other_digits.json").read_text())
    assert "not at hand" not in summary(Report(folder, Path("index.html"), metrics))


def test_a_processor_s_own_code_is_told_of_and_leaves_verdicts_as_they_are(
    folder, sample, capsys, monkeypatch
):
    """`make test` compares them on processors that do not understand the fixed code, too."""
    notebook.Run("02_cluster_raw_pixels", sample).check()
    fixed = capsys.readouterr().out
    monkeypatch.setattr(notebook, "in_force", lambda: numerics.OWN)
    session = notebook.Run("02_cluster_raw_pixels", sample)
    assert "this processor's own code" in capsys.readouterr().out
    session.check()
    assert fixed.endswith(capsys.readouterr().out)


def test_figures_and_pages_travel_with_their_names(folder, sample, monkeypatch):
    outputs = []
    monkeypatch.setattr(notebook, "display", lambda data, metadata=None, raw=False: outputs.append(
        nbformat.v4.new_output("display_data", data, metadata=metadata or {})))  # fmt: skip
    session = notebook.Run("04_embed", sample)
    session.show(Figure(), "empty", alt="Nothing.")
    session.attach(Page("A page", "<p>", {"a.js": b"1"}), "page")
    cell = nbformat.v4.new_code_cell(outputs=outputs)
    written = normalise(nbformat.writes(nbformat.v4.new_notebook(cells=[cell])))
    read = nbformat.reads(written, as_version=4)
    assert shown(read, FIGURE) == [{"name": "04_empty", "alt": "Nothing."}]
    [page] = shown(read, PAGE)
    assert page == {"name": "page", "title": "A page", "files": ["a.js"]}
    assert {path.name for path in (folder / "interactive").iterdir()} == {"page.html", "a.js"}


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "x.json"
    writing.write_atomically(path, b"old")

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writing.Path, "replace", full)
    with pytest.raises(OSError, match="No space"):
        writing.write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_runs_write_to_ignored_reports_unless_told_otherwise(monkeypatch):
    monkeypatch.delenv("MNIST_CLUST_OUT", raising=False)
    assert notebook.output_folder("mnist") == cache.project_root() / "reports" / "mnist"
    ignored = (cache.project_root() / ".gitignore").read_text().split()
    assert {"reports/", ".cache/", ".venv/"} <= set(ignored)


_calls = []


def _double(x):
    _calls.append(x)
    return 2 * x


def test_cache_remembers_forgets_with_the_source_and_survives_damage(monkeypatch, tmp_path):
    monkeypatch.setenv("MNIST_CLUST_CACHE", str(tmp_path / "cache"))
    cache._folder.cache_clear()
    try:
        x = np.arange(3.0)
        for _ in range(2):
            np.testing.assert_array_equal(cache.cached(_double)(x), 2 * x)
        assert len(_calls) == 1
        for file in (tmp_path / "cache").rglob("output.pkl"):
            file.write_bytes(file.read_bytes()[:20])
        np.testing.assert_array_equal(cache.cached(_double)(x), 2 * x)
        assert len(_calls) == 2
        before = set((tmp_path / "cache").iterdir())
        monkeypatch.setattr(cache, "_source_digest", lambda: "another")
        cache._folder.cache_clear()
        cache.cached(_double)(x)
        assert len(_calls) == 3
        assert not before & set((tmp_path / "cache").iterdir())
    finally:
        cache._folder.cache_clear()


def test_a_fitted_estimator_is_remembered_and_the_given_one_left_alone(monkeypatch, tmp_path):
    monkeypatch.setenv("MNIST_CLUST_CACHE", str(tmp_path / "cache"))
    cache._folder.cache_clear()
    try:
        X = np.random.default_rng(0).normal(size=(50, 2))
        given = KMeans(n_clusters=3, n_init=2, random_state=0)
        first, second = (cache.fit(given, X) for _ in range(2))
        np.testing.assert_array_equal(
            first.labels_, KMeans(3, n_init=2, random_state=0).fit(X).labels_
        )
        np.testing.assert_array_equal(first.labels_, second.labels_)
        assert not hasattr(given, "labels_")
        monkeypatch.setattr(KMeans, "fit", lambda *_: pytest.fail("was fitted again"))
        np.testing.assert_array_equal(cache.fit(given, X).labels_, first.labels_)
    finally:
        cache._folder.cache_clear()


def test_without_labels_cells_that_look_at_them_do_nothing(folder, sample, capsys):
    shell = InteractiveShell.instance()
    try:
        shell.user_ns |= {"Run": notebook.Run, "plain": replace(sample, train_labels=None)}
        shell.user_ns["labelled"] = sample
        cell = f"{notebook.LOOKS}\nx = 1 / 0"
        for _ in range(2):
            shell.run_cell("run = Run('02_cluster_raw_pixels', plain)")
        assert shell.run_cell(cell).success
        assert "have labels" in capsys.readouterr().out
        assert shell.run_cell("x = 5").success
        shell.run_cell("run = Run('02_cluster_raw_pixels', labelled)")
        assert isinstance(shell.run_cell(cell, silent=True).error_in_exec, ZeroDivisionError)
    finally:
        InteractiveShell.clear_instance()
