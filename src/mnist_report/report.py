"""Run the notebooks, then make one site of them that opens from disk and asks no network."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import nbformat
import psutil

from image_files import writing
from image_files.writing import read_record, to_json, write_atomically
from mnist_clust import project_root
from mnist_clust.claims import read_verdicts
from mnist_clust.data import Digits, load_digits
from mnist_clust.notebook import output_folder
from mnist_clust.numerics import processor
from mnist_clust.outputs import FIGURE, PAGE, shown
from mnist_report.digests import DIGESTS, compare_with_committed, digest_stages
from mnist_report.execute import FAILED, execute
from mnist_report.normalise import normalise
from mnist_report.site import KEYS, build_site, is_site

_METRICS = "metrics.json"
_GROWTH = 30.0  # seconds from one growth of the site to the next: a core is busy for five of them
_LIBRARIES = ("mnist-clust", "numpy", "scipy", "scikit-learn", "numba", "pandas", "matplotlib")


@dataclass(frozen=True)
class Report:
    """What a report left behind."""

    folder: Path  # holds notebooks/, figures/, interactive/, metrics.json and site/
    index: Path  # the page to open first
    metrics: dict[str, Any]  # what metrics.json holds

    @property
    def broken(self) -> list[str]:
        """Names of the claims that did not hold."""
        return [name for name, state in self.metrics["verdicts"].items() if state == "broken"]


def find_notebooks(chosen: Sequence[str] = ()) -> list[Path]:
    """List the notebooks in reading order: all, or those whose names begin as `chosen` says."""
    notebooks = sorted((project_root() / "notebooks").glob("[0-9][0-9]_*.ipynb"))
    # Without a checkout, these may be somebody's own in the folder at hand.
    notebooks = [path for path in notebooks if b"mnist_clust" in path.read_bytes()]
    if not notebooks:
        raise ValueError(
            "the notebooks do not come with the installed package: run this in a checkout of the "
            "project."
        )
    for beginning in chosen:
        if not any(path.name.startswith(beginning) for path in notebooks):
            known = ", ".join(path.stem for path in notebooks)
            raise ValueError(f"no notebook starts with '{beginning}': choose from {known}.")
    return [path for path in notebooks if not chosen or path.name.startswith(tuple(chosen))]


def make_report(
    digits: Digits, source: str, notebooks: Sequence[Path], folder: Path | None = None
) -> Report:
    """Execute notebooks on a data set and build the site.

    `source` is what they hand to ``load_digits``. Of what lies in the folder, by default
    ``reports/<data set>``, only what earlier runs recorded is removed, and a ``ValueError`` says if
    this one would write over anything else. While another run writes there, this one waits. If a
    notebook fails, pages and numbers stay those of the last report that came to its end; where
    there was none, they grow as notebooks come to their end.
    """
    folder = Path(folder or output_folder(digits.name)).resolve()  # kernels run elsewhere
    seconds: dict[str, float] = {}
    with writing.sole_writer(folder):
        _refuse_others(folder, notebooks)
        for path in filter(_is_executed, (folder / FAILED).glob("*.ipynb")):
            path.unlink()
        with contextlib.suppress(OSError):  # there is none, or somebody keeps something there
            (folder / FAILED).rmdir()
        earlier = read_record(folder / _METRICS, *KEYS)
        grows = not (folder / "site").exists()
        parameters = {} if source == "auto" else {"DATA": source}
        with ThreadPoolExecutor(1) as builder:  # while the next notebooks run
            growing: Future[Report] | None = None
            grown = -_GROWTH
            with closing(execute(notebooks, folder, parameters, earlier)) as executed:
                for path, took in executed:
                    seconds[path.stem] = took
                    print(f"{path.stem} … {took:.0f} s", flush=True)
                    due = time.monotonic() - grown >= _GROWTH
                    if grows and due and len(seconds) < len(notebooks):
                        if growing:
                            growing.result()
                        grown = time.monotonic()
                        growing = builder.submit(_build, folder, digits, dict(seconds))
                        if len(seconds) == 1:
                            growing.add_done_callback(_invite)
            if growing:
                growing.result()
        report = _build(folder, digits, seconds, whole=True)
        _remove_earlier(folder, earlier, report.metrics)
        return report


def _invite(site: Future[Report]) -> None:
    if not site.exception():
        page = site.result().index.resolve().as_uri()
        print(f"To look at while it grows: {page}", flush=True)


def _build(
    folder: Path, digits: Digits, seconds: dict[str, float], *, whole: bool = False
) -> Report:
    """Write down what the notebooks of this run gave so far, and make a site of it."""
    metrics = _collect_metrics(folder, digits, seconds)
    if whole and digits.name in ("mnist", "sample"):  # of which digests are committed
        metrics["digests"] = digest_stages(digits, [name[:2] for name in seconds])
        metrics["bits"] = compare_with_committed(digits, metrics["digests"])
    executed = [folder / "notebooks" / f"{name}.ipynb" for name in seconds]
    files = sorted({name for path in executed for name in _files_of(path)})
    metrics["files"] = {name: writing.digest((folder / name).read_bytes()) for name in files}
    write_atomically(folder / _METRICS, to_json(metrics))
    return Report(folder, build_site(folder, executed), metrics)


def _files_of(executed: Path, *, pages: bool = True) -> Iterator[str]:
    """Name the figures and the interactive pages that a notebook wrote beside itself."""
    notebook = nbformat.read(executed, as_version=4)
    for figure in shown(notebook, FIGURE):
        yield f"figures/{figure['name']}.png"
    for page in shown(notebook, PAGE) if pages else ():
        yield from (f"interactive/{file}" for file in (f"{page['name']}.html", *page["files"]))


def _remove_earlier(folder: Path, earlier: dict[str, Any], metrics: dict[str, Any]) -> None:
    """Remove what an earlier run recorded and this one did not make: a report is of one run."""
    files = earlier.get("files", {})
    gone = files.keys() - metrics["files"].keys()
    writing.remove_recorded(folder, {name: files[name] for name in gone})
    for path in (folder / "metrics").glob("*.json"):
        known = read_record(path, "numbers", "verdicts", "peak_memory_mb")
        if known and path.stem not in metrics["notebooks"]:
            path.unlink()


def _refuse_others(folder: Path, notebooks: Sequence[Path]) -> None:
    """Refuse, before any work, to write over what no report wrote."""
    ours: dict[Path, Callable[[Path], object]]
    ours = {folder / "notebooks" / path.name: _is_executed for path in notebooks}
    ours |= {folder / _METRICS: lambda path: read_record(path, *KEYS), folder / "site": is_site}
    for path, is_ours in ours.items():
        if path.exists() and not is_ours(path):
            raise ValueError(
                f"{path} is of no report and would be written over: let MNIST_CLUST_OUT name "
                "another folder."
            )


def _is_executed(path: Path) -> bool:
    return b'"papermill"' in path.read_bytes()


def _collect_metrics(folder: Path, digits: Digits, seconds: dict[str, float]) -> dict[str, Any]:
    """Join what the notebooks of this run recorded, and nothing of an earlier one."""
    memory = psutil.virtual_memory().total / 1024**3
    metrics: dict[str, Any] = {
        "data": digits.name,
        "digest": digits.digest,
        "n_train": len(digits.train_images),
        "n_test": len(digits.test_images),
        "image_shape": list(digits.image_shape),
        "notices": list(digits.notices),
        "machine": f"{processor()}, {os.cpu_count()} cores, {memory:.0f} GiB of memory; "
        f"{platform.platform(terse=True)}",
        "versions": {"Python": platform.python_version(), **{n: version(n) for n in _LIBRARIES}},
        "numbers": {},
        "verdicts": {},
        "lacking": [],
        "notebooks": {},
    }
    for name, took in seconds.items():
        recorded = json.loads((folder / "metrics" / f"{name}.json").read_text(encoding="utf-8"))
        for key in ("numbers", "verdicts"):
            metrics[key] |= recorded[key]
        metrics["lacking"] += recorded["lacking"]
        metrics["notebooks"][name] = {"seconds": took, "peak_memory_mb": recorded["peak_memory_mb"]}
    return metrics


def summary(report: Report) -> str:
    """Say where the report is, what was scored, and which claims held."""
    verdicts = read_verdicts(report.metrics)
    lines = [f"Data: {report.metrics['data']}", "", "Scores:"]
    for name, value in report.metrics["numbers"].items():
        lines.append(f"  {name:34} {'-' if value is None else f'{value:.6g}'}")
    lines += ["", "Claims:"]
    for verdict in verdicts:
        why = f" ({verdict.lacking} was not at hand)" if verdict.lacking else ""
        lines.append(f"  {verdict.state:10} {verdict.sentence}{why}")
    states = [verdict.state for verdict in verdicts]
    counts = ", ".join(f"{states.count(s)} {s}" for s in ("held", "broken", "unverified"))
    lines += ["", f"{counts}."]
    if report.metrics.get("bits"):
        lines.append(report.metrics["bits"])
    return "\n".join([*lines, f"Open {report.index.resolve().as_uri()}"])


def publish(report: Report) -> None:
    """Make a full run the project's own: its notebooks, figures and metrics are to be committed.

    The run is of all notebooks, unparameterised, on full MNIST. Figures that the committed
    notebooks showed and these do not are removed.
    """
    root = project_root()
    earlier = {name for path in find_notebooks() for name in _files_of(path, pages=False)}
    for path in find_notebooks():
        executed = report.folder / "notebooks" / path.name
        write_atomically(path, normalise(executed.read_text(encoding="utf-8")).encode())
        for name in _files_of(executed, pages=False):
            write_atomically(root / name, (report.folder / name).read_bytes())
            earlier.discard(name)
    for name in earlier:
        (root / name).unlink(missing_ok=True)
    left = {"bits", "digests", "files"}
    metrics = {key: value for key, value in report.metrics.items() if key not in left}
    write_atomically(root / "results" / _METRICS, to_json(metrics))
    digests = {"mnist": report.metrics["digests"], "sample": digest_stages(load_digits("sample"))}
    write_atomically(root / DIGESTS, to_json(digests))
