"""Run notebooks, some at once, by the interpreter that runs this."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any, ClassVar
from weakref import WeakSet

import joblib
import papermill
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient.exceptions import DeadKernelError
from papermill.exceptions import PapermillExecutionError
from traitlets.config import Config

from image_files.reading import FailureError
from image_files.writing import write_atomically

FAILED = "failed"  # folder of the notebooks that did not come to their end
_WORK = ".mnist-clust-running"
_AT_ONCE = min(2, joblib.cpu_count())  # notebooks; more would want more memory than many have
_BAR = "{desc} · cell {n_fmt} of {total_fmt} · {elapsed}"


class NotebookError(FailureError):
    """A notebook failed; the message names it, the cell and the error."""


class _SameInterpreter(AsyncKernelManager):
    """Runs kernels by the interpreter that runs this, whatever `python3` is on JUPYTER_PATH."""

    made: ClassVar[WeakSet[_SameInterpreter]] = WeakSet()

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.made.add(self)

    def _kernel_spec_manager_default(self) -> KernelSpecManager:
        return KernelSpecManager(kernel_dirs=[])  # without any, ipykernel names its own

    @classmethod
    def kill_all(cls) -> None:
        """Kill all kernels, from whatever thread: those that wait for them find them dead."""
        for manager in list(cls.made):
            if process := getattr(manager.provisioner, "process", None):
                process.kill()


def execute(
    notebooks: Sequence[Path], folder: Path, parameters: dict[str, str], earlier: dict[str, Any]
) -> Generator[tuple[Path, float]]:
    """Run notebooks, some at once; yield each in reading order with the seconds that it took.

    What two of them need, one computes, and the other waits for it in `cache.cached`.
    """
    stopped = threading.Event()
    work = folder.resolve() / _WORK
    shutil.rmtree(work, ignore_errors=True)  # of a run that was killed
    work.mkdir()
    with _inherited("MNIST_CLUST_OUT", str(folder)), ThreadPoolExecutor(_AT_ONCE) as workers:
        runs = {}
        for number, path in enumerate(notebooks):
            left = _time_left(earlier, notebooks[number:])
            title = f"{path.stem} ({number + 1} of {len(notebooks)}{left})"
            runs[path] = workers.submit(_execute_one, path, folder, parameters, title, stopped)
        try:
            for path, run in runs.items():
                yield path, run.result()
        finally:  # one failed, or somebody stopped all
            stopped.set()
            for run in runs.values():
                run.cancel()
            while wait(runs.values(), timeout=0.1).not_done:
                _SameInterpreter.kill_all()
                shutil.rmtree(work, ignore_errors=True)  # who stops a run waits a second, no more
            shutil.rmtree(work, ignore_errors=True)


def _execute_one(
    path: Path, folder: Path, parameters: dict[str, str], title: str, stopped: threading.Event
) -> float:
    """Run a notebook into the report's ``notebooks/``, or ``failed/`` as far as it came."""
    started = time.monotonic()
    executed, failed = folder.resolve() / _WORK / path.name, folder / FAILED / path.name
    bar = {"desc": title, "leave": False, "bar_format": _BAR}
    # In its usual place, a killed run would leave it for good. It is named by process: the kernel
    # of a killed run must not take it for its own.
    connection = {"connection_file": str(executed.with_suffix(f".kernel-{os.getpid()}.json"))}
    try:
        papermill.execute_notebook(
            path, executed, parameters,
            resources={"metadata": {"path": str(path.parent)}},  # where its kernel runs
            kernel_name="python3", kernel_manager_class=_SameInterpreter,
            config=Config({"KernelManager": connection}),
            extra_arguments=["--IPKernelApp.log_level=ERROR"],
            progress_bar=sys.stderr.isatty() and bar,
            shutdown_kernel="immediate",  # a busy one would keep Ctrl-C waiting
        )  # fmt: skip
        write_atomically(folder / "notebooks" / path.name, executed.read_bytes())
    except (PapermillExecutionError, DeadKernelError) as error:
        if stopped.is_set():
            raise
        write_atomically(failed, executed.read_bytes())
        what = ": its kernel died, perhaps for want of memory"
        if isinstance(error, PapermillExecutionError):
            what = f", cell {error.exec_count}: {error.ename}: {error.evalue}"
        kept = f"(the notebook as far as it came is {failed})"
        raise NotebookError(f"{path.stem}{what} {kept}") from error
    except RuntimeError as error:  # the client has no better name for it
        raise NotebookError(f"{path.stem}: its kernel does not start: {error}") from error
    return round(time.monotonic() - started, 1)


@contextlib.contextmanager
def _inherited(name: str, value: str) -> Iterator[None]:
    """Set a variable that kernels inherit, and put back what was there."""
    before = {name: os.environ[name]} if name in os.environ else {}
    os.environ[name] = value
    try:
        yield
    finally:
        del os.environ[name]
        os.environ.update(before)


def _time_left(earlier: dict[str, Any], notebooks: Sequence[Path]) -> str:
    """Say how long notebooks take, if the last run knows it of all of them."""
    try:
        known = [float(earlier["notebooks"][path.stem]["seconds"]) for path in notebooks]
        seconds = max(sum(known) / _AT_ONCE, *known)
    except (ValueError, KeyError, TypeError):
        return ""
    return f", about {seconds / 60:.0f} min left" if seconds >= 90 else ", a minute left"
