"""The command line: ``python -m mnist_clust``."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mnist_clust import __version__, numerics

try:
    numerics.fix()  # before anything below loads NumPy
except ValueError as error:
    click.echo(f"Error: {error}", err=True)
    sys.exit(2)

from image_files.pixels import parse_size, size_asked
from image_files.reading import DataError
from image_files.sources import name_of
from image_files.writing import is_open_file
from mnist_clust._cli import (
    Stoppable,
    count_of,
    failures_in_one_line,
    is_a_table_of_ours,
    warn,
    who_works,
)
from mnist_clust.data import NAMED, Digits, find, load_digits, load_images

if TYPE_CHECKING:
    from image_files.chunks import Source

_data = click.option(
    "--data", default="auto", show_default=True,
    help="'auto', 'mnist', 'sample', 'usps', or a path to images of your own.",
)  # fmt: skip
_size = click.option("--size", metavar="SIDE|HxW", help="Bring images of your own to this size.")


@click.group(cls=Stoppable, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="mnist-clust %(version)s")
def main() -> None:
    """Cluster handwritten digits, with nobody telling what they are."""


@main.command()
@_data
@_size
@click.argument("notebooks", nargs=-1)
@failures_in_one_line()
def report(data: str, size: str | None, notebooks: tuple[str, ...]) -> None:
    """Run NOTEBOOKS (all, or those that start with 01, 02, …) and build a site from them.

    Exit status 1 if a notebook fails or a claim is broken.
    """
    digits = _load(data, size)

    from mnist_report.report import find_notebooks, make_report, summary

    chosen = find_notebooks(notebooks)
    made = make_report(digits, _source(data, digits), chosen)
    click.echo(f"\n{summary(made)}")
    sys.exit(1 if made.broken else 0)


@main.command()
@failures_in_one_line()
def notebooks() -> None:
    """Run the committed notebooks on full MNIST; renew their outputs, figures and numbers."""
    from mnist_report.report import find_notebooks, make_report, publish, summary
    from mnist_report.site import update_readme

    chosen = find_notebooks()
    made = make_report(_load("mnist"), "auto", chosen)
    publish(made)
    update_readme()
    click.echo(f"\n{summary(made)}")
    sys.exit(1 if made.broken else 0)


@main.command()
@click.argument("images")
@click.option("--clusters", default="auto", show_default=True, metavar="auto|K",
              help="How many; auto lets the map decide.")  # fmt: skip
@click.option("--out", type=click.Path(file_okay=False, path_type=Path),
              help="Folder for the results.  [default: clusters-NAME]")  # fmt: skip
@_size
@click.option("--fit-on", type=click.IntRange(50), metavar="N",
              help="Make the map of N and place the others.  [60,000, of 200,000 on]")  # fmt: skip
@who_works
@failures_in_one_line()
def cluster(
    images: str, clusters: str, out: Path | None, size: str | None, fit_on: int | None,
    scheduler: str | None, workers: int | None,
) -> None:  # fmt: skip
    """Cluster IMAGES: 'mnist', 'sample', 'usps', or a path.

    A path leads to a folder of PNG or JPEG pictures, with a folder for each class if they have
    labels, to an .npz, .npy, .csv, .parquet or .mat file, or to IDX files.

    Writes index.html, which shows the map and a contact sheet of each cluster, clusters.csv,
    summary.json, and what 'assign' needs to place more images. Of very many, as parts in
    a folder, say, or a Zarr array, a sample is clustered and the others are placed: they are in
    clusters.parquet.
    """
    wanted, wanted_size = count_of(clusters), size_asked(parse_size(size))
    if source := _many(images, bool(fit_on or scheduler or workers)):
        folder = out or Path(f"clusters-{name_of(source.origin)}")
        given = {"n_clusters": wanted, "fit_on": fit_on or 60_000, "size": wanted_size}
        _by_dask("cluster_many", source, folder, scheduler, workers, **given)
        return
    digits = _load(images, size)
    if wanted != "auto" and int(wanted) > len(digits.train_images):
        raise click.UsageError(
            f"--clusters {wanted} is more than the {len(digits.train_images)} training images."
        )

    from mnist_clust.own_images import cluster_images  # seconds, which no refusal should take

    folder = out or Path(f"clusters-{digits.name}")
    summary = cluster_images(digits, wanted, folder)
    shown = {key: value for key, value in summary.items() if isinstance(value, int | float)}
    click.echo("\n" + "\n".join(f"{key:14} {value}" for key, value in shown.items()))
    for notice in summary["notices"][len(digits.notices) :]:  # what was not said before
        warn(notice)
    click.echo(f"\nOpen {(folder / 'index.html').resolve().as_uri()}")


@main.command()
@click.argument("images")
@click.option("--model", required=True, type=click.Path(file_okay=False, path_type=Path),
              help="The folder that 'cluster' wrote.")  # fmt: skip
@click.option("--out", type=click.Path(path_type=Path), default="assigned.csv",
              show_default=True, help="The file to write.")  # fmt: skip
@_size
@who_works
@failures_in_one_line()
def assign(
    images: str, model: Path, out: Path, size: str | None, scheduler: str | None,
    workers: int | None,
) -> None:  # fmt: skip
    """Place new IMAGES, as for 'cluster' or one picture, on a map that it saved.

    Each gets a cluster and its name. They are treated as those of the map were. Of 200,000 on, or
    with the options that say who shall place them, --out is a folder, as 'cluster' writes it.
    """
    wanted_size = size_asked(parse_size(size))
    if source := _many(images, bool(scheduler or workers)):
        folder = out.with_suffix("") if out.suffix == ".csv" else out
        _by_dask(
            "assign_many",
            source,
            folder,
            scheduler,
            workers,
            model=model,
            size=wanted_size,
        )
        return
    if out.is_dir():
        raise click.UsageError(f"--out {out} is a folder: name a file.")
    _refuse_to_replace(out, images, model)
    if images not in NAMED:
        find(images)  # before the model is read

    from mnist_clust.own_images import assign_images
    from mnist_clust.pipeline import ImageClusterer

    saved = ImageClusterer.load(model)
    wanted_size = wanted_size or (saved.image_shape_ if saved.form_.resized else None)
    new = load_images(images, size=wanted_size, known=saved.form_)
    table, unlike = assign_images(new, saved, out)
    err = not out.is_file() or is_open_file(out)  # the table itself may go to where this would
    for notice in (*new.notices, *([unlike] if unlike else [])):
        warn(notice, err=err)
    said = f"{len(table):,} images assigned, {table.doubtful.sum():,} of them doubtful"
    if len(table) == 1:
        (one,) = table.itertuples()
        said = f"{one.name} (cluster {one.cluster}), with a confidence of {one.confidence:.0%}"
    click.echo(f"{said}: {out}", err=err)


def _refuse_to_replace(out: Path, images: str, model: Path) -> None:
    """Refuse to write over what is read, or may be, and over what `assign` did not write."""
    from image_files.sources import is_readable

    for read in (Path(images), model / "model.npz"):
        with suppress(OSError, ValueError):
            inside = read.resolve() in out.resolve().parents and is_readable(out)
            if out.is_file() and (inside or out.samefile(read)):
                raise click.UsageError(f"--out {out} would write over what is read: name another.")
    if out.is_file() and not is_open_file(out) and not is_a_table_of_ours(out):
        raise click.UsageError(f"--out {out} is no table that 'assign' wrote: name another.")


@main.command()
@_data
@_size
@click.option("--port", type=click.IntRange(1, 65535), help="[default: the first free from 8501]")
@click.option("--headless", is_flag=True, help="Do not open a browser.")
@failures_in_one_line()
def explore(data: str, size: str | None, port: int | None, headless: bool) -> None:
    """Explore the maps in a browser, every digit behind its point; stop it with Ctrl-C.

    It can be reached from this machine alone.
    """
    source = _source(data, _load(data, size))  # the server loads them, too: not to be held twice

    from mnist_explorer.serve import serve

    serve(source, port, headless=headless)


@main.command()
@click.option("--count", type=click.IntRange(1), required=True)
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True,
              help="Folder for images-00000.npy, labels-00000.npy, …")  # fmt: skip
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), default=0, show_default=True)
@click.option("--data", default="mnist", show_default=True, help="What to deform copies of.")
@who_works
@failures_in_one_line()
def deform(
    count: int, out: Path, seed: int, data: str, scheduler: str | None, workers: int | None
) -> None:
    """Make deformed copies of the training digits, such as infiMNIST has."""
    _by_dask("deform_many", _load(data), out, scheduler, workers, count=count, seed=seed)


@main.command()
@failures_in_one_line()
def readme() -> None:
    """Write the README's tables anew from results/*.json."""
    from mnist_report.site import update_readme

    update_readme()


def _many(images: str, wanted: bool) -> Source | None:
    """Open very many images, or fewer where somebody wants them placed by Dask."""
    from image_files.chunks import MANY, open_source

    try:
        source = None if images in ("auto", *NAMED) else open_source(find(images))
    except DataError as error:
        if not wanted:
            return None  # what is wrong, whoever reads all of it will say
        raise click.UsageError(str(error)) from error
    if wanted and source is None:
        raise click.UsageError(
            f"{images} cannot be read in parts: give a Zarr array, an .npy, .npz, IDX or Parquet "
            "file, or a folder of these or of pictures."
        )
    return source if source is not None and (wanted or len(source) >= MANY) else None


def _by_dask(
    task: str, what: Any, out: Path, scheduler: str | None, workers: int | None, **given: Any
) -> None:
    """Do a task of `many`, and say what came of it."""
    from mnist_many import distributed, many

    helpers = distributed.Helpers(scheduler, workers)
    summary = getattr(many, task)(what, folder=out, helpers=helpers, **given)
    shown = {key: value for key, value in summary.items() if isinstance(value, int | float)}
    click.echo("\n".join(["", *(f"{key:14} {value}" for key, value in shown.items())]))
    for notice in summary.get("notices", []):
        warn(notice)
    click.echo(f"\nThe results are in {out}")


def _load(source: str, size: str | None = None) -> Digits:
    if size is not None:  # notebooks and the explorer load the images themselves
        parse_size(size)
        os.environ["MNIST_CLUST_SIZE"] = size
        click.get_current_context().call_on_close(lambda: os.environ.pop("MNIST_CLUST_SIZE"))
    digits = load_digits(source)
    for notice in digits.notices:
        warn(notice)
    return digits


def _source(given: str, digits: Digits) -> str:
    """Say what the notebooks shall load, so that they need not look for MNIST again."""
    if given == "auto":
        return "auto" if digits.name == "mnist" else "sample"
    return given if given in NAMED else str(Path(given).expanduser().resolve())


if __name__ == "__main__":
    main(prog_name="python -m mnist_clust")
