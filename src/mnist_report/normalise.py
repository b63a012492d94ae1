"""The form in which notebooks are committed.

``python -m mnist_report.normalise FILE …`` brings files into it; status 1 if one was not.
"""

from __future__ import annotations

from pathlib import Path

import click
import nbformat

from image_files.writing import write_atomically

_KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def normalise(text: str) -> str:
    """Strip a notebook's file of what changes from run to run; keep what readers and nbval need.

    Outputs with their metadata, ids and execution counts stay: without counts nbval compares
    nothing. Consecutive stream outputs are joined, since how they are split depends on timing.
    """
    notebook = nbformat.reads(text, as_version=4)
    notebook.nbformat_minor = max(5, notebook.nbformat_minor)  # from which on cells have ids
    notebook.metadata = {"kernelspec": _KERNEL, "language_info": {"name": "python"}}
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number:02d}"
        tags = cell.metadata.get("tags")
        cell.metadata = {"tags": tags} if tags else {}
        if tags and "hide-input" in tags:  # as the site reads it; and as JupyterLab does
            cell.metadata["jupyter"] = {"source_hidden": True}
        if cell.cell_type == "code":
            cell.outputs = _join_streams(cell.outputs)
    return str(nbformat.writes(notebook)) + "\n"


def _join_streams(outputs: list[nbformat.NotebookNode]) -> list[nbformat.NotebookNode]:
    joined: list[nbformat.NotebookNode] = []
    for output in outputs:
        last = joined[-1] if joined else None
        if last and output.output_type == last.output_type == "stream" and output.name == last.name:
            last.text += output.text
        else:
            joined.append(output)
    return joined


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
def main(paths: tuple[Path, ...]) -> None:
    """Bring the notebooks at PATHS into the form that is committed.

    Exit status 1 if one was not in it yet, as hooks before a commit want.
    """
    changed = False
    for path in paths:
        try:
            text = path.read_text(encoding="utf-8")
            normal = normalise(text)
        except (ValueError, nbformat.ValidationError) as error:  # not JSON, or not a notebook
            raise click.UsageError(f"{path} is no notebook: open and save it again.") from error
        if normal != text:
            write_atomically(path, normal.encode())
            click.echo(f"{path} is normalised now: add it again.")
            changed = True
    if changed:
        raise SystemExit(1)


if __name__ == "__main__":
    main(prog_name="python -m mnist_report.normalise")
