"""The form in which notebooks are committed.

``python -m mnist_clust.notebooks FILE …`` brings files into it; status 1 if one was not.
"""

from __future__ import annotations

from pathlib import Path

import click
import nbformat

from mnist_clust._write import write_atomically

_KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
_KEPT_CELL_METADATA = ("tags",)


def normalise(text: str) -> str:
    """Strip what changes from run to run and keep what readers and nbval need.

    Outputs, ids and execution counts stay: without counts nbval compares nothing. Consecutive
    stream outputs are joined, since how they are split depends on timing.

    Parameters
    ----------
    text : str
        A notebook file's content.

    Returns
    -------
    str
        The same notebook, normalised.
    """
    notebook = nbformat.reads(text, as_version=4)
    notebook.metadata = {"kernelspec": _KERNEL, "language_info": {"name": "python"}}
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number:02d}"
        cell.metadata = {key: cell.metadata[key] for key in _KEPT_CELL_METADATA
                         if cell.metadata.get(key)}  # fmt: skip
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
        text = path.read_text(encoding="utf-8")
        try:
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
    main(prog_name="python -m mnist_clust.notebooks")
