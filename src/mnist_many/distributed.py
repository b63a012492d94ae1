"""Let Dask's workers do a long task in parts; stop and go on at any moment.

The result of a part comes back to the process that asked, and that one alone writes. So it can be
killed at any moment, as can any worker, and the next run goes on with what is there.
"""

from __future__ import annotations

import asyncio
import functools
import json
import logging
import platform
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import dask
import joblib
from distributed import Client, LocalCluster, WorkerPlugin, as_completed, get_worker
from distributed.client import FutureCancelledError
from distributed.comm.core import CommClosedError
from tqdm import tqdm

from image_files.reading import DataError, FailureError
from image_files.writing import (
    RUN,
    digest,
    read_record,
    remove_half_written,
    sole_writer,
    to_json,
    write_atomically,
    write_together,
)
from mnist_clust import numerics

PROGRESS = "progress.jsonl"
AHEAD = 2  # tasks a thread that are sent before it has ended the last
PATIENCE = 60  # seconds to wait for a scheduler and its first worker
ENVIRON = "distributed.nanny.pre-spawn-environ"  # in Dask's configuration
_PACKAGES = ("mnist-clust", "numba", "numpy", "scipy", "scikit-learn", "pyarrow")

Contents = dict[str, bytes]  # of files, by their names


class DaskError(FailureError):
    """Dask's scheduler or workers cannot do it; the message says why and what to do."""


class Helpers(NamedTuple):
    """Who does the work: a scheduler's workers, or some processes of this machine."""

    scheduler: str | None = None
    workers: int | None = None


class Job(NamedTuple):
    """One part: its name, how many images it has, and what the worker is given."""

    name: str
    size: int
    arguments: tuple[Any, ...]


@contextmanager
def connected(helpers: Helpers) -> Iterator[Client]:
    """Connect to a scheduler, or start workers here, and see that they can do the work."""
    for name in ("client", "nanny", "scheduler"):  # what matters of theirs is said in a sentence
        logging.getLogger(f"distributed.{name}").setLevel(logging.CRITICAL)
    if helpers.scheduler is None:
        with (
            dask.config.set({ENVIRON: _environ_of_workers()}),
            LocalCluster(
                n_workers=helpers.workers or joblib.cpu_count(), threads_per_worker=1,
                dashboard_address="127.0.0.1:0", silence_logs=logging.CRITICAL,
            ) as cluster,
            Client(cluster) as client,
        ):  # fmt: skip
            print(f"Watch the workers at {client.dashboard_link}", flush=True)
            yield client
        return
    nobody = DaskError(
        f"No Dask scheduler with workers answers at {helpers.scheduler}: start them, and run "
        "this again."
    )
    try:
        client = Client(helpers.scheduler, timeout=PATIENCE / 2)
    except (TimeoutError, OSError, ValueError) as error:
        raise nobody from error
    with client:
        try:
            client.wait_for_workers(1, timeout=PATIENCE)
        except TimeoutError as error:
            raise nobody from error
        _refuse_unlike(client)
        print(f"Watch the workers at {client.dashboard_link}", flush=True)
        yield client


def _environ_of_workers() -> dict[str, Any]:
    """Return the variables that Dask sets, but for one that costs a worker a quarter of its speed.

    With it, a worker gives each freed block back to the system, and soon asks for it anew.
    """
    environ = dict(dask.config.get(ENVIRON))
    environ.pop("MALLOC_TRIM_THRESHOLD_", None)
    return environ


@functools.cache
def _versions() -> Mapping[str, str]:
    own = {name: version(name) for name in _PACKAGES}
    return own | {"Python": platform.python_version(), "numerics": numerics.in_force()}


def _refuse_unlike(client: Client) -> None:
    """Refuse workers that lack the package, or would give other bits."""

    def theirs(packages: Sequence[str]) -> dict[str, str]:  # sent whole: they may lack this module
        import os
        import platform
        from importlib.metadata import PackageNotFoundError, version

        found = {"Python": platform.python_version()}
        found["numerics"] = os.environ.get("MNIST_CLUST_NUMERICS", "own")
        for name in packages:
            try:
                found[name] = version(name)
            except PackageNotFoundError:
                found[name] = "none"
        return found

    for worker, found in client.run(theirs, _PACKAGES).items():
        _refuse(worker, found, _versions())


def _refuse(worker: str, found: Mapping[str, str], wanted: Mapping[str, str]) -> None:
    unlike = [f"{name} {found[name]} instead of {wanted[name]}" for name in wanted
              if found[name] != wanted[name]]  # fmt: skip
    if unlike:
        raise DaskError(
            f"The worker {worker} has {', '.join(unlike)}: install the same there, with the "
            "extra 'scale', and start it by 'python -m mnist_clust.numerics -m "
            "distributed.cli.dask_worker'."
        )


class _Sent(WorkerPlugin):
    """What each worker is sent once, also one that comes later; for one run alone."""

    def __init__(self, value: Any) -> None:
        self.name = f"mnist-clust-{secrets.token_hex(8)}"  # of two with one name the last would do
        self.value = value
        self.versions = _versions()


@contextmanager
def sent_to_all(client: Client, value: Any) -> Iterator[str]:
    """Send something to all workers; give the name by which they find it, see `was_sent`."""
    plugin = _Sent(value)
    client.register_plugin(plugin)
    try:
        yield plugin.name
    finally:
        if client.status == "running":  # else there is nobody to forget it
            with suppress(OSError, TimeoutError):
                client.unregister_worker_plugin(plugin.name)


def was_sent(name: str) -> Any:
    """Return, to a worker, what all were sent; or refuse, if it would give other bits."""
    worker = get_worker()
    plugin: Any = worker.plugins[name]
    _refuse(worker.address, _versions(), plugin.versions)
    return plugin.value


def complete(
    client: Client, folder: Path, jobs: Sequence[Job], work: Callable[..., Contents]
) -> None:
    """Let workers do what is not done yet, and write what they send; a few tasks at a time."""
    record = _read_progress(folder)
    left = [job for job in jobs if not record.get(job.name)]
    write_atomically(folder / PROGRESS, _lines(record, jobs))
    waiting = iter(left)
    n = sum(job.size for job in jobs)
    done = n - sum(job.size for job in left)
    bar = tqdm(total=n, initial=done, unit=" images", unit_scale=True, disable=None)
    sent: dict[Any, Job] = {}

    def send() -> Iterator[Any]:
        threads = sum(client.nthreads().values())
        while len(sent) < AHEAD * max(threads, 1) and (job := next(waiting, None)):
            future = client.submit(work, *job.arguments, pure=False, retries=1)
            sent[future] = job
            yield future

    with _told_in_a_sentence(), bar, (folder / PROGRESS).open("ab") as progress:
        running = as_completed(list(send()))
        for future in running:
            job = sent.pop(future)
            files: Contents = future.result()
            write_together({folder / name: content for name, content in files.items()})
            record[job.name] = {name: digest(content) for name, content in files.items()}
            progress.write(_line(job.name, record[job.name]))
            progress.flush()
            bar.update(job.size)
            running.update(list(send()))
    write_atomically(folder / PROGRESS, _lines(record, jobs))


@contextmanager
def _told_in_a_sentence() -> Iterator[None]:
    try:
        yield
    except (asyncio.CancelledError, FutureCancelledError, CommClosedError) as error:
        raise DaskError("Dask's scheduler is gone: run this again to go on.") from error
    except (DataError, DaskError, OSError):
        raise
    except Exception as error:
        said = str(error) or type(error).__name__
        raise DaskError(f"Dask's workers failed ({said}): run this again to go on.") from error


# --- what is there already -----------------------------------------------------------------------


def run_record(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return by what a run knows its own folder again."""
    return {"settings": dict(settings), "versions": _versions()}


@contextmanager
def begun(folder: Path, settings: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Keep others from a folder; give what a run with the same settings has begun there."""
    with sole_writer(folder):
        remove_half_written(folder)
        known = read_record(folder / RUN, "settings", "versions")
        if known and {key: known[key] for key in ("settings", "versions")} != json.loads(
            to_json(run_record(settings))
        ):
            raise ValueError(
                f"{folder} holds what was made of other images, or with other settings or "
                "versions: give another folder."
            )
        if not known and (others := [path.name for path in folder.iterdir()]):
            raise ValueError(
                f"{folder} holds {min(others)}, which no such run wrote: give an empty folder."
            )
        yield known


def holds(folder: Path, files: Mapping[str, str]) -> bool:
    """Tell whether files are there, to the byte."""
    paths = {folder / name: expected for name, expected in files.items()}
    return all(path.is_file() and digest(path.read_bytes()) == paths[path] for path in paths)


def _read_progress(folder: Path) -> dict[str, dict[str, str]]:
    """Read which parts were written, and see that they still are what they were."""
    record = {}
    path = folder / PROGRESS
    for line in path.read_bytes().splitlines() if path.exists() else ():
        try:
            name, files = json.loads(line)
        except ValueError:  # a run was killed here
            continue
        if holds(folder, files):
            record[name] = files
    return record


def _line(name: str, files: Mapping[str, str]) -> bytes:
    return json.dumps([name, files]).encode() + b"\n"


def _lines(record: Mapping[str, dict[str, str]], jobs: Sequence[Job]) -> bytes:
    return b"".join(_line(job.name, record[job.name]) for job in jobs if job.name in record)
