"""Run the notebooks, then make one site of them that opens from disk and asks no network."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import papermill
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient.exceptions import DeadKernelError
from papermill.exceptions import PapermillExecutionError
from traitlets.config import Config

from mnist_clust._write import (
    digest,
    read_record,
    sole_writer,
    to_json,
    write_atomically,
)
from mnist_clust.cache import project_root
from mnist_clust.claims import Verdict, load_claims
from mnist_clust.data import Digits, load_digits
from mnist_clust.digests import DATA_SETS, FILE, compare_with_committed, digest_stages
from mnist_clust.run import output_folder
from mnist_clust.site import build_site, is_site

_WORK, _FAILED = ".mnist-clust-running", "failed"
_METRICS = "metrics.json"
_BAR = "{desc} · cell {n_fmt} of {total_fmt} · {elapsed}"

Stamp = tuple[int, int]


class NotebookError(RuntimeError):
    """A notebook failed; the message names it, the cell and the error."""


class _SameInterpreter(AsyncKernelManager):
    """Runs kernels by the interpreter that runs this, whatever `python3` is on JUPYTER_PATH."""

    def _kernel_spec_manager_default(self) -> KernelSpecManager:
        return KernelSpecManager(kernel_dirs=[])  # without any, ipykernel names its own


@dataclass(frozen=True)
class Report:
    """What a report left behind.

    Attributes
    ----------
    folder : Path
        Holds ``notebooks/``, ``figures/``, ``metrics.json`` and ``site/``.
    index : Path
        The page to open first.
    metrics : dict
        What ``metrics.json`` holds.
    """

    folder: Path
    index: Path
    metrics: dict[str, Any]

    @property
    def broken(self) -> list[str]:
        """Names of the claims that did not hold."""
        return [name for name, state in self.metrics["verdicts"].items() if state == "broken"]


def find_notebooks(chosen: Sequence[str] = ()) -> list[Path]:
    """List the notebooks in reading order.

    Parameters
    ----------
    chosen : sequence of str, default ()
        Beginnings of names, such as ``"02"``; all notebooks if empty.

    Raises
    ------
    ValueError
        If there are none, or a beginning fits none.
    """
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

    Parameters
    ----------
    digits : Digits
        The data, loaded once to fail early and to name the report.
    source : str
        What the notebooks hand to ``load_digits``: a name or an absolute path.
    notebooks : sequence of Path
        From :func:`find_notebooks`.
    folder : Path, optional
        Where to write; ``reports/<data set>`` by default. Of what lies there, only what earlier
        runs recorded is removed. While another run writes there, this one waits.

    Returns
    -------
    Report

    Raises
    ------
    ValueError
        If the folder holds what no report wrote and this one would write over.
    NotebookError
        If a cell fails. What was made until then is kept, that notebook in ``failed/``; pages and
        numbers stay those of the last report that came to its end. Where there was none, they
        grow with each notebook, and stay as far as they came.
    """
    folder = Path(folder or output_folder(digits.name))
    seconds: dict[str, float] = {}
    with sole_writer(folder):
        _refuse_others(folder, notebooks)
        _forget_failures(folder)
        record = read_record(folder / _METRICS, *_KEYS).get("files", {})
        earlier = _shown(folder)
        expected = _seconds_of_last_run(folder)
        grows = not (folder / "site").exists()
        for number, path in enumerate(notebooks):
            left = [expected.get(other.stem) for other in notebooks[number:]]
            title = f"{path.stem} ({number + 1} of {len(notebooks)}{_about(left)})"
            started = time.monotonic()
            _execute(path, folder, {} if source == "auto" else {"DATA": source}, title)
            seconds[path.stem] = round(time.monotonic() - started, 1)
            print(f"{path.stem} … {seconds[path.stem]:.0f} s", flush=True)
            if grows and number + 1 < len(notebooks):
                index, _ = _build(folder, notebooks[: number + 1], digits, seconds, earlier)
                if number == 0:
                    print(f"To look at while it grows: {index.resolve().as_uri()}", flush=True)
        for path, stamp in earlier.items():
            # Of an earlier run, and a report is of one.
            if _stamp(path) == stamp and _is_ours(path, record.get(_name(path, folder))):
                path.unlink()
        return Report(folder, *_build(folder, notebooks, digits, seconds, earlier, whole=True))


def _build(
    folder: Path,
    notebooks: Sequence[Path],
    digits: Digits,
    seconds: dict[str, float],
    earlier: dict[Path, Stamp],
    *,
    whole: bool = False,
) -> tuple[Path, dict[str, Any]]:
    """Write down what the notebooks of this run gave so far, and make a site of it."""
    metrics = _collect_metrics(folder, digits, seconds)
    if whole and digits.name in DATA_SETS:
        metrics["digests"] = digest_stages(digits, [path.name[:2] for path in notebooks])
        metrics["bits"] = compare_with_committed(digits, metrics["digests"])
    written = [path for path, stamp in _shown(folder).items() if earlier.get(path) != stamp]
    metrics["files"] = {_name(path, folder): digest(path.read_bytes())
             for path in sorted(written) if path.suffix != ".json"}  # fmt: skip
    write_atomically(folder / _METRICS, to_json(metrics))
    executed = [folder / "notebooks" / path.name for path in notebooks]
    return build_site(folder, executed, digits), metrics


def _name(path: Path, folder: Path) -> str:
    return str(path.relative_to(folder))


def _seconds_of_last_run(folder: Path) -> dict[str, float]:
    try:
        last = read_record(folder / _METRICS, *_KEYS)["notebooks"]
        return {name: float(told["seconds"]) for name, told in last.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}  # there was none, or it left nothing to read


def _about(seconds: Sequence[float | None]) -> str:
    """Say how long notebooks take, if the last run knows it of all of them."""
    known = [each for each in seconds if each is not None]
    if len(known) < len(seconds):
        return ""
    return f", about {sum(known) / 60:.0f} min left" if sum(known) >= 90 else ", a minute left"


_KEYS = ("digest", "numbers", "verdicts", "notebooks")  # of a report's metrics


def _refuse_others(folder: Path, notebooks: Sequence[Path]) -> None:
    """Refuse, before any work, to write over what no report wrote."""
    others = [folder / "notebooks" / path.name for path in notebooks]
    others = [path for path in others if path.exists() and not _is_executed(path)]
    if (path := folder / _METRICS).exists() and not read_record(path, *_KEYS):
        others.append(path)
    if (path := folder / "site").exists() and not is_site(path):
        others.append(path)
    if others:
        raise ValueError(
            f"{others[0]} is of no report and would be written over: let MNIST_CLUST_OUT name "
            "another folder."
        )


def _forget_failures(folder: Path) -> None:
    for path in filter(_is_executed, (folder / _FAILED).glob("*.ipynb")):
        path.unlink()
    with contextlib.suppress(OSError):  # there is none, or somebody keeps something there
        (folder / _FAILED).rmdir()


def _is_executed(path: Path) -> bool:
    return b'"papermill"' in path.read_bytes()


def _is_ours(path: Path, recorded: str | None) -> bool:
    """Tell whether a file is as an earlier run wrote it."""
    if path.suffix == ".json":
        return bool(read_record(path, "numbers", "verdicts", "peak_memory_mb"))
    return recorded is not None and digest(path.read_bytes()) == recorded


def _shown(folder: Path) -> dict[Path, Stamp]:
    """Tell what a folder holds to show, and of each file what changes when it is written anew."""
    patterns = ("figures/[0-9][0-9]_*.png", "interactive/*", "metrics/*.json")
    files = [path for pattern in patterns for path in folder.glob(pattern)]
    return {path: _stamp(path) for path in files if path.is_file()}


def _stamp(path: Path) -> Stamp:
    status = path.stat()
    return status.st_ino, status.st_mtime_ns


def _execute(path: Path, folder: Path, parameters: dict[str, str], title: str) -> None:
    stopped = folder / _FAILED / path.name
    work = folder.resolve() / _WORK
    shutil.rmtree(work, ignore_errors=True)  # of a run that was killed
    work.mkdir()
    before = os.environ.get("MNIST_CLUST_OUT")
    os.environ["MNIST_CLUST_OUT"] = str(folder)  # the kernel inherits it
    try:
        papermill.execute_notebook(
            path,
            work / path.name,
            parameters,
            kernel_name="python3",
            kernel_manager_class=_SameInterpreter,
            cwd=path.parent,
            progress_bar=sys.stderr.isatty()
            and {"desc": title, "leave": False, "bar_format": _BAR},
            extra_arguments=["--IPKernelApp.log_level=ERROR"],
            # In its usual place, a killed run would leave it for good.
            config=Config({"KernelManager": {"connection_file": str(work / _connection_file())}}),
            shutdown_kernel="immediate",  # a busy one would keep Ctrl-C waiting
        )
        _keep(work / path.name, folder / "notebooks" / path.name)
    except PapermillExecutionError as error:
        _keep(work / path.name, stopped)
        raise NotebookError(
            f"{path.stem}, cell {error.exec_count}: {error.ename}: {error.evalue} "
            f"(the notebook as far as it came is {stopped})"
        ) from error
    except DeadKernelError as error:
        _keep(work / path.name, stopped)
        raise NotebookError(
            f"{path.stem}: its kernel died, perhaps for want of memory "
            f"(the notebook as far as it came is {stopped})"
        ) from error
    except RuntimeError as error:  # the client has no better name for it
        raise NotebookError(f"{path.stem}: its kernel does not start: {error}") from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
        if before is None:
            del os.environ["MNIST_CLUST_OUT"]
        else:
            os.environ["MNIST_CLUST_OUT"] = before


def _connection_file() -> str:
    """Name it by process: the kernel of a killed run must not take it for its own."""
    return f"kernel-{os.getpid()}.json"


def _keep(executed: Path, target: Path) -> None:
    write_atomically(target, executed.read_bytes())


def _collect_metrics(folder: Path, digits: Digits, seconds: dict[str, float]) -> dict[str, Any]:
    """Join what the notebooks of this run recorded, and nothing of an earlier one."""
    metrics: dict[str, Any] = {
        "data": digits.name,
        "digest": digits.digest,
        "n_train": len(digits.train_images),
        "n_test": len(digits.test_images),
        "numbers": {},
        "verdicts": {},
        "notebooks": {},
    }
    for name in seconds:
        path = folder / "metrics" / f"{name}.json"
        recorded = json.loads(path.read_text(encoding="utf-8"))
        metrics["numbers"] |= recorded["numbers"]
        metrics["verdicts"] |= recorded["verdicts"]
        metrics["notebooks"][name] = {
            "seconds": seconds[name],
            "peak_memory_mb": recorded["peak_memory_mb"],
        }
    return metrics


def summary(report: Report) -> str:
    """Say where the report is, what was scored, and which claims held."""
    numbers, verdicts = report.metrics["numbers"], report.metrics["verdicts"]
    data = report.metrics["data"]
    sentences = {c.id: Verdict(c, c.bands.get(data), None).sentence for c in load_claims()}
    lines = [f"Data: {report.metrics['data']}", "", "Scores:"]
    lines += [f"  {name:34} {_show(value)}" for name, value in numbers.items()]
    lines += ["", "Claims:"]
    lines += [f"  {state:10} {sentences[name]}" for name, state in verdicts.items()]
    states = list(verdicts.values())
    counts = ", ".join(f"{states.count(s)} {s}" for s in ("held", "broken", "unverified"))
    lines += ["", f"{counts}."]
    if report.metrics.get("bits"):
        lines.append(report.metrics["bits"])
    return "\n".join([*lines, f"Open {report.index.resolve().as_uri()}"])


def _show(value: float | None) -> str:
    return "-" if value is None else f"{value:.6g}"


def publish(report: Report) -> None:
    """Make a full run the project's own: its notebooks, figures and metrics are to be committed.

    Parameters
    ----------
    report : Report
        Of all notebooks, unparameterised, on full MNIST.
    """
    from mnist_clust.notebooks import normalise

    root = project_root()
    for path in find_notebooks():
        executed = report.folder / "notebooks" / path.name
        write_atomically(path, normalise(executed.read_text(encoding="utf-8")).encode())
    shutil.rmtree(root / "figures", ignore_errors=True)
    shutil.copytree(report.folder / "figures", root / "figures")
    metrics = {
        key: report.metrics[key] for key in report.metrics.keys() - {"bits", "digests", "files"}
    }
    write_atomically(root / "results" / "metrics.json", to_json(metrics))
    digests = {"mnist": report.metrics["digests"], "sample": digest_stages(load_digits("sample"))}
    write_atomically(root / FILE, to_json(digests))
