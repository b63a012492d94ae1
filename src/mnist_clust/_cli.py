"""What commands share: options, notices, failures told in one sentence, an end by Ctrl-C."""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import click

from image_files.reading import FailureError

_EXTRAS = {  # and a few libraries of each, whichever is missed first
    "report": ("nbformat", "papermill", "plotly", "kneed", "sphinx", "myst_nb"),
    "explore": ("streamlit", "skimage", "pillow_heif"),
    "scale": ("dask", "distributed", "zarr", "bokeh"),
}
_HEADS = {  # of earlier versions, too
    b"index," + file + columns
    for file in (b"", b"file,")
    for columns in (b"cluster,x,y,confidence", b"cluster,name,x,y,confidence,doubtful")
}
STOPPED = (
    "Stopped: every file written so far is whole and is kept, and long results of notebooks are "
    "in the cache, so that the next run need not compute them again."
)


def is_a_table_of_ours(file: Path) -> bool:
    """Tell whether a file is empty, or a table that `assign` wrote."""
    with file.open("rb") as opened:
        head = opened.readline(100)  # Windows ends it by two letters
    return not head or head.rstrip(b"\r\n") in _HEADS


@contextmanager
def failures_in_one_line() -> Iterator[None]:
    """Say in a sentence what failed: status 1, or 2 for what could not be used."""
    try:
        yield
    except FailureError as error:
        click.echo()
        raise click.ClickException(str(error)) from error
    except ValueError as error:  # a DataError, or images that do not fit
        raise click.UsageError(str(error)) from error
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        for extra, libraries in _EXTRAS.items():
            if missing in libraries:
                raise click.ClickException(
                    f"{missing} is not installed: install the extra '{extra}', as in pip install "
                    f"'mnist-clust[{extra}]'."
                ) from error
        raise
    except OSError as error:
        click.echo()
        raise click.ClickException(
            f"{error.filename or 'a file'} could not be written or read: {error.strerror}."
        ) from error


class Stoppable(click.Group):
    """Answers Ctrl-C within two seconds, by a sentence and the exit status that shells know."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):  # it may know ASCII alone
                stream.reconfigure(errors="replace")
        return super().main(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        usual = signal.getsignal(signal.SIGINT)
        if usual is signal.default_int_handler:  # and not ignored, as in the background
            signal.signal(signal.SIGINT, _interrupt)
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            _leave()
        finally:
            signal.signal(signal.SIGINT, usual)


def _interrupt(number: int, frame: FrameType | None) -> None:
    deadline = threading.Timer(1, _leave)
    deadline.daemon = True
    deadline.start()
    raise KeyboardInterrupt


def _leave() -> NoReturn:
    """End at once: helpers may be in the middle of a long computation, which nobody waits for."""
    click.echo(f"\n{STOPPED}", err=True)
    sys.stdout.flush()
    os._exit(130)


def who_works(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say who places very many images."""
    scheduler = click.option("--scheduler", metavar="ADDRESS", help="Use this Dask scheduler's.")
    started = "Start so many processes here.  [default: a core each]"
    return scheduler(click.option("--workers", type=click.IntRange(1), help=started)(command))


def count_of(text: str) -> int | str:
    """Read a number of clusters, or ``auto``."""
    if text == "auto":
        return text
    if not text.isdecimal() or len(text) > 9 or int(text) < 1:
        shown = text if len(text) < 40 else f"{text[:40]}…"
        raise click.UsageError(f"--clusters {shown} is neither 'auto' nor a number from 1 on.")
    return int(text)


def warn(notice: str, *, err: bool = False) -> None:
    """Say what a reader of the results must know."""
    click.secho(f"\n*** {notice} ***\n", fg="red", bold=True, err=err)
