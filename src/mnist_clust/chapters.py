"""Executed notebooks as chapters of the report: their titles, their pictures and their text."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import dataclass
from html import escape
from pathlib import Path

import nbformat
from PIL import Image


@dataclass(frozen=True)
class Picture:
    """A figure of a notebook.

    Attributes
    ----------
    name : str
        Its file in ``figures/``, without the ending.
    alt : str
        What it shows, for those who cannot see it.
    width, height : int
        In pixels.
    """

    name: str
    alt: str
    width: int
    height: int

    @property
    def html(self) -> str:
        """The picture as HTML; pages lie beside ``figures/``."""
        return (
            f'<img src="figures/{self.name}.png" alt="{escape(self.alt)}" '
            f'width="{self.width}" height="{self.height}">'
        )


@dataclass(frozen=True)
class Chapter:
    """An executed notebook, ready for the site.

    Attributes
    ----------
    name : str
        File name without ending.
    title : str
        Its heading.
    purpose : str
        The first paragraph after it, in Markdown.
    pictures : tuple of Picture
        In the order of the page.
    page : str
        The notebook's content for Sphinx, its pictures referred to by name.
    """

    name: str
    title: str
    purpose: str
    pictures: tuple[Picture, ...]
    page: str

    @property
    def number(self) -> str:
        """The digits that the name begins with."""
        return re.match(r"\d*", self.name)[0]  # type: ignore[index]  # it matches always

    def link_to(self, picture: Picture) -> str:
        """Return the address of one of its pictures."""
        return f"{self.name}.html#figure-{picture.name}"


def read_chapter(path: Path, figures: Path) -> Chapter:
    """Read an executed notebook.

    Parameters
    ----------
    path : Path
        The notebook.
    figures : Path
        The folder with the PNG files that its run wrote: a picture is known by its bytes.

    Returns
    -------
    Chapter
    """
    notebook = nbformat.reads(path.read_text(encoding="utf-8"), as_version=4)
    notebook.cells = [
        cell
        for cell in notebook.cells
        if "injected-parameters" not in cell.metadata.get("tags", ())
    ]
    names = {file.read_bytes(): file.stem for file in sorted(figures.glob("*.png"))}
    pictures: list[Picture] = []
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            if "image/png" in output.get("data", {}):
                picture = _name_picture(cell, output, names)
                pictures += [picture] if picture else []
    title, purpose = _opening(notebook, path.stem)
    return Chapter(path.stem, title, purpose, tuple(pictures), str(nbformat.writes(notebook)))


def _name_picture(
    cell: nbformat.NotebookNode, output: nbformat.NotebookNode, names: dict[bytes, str]
) -> Picture | None:
    """Refer to a picture by its file, so that the site holds each one once."""
    png = base64.b64decode(output.data["image/png"])
    alt = output.data.get("text/plain", "")
    if png not in names:
        cell.metadata["mystnb"] = {"image": {"alt": alt, "align": "left"}}
        return None
    picture = Picture(names[png], alt, *Image.open(io.BytesIO(png)).size)
    output.data = {
        "text/html": f'<div class="shown" id="figure-{picture.name}">'
        f'<a href="figures/{picture.name}.png">{picture.html}</a></div>'
    }
    return picture


def _opening(notebook: nbformat.NotebookNode, name: str) -> tuple[str, str]:
    """Take the heading and the first paragraph, without the bold words that it begins with."""
    prose = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    heading, _, rest = (prose[0] if prose else "").partition("\n")
    if not heading.startswith("# "):
        return name, ""
    paragraph = rest.strip().partition("\n\n")[0]
    return heading[2:].strip(), re.sub(r"^\*\*[^*]*\*\*\s*", "", paragraph)
